"""Isolation of the tests from each other and from the machine, and fixtures that run the command and a browser."""

import contextlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from multiprocessing import resource_tracker
from pathlib import Path
from unittest import mock

import filelock
import hypothesis
import pytest
import torch

# Examples may take any time on a slow machine, and are the same in every run.
hypothesis.settings.register_profile("benchbed", deadline=None, derandomize=True)
hypothesis.settings.load_profile("benchbed")

COMMAND = str(Path(sys.executable).with_name("benchbed"))
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
WATCHDOG = 480
"""Seconds after which a command counts as hung, far more than any command needs."""
COMMAND_SERVER = Path(__file__).with_name("command_server.py")
READ_AT_START = ("PYTHON", "LC_", "HOME", "XDG_CONFIG_", "MPL")
"""Beginnings of environment variables that only a new interpreter reads."""
PROGRESS = re.compile(r"^\d+ of \d+ trials, last .*\n", re.MULTILINE)
"""A line that a command prints every ten seconds; on a fast machine it prints none."""
READ_BY_SERVER = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
"""Those that the command server reads."""


LONG_FILES = (
    "test_executors.py",
    "test_docs.py",
    "test_random_plugins.py",
    "test_lost_folders.py",
    "test_inductor.py",
    "test_time_limits.py",
    "test_isolation.py",
    "test_foreign_folders.py",
    "test_interruption.py",
)
"""Files that take longest, which run first, in this order, so that no worker runs one alone at the end."""


def pytest_collection_modifyitems(items):
    """Sort the long files to the front; the order of all others stays."""
    order = {name: position for position, name in enumerate(LONG_FILES)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))


