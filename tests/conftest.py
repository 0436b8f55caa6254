"""Keep tests apart from each other and from the machine they run on, and run the real command for them."""

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import filelock
import hypothesis
import pytest
import torch

# How long an example takes is the machine's affair, and the same examples every time are what a test is for.
hypothesis.settings.register_profile("benchbed", deadline=None, derandomize=True)
hypothesis.settings.load_profile("benchbed")

COMMAND = str(Path(sys.executable).with_name("benchbed"))
WATCHDOG = 120
"""Seconds after which a command counts as hung; far more than any of them takes."""


LONG_FILES = (
    "test_scan.py",
    "test_packaging.py",
    "test_time_limits.py",
    "test_interruption.py",
)
"""Files with few tests that take long: first, so that no worker is left with one of them at the end."""


def pytest_collection_modifyitems(items):
    """Begin with the long files; the order of all others stays."""
    items.sort(key=lambda item: item.path.name not in LONG_FILES)


@pytest.fixture(scope="session", autouse=True)
def programs(tmp_path_factory):
    """Keep compiled programs in a folder of the session: each is made once, and none comes from an earlier one."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "benchbed" / "programs"


@pytest.fixture(autouse=True)
def alone(tmp_path, monkeypatch):
    """Run each test in an empty folder, with one torch thread; fail one that leaves global state changed."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    random_state = torch.get_rng_state()
    yield
    assert torch.get_default_dtype() == torch.float32, "the test left the default dtype changed"
    assert torch.get_num_threads() == 1, "the test left the number of threads changed"
    assert torch.is_grad_enabled(), "the test left gradients switched off"
    torch.set_rng_state(random_state)


@pytest.fixture(scope="session")
def surroundings():
    """Give a function that makes a child's environment: this one, without plots unless they are asked for."""

    def make(plots=False, **changes):
        left = {name: value for name, value in os.environ.items() if not name.startswith("BENCHBED_")}
        plain = {"COLUMNS": "100", "BENCHBED_DISABLE_PLUGINS": "" if plots else "reports"}
        merged = left | plain | changes
        return {name: str(value) for name, value in merged.items() if value is not None}

    return make


@pytest.fixture(scope="session")
def bench(surroundings):
    """Give a function that runs the installed `benchbed` to its end, in a folder, under a watchdog.

    `shell` is what a shell does around it, `"$@"` being the command.
    """

    def run(folder, *arguments, plots=False, shell='"$@"', **environment):
        return subprocess.run(
            ["bash", "-c", shell, "bash", COMMAND, *map(str, arguments)],
            cwd=folder,
            env=surroundings(plots, **environment),
            capture_output=True,
            text=True,
            timeout=WATCHDOG,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def bench_here(surroundings):
    """Give a function that does what `bench` does in this process, the batches too: a start costs seconds.

    For what a command reads, prints, writes and refuses. What concerns processes themselves (signals, time limits,
    deaths, imports, streams) needs `bench`.
    """

    def run(folder, *arguments, plots=False, **environment):
        from benchbed import cli, executors
        from benchbed.runner import fork_server, task

        def processes(jobs):
            return executors.serial(jobs)

        task._catalog.cache_clear()  # a process of its own would find plugin files as they are by now
        words = ["benchbed", *map(str, arguments)]
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
        with (
            contextlib.chdir(folder),
            _handlers_kept(),
            mock.patch.dict(os.environ, surroundings(plots, **environment), clear=True),
            mock.patch.object(executors, "processes", processes),
            mock.patch.object(fork_server, "start_fork_server"),
            mock.patch.object(sys, "argv", words),
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
        ):
            code = cli.main()
        shown = [stream.buffer.getvalue().decode() for stream in streams]
        return subprocess.CompletedProcess(words, code, *shown)

    return run


@contextlib.contextmanager
def _handlers_kept():
    """Put back how this process answers signals, which the command changes for good."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def once(tmp_path_factory):
    """Give a function that fills a folder once a session, also where several workers share the session."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name, fill):
        folder, done = root / f"once-{name}", root / f"once-{name}.done"
        with filelock.FileLock(f"{folder}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                done.touch()
        return folder

    return make
