"""Run studies whose optimizers misbehave, once for all tests that look at them."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchbed.store import StudyFolder

COMMAND = str(Path(sys.executable).with_name("benchbed"))
MISDEEDS = Path(__file__).with_name("misdeeds.py")
SMALL = ["--preset", "quick", "--steps", "30", "--seeds", "2", "-j", "2"]
WATCHDOG = 60
"""Seconds after which a process counts as hung."""
AS_IN_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # whatever started the tests may ignore it
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(scope="session")
def misdeeds():
    """Give the arguments of a small study with the plugin whose optimizers are the faults."""
    return ["run", "--plugin", MISDEEDS, *SMALL]


@pytest.fixture(scope="session")
def contents():
    """Give a function that reads every file below a folder as {relative path: digest}, but for the lock."""

    def read(folder):
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    return read


@pytest.fixture(scope="session")
def rows():
    """Give a function that reads the stored trials of a folder, sorted, without their times."""

    def read(folder):
        table = StudyFolder(folder).read_trials().drop_columns(["wall_seconds"])
        return table.sort_by("trial_key").to_pylist()

    return read


# A study of nine plain pairings and three that wait, so that it can be disturbed when it is half done.
HALTED = [
    "run", "--plugin", MISDEEDS, *SMALL, "-O", "study",
    *("-p", "quadratic", "-p", "quartic", "-p", "runge"),
    *("-o", "gd", "-o", "momentum", "-o", "adam", "-o", "waits"),
]  # fmt: skip


@pytest.fixture(scope="session")
def undisturbed(bench, once):
    """Give the folder of a study that nothing disturbed."""

    def fill(folder):
        gate = folder / "gate"
        gate.mkdir()
        (gate / "open").touch()
        result = bench(folder, *HALTED, BENCHBED_TEST_GATE=gate)
        assert result.returncode == 0, result.stderr

    return once("undisturbed", fill)


@pytest.fixture(scope="session")
def disturbed(bench_here, once, surroundings, contents):
    """Give a function that disturbs a study by a signal when it is half done, and then completes it.

    What was seen is in `seen.json` beside the study folder.
    """

    def disturb(name):
        def fill(folder):
            gate, mark = folder / "gate", f"benchbed-test-{folder}"
            gate.mkdir()
            command = Running(folder, surroundings(BENCHBED_TEST_GATE=gate, BENCHBED_TEST_MARK=mark))
            try:
                wait_until(lambda: len(list(gate.glob("waiting-*"))) == 2)
                wait_until(lambda: len(contents(folder / "study" / "trials")) >= 3)
                # One signal's study shows what becomes of a second driver.
                second = bench_here(folder, *HALTED, BENCHBED_TEST_GATE=gate) if name == "SIGINT" else None
                command.disturb(name)
                code, errors = command.end()
            finally:
                command.kill()
            seen = {"code": code, "stderr": errors, "left": left_over(mark)}
            seen["before"] = contents(folder / "study" / "trials")
            if second is not None:
                seen["second"] = [second.returncode, second.stderr]
            (gate / "open").touch()
            again = bench_here(folder, *HALTED, BENCHBED_TEST_GATE=gate)
            seen |= {"again": again.returncode, "again_stderr": again.stderr}
            seen["after"] = contents(folder / "study" / "trials")
            (folder / "seen.json").write_text(json.dumps(seen))

        folder = once(f"disturbed-{name}", fill)
        return folder / "study", json.loads((folder / "seen.json").read_text())

    return disturb


@pytest.fixture(scope="session")
def start():
    """Give a function that starts a command in a folder, and lets it run."""
    return Running


@pytest.fixture(scope="session")
def left():
    """Give a function that lists the processes with a mark that do not go in good time."""
    return left_over


@pytest.fixture(scope="session")
def waiting():
    """Give a function that waits for something that must happen."""
    return wait_until


class Running:
    """A `benchbed run` in a session of its own, as a terminal would start it."""

    def __init__(self, folder, environment, arguments=HALTED):
        self._process = subprocess.Popen(
            [sys.executable, "-c", AS_IN_A_TERMINAL, COMMAND, *map(str, arguments)],
            cwd=folder,
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def disturb(self, name):
        """Send a signal: Ctrl-C to all, as a terminal does, others to the driver alone."""
        if name == "SIGINT":
            os.killpg(self._process.pid, signal.SIGINT)
        else:
            self._process.send_signal(getattr(signal, name))

    def end(self):
        """Wait for the end; gives the exit code and stderr."""
        _, errors = self._process.communicate(timeout=WATCHDOG)
        return self._process.returncode, errors

    def kill(self):
        """Make sure that a test which fails leaves nothing behind."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def wait_until(happens):
    """Wait for something that must happen; fails where it does not."""
    deadline = time.monotonic() + WATCHDOG
    while not happens():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def left_over(mark):
    """Give the processes that carry a mark in their environment and are still there when all had time to go."""
    deadline = time.monotonic() + 15  # 5 s are promised; a loaded machine gets three times that
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def marked(mark):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found