@pytest.fixture(scope="session", autouse=True)
def step_cache(tmp_path_factory):
    """Cache compiled steps in a folder of the session, so that none comes from an earlier session."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "cache"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setenv("XDG_DATA_HOME", str(folder / "data"))  # without reference results of the user
        patch.setenv(
            "TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / f"torchinductor_{os.getuid()}")
        )
        yield folder / "benchbed" / "programs"


@pytest.fixture(autouse=True)
def isolated_folder(tmp_path, monkeypatch):
    """Run each test in an empty folder, with one torch thread; fail if it changes global state."""
    monkeypatch.chdir(tmp_path)
    torch.set_num_threads(1)
    matplotlib = sys.modules.get("matplotlib")  # importing it would take time
    style = {} if matplotlib is None else matplotlib.rcParams.copy()
    random_state = torch.get_rng_state()
    yield
    assert torch.get_default_dtype() == torch.float32, "the test changed the default dtype"
    assert torch.get_num_threads() == 1, "the test changed the number of threads"
    assert torch.is_grad_enabled(), "the test switched gradients off"
    torch.set_rng_state(random_state)
    # To read the backend would choose one, and import it.
    changed = [name for name in style if name != "backend" and matplotlib.rcParams[name] != style[name]]
    for name in changed:
        matplotlib.rcParams[name] = style[name]
    assert not changed, "the test changed the style of matplotlib"


@pytest.fixture(scope="session")
def make_environment():
    """Return a function that returns the environment variables of a command, by default without plots."""

    def make(plots=False, **changes):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("BENCHBED_")}
        defaults = {"COLUMNS": "100", "BENCHBED_DISABLE_PLUGINS": "" if plots else "reports"}
        merged = inherited | defaults | changes
        return {name: str(value) for name, value in merged.items() if value is not None}

    return make


@pytest.fixture(scope="session")
def command_server(step_cache):
    """Yield a connection to the server that forks commands, so that they do not import torch again."""
    connection, other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = subprocess.Popen(
        [sys.executable, "-P", COMMAND_SERVER, str(other_end.fileno())], pass_fds=[other_end.fileno()]
    )
    other_end.close()
    connection.settimeout(WATCHDOG)
    yield connection
    connection.close()
    server.wait()


@pytest.fixture(scope="session")
def run_benchbed(make_environment, command_server):
    """Return a function that runs the `benchbed` command as a process in a folder, with a time limit.

    It is forked from the command server, unless it needs a new interpreter: because of its environment, because of
    `shell`, a shell script around the command `"$@"`, or because `installed` asks for the installed script. Lines of
    progress are left out of its errors.
    """

    def run(folder, *arguments, plots=False, shell=None, installed=False, **environment):
        command = [COMMAND, *map(str, arguments)]
        variables = make_environment(plots, **environment)
        needs_interpreter = any(
            name.startswith(READ_AT_START) and name not in READ_BY_SERVER for name in environment
        )
        if shell is None and not installed and not needs_interpreter:
            return _run_forked(command_server, folder, command, variables)
        result = subprocess.run(
            ["bash", "-c", shell or '"$@"', "bash", *command],
            cwd=folder,
            env=variables,
            capture_output=True,
            text=True,
            timeout=WATCHDOG,
            check=False,
        )
        result.stderr = PROGRESS.sub("", result.stderr)
        return result

    return run


@pytest.fixture(scope="session")
def run_programs(make_environment, command_server):
    """Return a function that runs Python files in a folder, one after the other in a process of the command server."""

    def run(folder, *files):
        return _run_forked(command_server, folder, ["python", *map(str, files)], make_environment())

    return run


@pytest.fixture(scope="session")
def start_forked(command_server):
    """Return a function that starts a command of the command server in a session of its own.

    It returns a stream of two lines, the number of the process and its exit code, and the stream of its errors.
    """

    def start(folder, command, environment):
        request = {"arguments": command, "folder": str(folder), "environment": environment}
        (report, report_end), (errors, errors_end) = os.pipe(), os.pipe()
        with Path(os.devnull).open("r+") as nothing:
            streams = [nothing.fileno(), nothing.fileno(), errors_end, report_end]
            socket.send_fds(command_server, [json.dumps(request).encode()], streams)
        os.close(report_end)
        os.close(errors_end)
        return os.fdopen(report), os.fdopen(errors)

    return start


def _run_forked(server, folder, command, environment):
    """Run a command in a process of the command server; return as `subprocess.run` does."""
    request = {"arguments": command, "folder": str(folder), "environment": environment}
    (output, output_end), (errors, errors_end) = os.pipe(), os.pipe()
    with Path(os.devnull).open() as nothing:
        socket.send_fds(server, [json.dumps(request).encode()], [nothing.fileno(), output_end, errors_end])
    os.close(output_end)
    os.close(errors_end)
    texts = {}

    def read(descriptor):
        with open(descriptor, encoding="utf-8") as stream:  # noqa: PTH123 (a descriptor, not a path)
            texts[descriptor] = stream.read()

    readers = [threading.Thread(target=read, args=[stream], daemon=True) for stream in (output, errors)]
    for reader in readers:
        reader.start()
    process_id = int(server.recv(32))
    try:
        code = int(server.recv(32))
    except TimeoutError:
        os.kill(process_id, signal.SIGKILL)
        server.recv(32)
        raise subprocess.TimeoutExpired(command, WATCHDOG) from None
    for reader in readers:
        reader.join(WATCHDOG)
    return subprocess.CompletedProcess(command, code, texts[output], PROGRESS.sub("", texts[errors]))


@pytest.fixture(scope="session")
def run_in_process(make_environment):
    """Return a function that runs a command and its batches in this process, which saves seconds of start-up.

    For tests of input, output, files and errors. Tests of processes (signals, time limits, crashes, imports, streams)
    need `run_benchbed`. Files are not flushed to the disk.
    """

    # Tests of remaining processes would take it for one of a study, if it started within the folder of their study.
    resource_tracker.ensure_running()

    def run(folder, *arguments, plots=False, **environment):
        from benchbed import cli, executors
        from benchbed.runner import fork_server, task

        def thread_pool(*arguments, **keywords):
            return executors.SerialExecutor()

        task._catalog.cache_clear()  # a new process would read changed plugin files again
        arguments_with_name = ["benchbed", *map(str, arguments)]
        streams = [io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2)]
        with (
            contextlib.chdir(folder),
            _restored_handlers(),
            mock.patch.dict(os.environ, make_environment(plots, **environment), clear=True),
            mock.patch.object(executors, "ThreadPoolExecutor", thread_pool),
            mock.patch.object(fork_server, "start_fork_server"),
            mock.patch.object(os, "fsync"),  # milliseconds a file; tests survive no power failure
            mock.patch.object(sys, "argv", arguments_with_name),
            contextlib.redirect_stdout(streams[0]),
            contextlib.redirect_stderr(streams[1]),
        ):
            code = cli.main()
        output, errors = (stream.buffer.getvalue().decode() for stream in streams)
        return subprocess.CompletedProcess(arguments_with_name, code, output, PROGRESS.sub("", errors))

    return run


@pytest.fixture(scope="session")
def browser():
    """Yield a headless Chromium."""
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@contextlib.contextmanager
def _restored_handlers():
    """Restore the signal handlers of this process, which the command changes."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def run_once(tmp_path_factory):
    """Return a function that fills a folder once a session, even if several pytest workers share the session."""
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def make(name, fill):
        folder, finished = root / f"once-{name}", root / f"once-{name}.done"
        with filelock.FileLock(f"{folder}.lock"):
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                finished.touch()
        return folder

    return make
