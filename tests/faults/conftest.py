"""Studies whose optimizers misbehave, run once for all tests that examine them."""

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
FAULTY_PLUGIN = Path(__file__).with_name("faulty_plugin.py")
SMALL = ["--preset", "quick", "--steps", "30", "--seeds", "2", "-j", "2"]
TIME_LIMIT = 60
"""Seconds after which a process counts as hung."""
AS_IN_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)  # the parent of the tests may ignore it
os.execv(sys.argv[1], sys.argv[1:])
"""


@pytest.fixture(scope="session")
def faulty_run():
    """Return the arguments of a small study with the plugin whose optimizers are the faults."""
    return ["run", "--plugin", FAULTY_PLUGIN, *SMALL]


@pytest.fixture(scope="session")
def contents():
    """Return a function that returns {relative path: digest} of all files below a folder, except for the lock."""

    def read(folder):
        files = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in files
        }

    return read


@pytest.fixture(scope="session")
def rows():
    """Return a function that returns the stored trials of a folder, sorted and without their times."""

    def read(folder):
        table = StudyFolder(folder).read_trials().drop_columns(["wall_seconds"])
        return table.sort_by("trial_key").to_pylist()

    return read


# A study of nine ordinary pairings and three that wait, so that it can be interrupted halfway.
WAITING_RUN = [
    "run", "--plugin", FAULTY_PLUGIN, *SMALL, "-O", "study",
    *("-p", "quadratic", "-p", "quartic", "-p", "runge"),
    *("-o", "gd", "-o", "momentum", "-o", "adam", "-o", "waits"),
]  # fmt: skip


@pytest.fixture(scope="session")
def uninterrupted(run_benchbed, run_once):
    """Return the folder of a study that ran without interruption."""

    def fill(folder):
        gate = folder / "gate"
        gate.mkdir()
        (gate / "open").touch()
        result = run_benchbed(folder, *WAITING_RUN, BENCHBED_TEST_GATE=gate)
        assert result.returncode == 0, result.stderr

    return run_once("uninterrupted", fill)


@pytest.fixture(scope="session")
def interrupted(run_in_process, run_once, make_environment, contents):
    """Return a function that interrupts a study halfway by a signal, and then completes it.

    The function returns the study folder and the observations that `observations.json` beside it contains.
    """

    def interrupt(signal_name):
        def fill(folder):
            gate, mark = folder / "gate", f"benchbed-test-{folder}"
            gate.mkdir()
            command = RunningCommand(
                folder, make_environment(BENCHBED_TEST_GATE=gate, BENCHBED_TEST_MARK=mark)
            )
            try:
                wait_until(lambda: len(list(gate.glob("waiting-*"))) == 2)
                wait_until(lambda: len(contents(folder / "study" / "trials")) >= 3)
                # A second driver is tried in the study of one signal only.
                second = None
                if signal_name == "SIGINT":
                    second = run_in_process(folder, *WAITING_RUN, BENCHBED_TEST_GATE=gate)
                command.send(signal_name)
                code, errors = command.wait()
            finally:
                command.kill()
            observations = {"code": code, "stderr": errors, "remaining": unfinished_processes(mark)}
            observations["before"] = contents(folder / "study" / "trials")
            if second is not None:
                observations["second"] = [second.returncode, second.stderr]
            (gate / "open").touch()
            again = run_in_process(folder, *WAITING_RUN, BENCHBED_TEST_GATE=gate)
            observations |= {"again": again.returncode, "again_stderr": again.stderr}
            observations["after"] = contents(folder / "study" / "trials")
            (folder / "observations.json").write_text(json.dumps(observations))

        folder = run_once(f"interrupted-{signal_name}", fill)
        return folder / "study", json.loads((folder / "observations.json").read_text())

    return interrupt


@pytest.fixture(scope="session")
def start_command():
    """Return a function that starts a command in a folder without waiting for its end."""
    return RunningCommand


@pytest.fixture(scope="session")
def remaining_processes():
    """Return a function that lists the processes with a mark that do not end in time."""
    return unfinished_processes


@pytest.fixture(scope="session")
def wait_for():
    """Return a function that waits until a condition is true."""
    return wait_until


class RunningCommand:
    """A `benchbed run` in its own session, as a terminal starts it."""

    def __init__(self, folder, environment, arguments=WAITING_RUN):
        self._process = subprocess.Popen(
            [sys.executable, "-c", AS_IN_A_TERMINAL, COMMAND, *map(str, arguments)],
            cwd=folder,
            env=environment,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def send(self, signal_name):
        """Send SIGINT to all processes, as a terminal does, or another signal to the driver alone."""
        if signal_name == "SIGINT":
            os.killpg(self._process.pid, signal.SIGINT)
        else:
            self._process.send_signal(getattr(signal, signal_name))

    def wait(self):
        """Wait for the end; return the exit code and stderr."""
        _, errors = self._process.communicate(timeout=TIME_LIMIT)
        return self._process.returncode, errors

    def kill(self):
        """Kill all processes, so that a failing test leaves none."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def wait_until(is_true):
    """Wait until a condition is true; fail after the time limit."""
    deadline = time.monotonic() + TIME_LIMIT
    while not is_true():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.02)


def unfinished_processes(mark):
    """Return the processes with a mark in their environment that have not ended in time."""
    deadline = time.monotonic() + 15  # three times the promised 5 s, for a loaded machine
    while (processes := marked_processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes


def marked_processes(mark):
    """Return the command lines of the processes with a mark in their environment."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                processes.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return processes
