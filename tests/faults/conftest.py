"""Studies whose optimizers misbehave, run once for all tests that examine them."""

import functools
import hashlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchbed.store import StudyFolder
from benchbed.study import reporting

COMMAND = str(Path(sys.executable).with_name("benchbed"))
FAULTY_PLUGIN = Path(__file__).with_name("faulty_plugin.py")
SMALL = ["--preset", "quick", "--steps", "30", "--seeds", "2", "-j", "2"]
REPORTS = {"page", "loss", "tables"}
"""Reports that write `index.html`, `plots/` and `tables/`."""
TIME_LIMIT = 240
"""Seconds after which a process counts as hung, many times those that it needs on a loaded machine."""
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
    """Return a function that returns the stored trials of a folder, sorted and without their times and memory."""

    def read(folder):
        table = StudyFolder(folder).read_trials().drop_columns(["wall_seconds", "peak_bytes"])
        return table.sort_by("trial_key").to_pylist()

    return read


@pytest.fixture(scope="module")
def one_report_a_place():
    """Draw one built-in report for each place in a study folder, as all plots take seconds, and those of plugins."""
    drawn_reports = reporting.drawn_reports

    def choose(catalog):
        names = drawn_reports(catalog)
        return [name for name in names if name in REPORTS or not catalog.entry("reports", name).built_in]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reporting, "drawn_reports", choose)
        yield


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
def interrupted(run_in_process, run_once, make_environment, contents, start_forked_command):
    """Return a function that interrupts a study halfway by a signal, and then completes it.

    Only the command that gets SIGINT has an interpreter of its own.

    The function returns the study folder and the observations that `observations.json` beside it contains.
    """

    def interrupt(signal_name):
        def fill(folder):
            gate = folder / "gate"
            gate.mkdir()
            start = RunningCommand if signal_name == "SIGINT" else start_forked_command
            command = start(folder, make_environment(BENCHBED_TEST_GATE=gate))
            try:
                wait_until(lambda: len(list(gate.glob("waiting-*"))) == 2)
                # Other files are parts that are being written: they vanish, and an interrupted one is never stored.
                wait_until(lambda: len(list((folder / "study" / "trials").glob("*.parquet"))) >= 3)
                # A second driver is tried in the study of one signal only.
                second = None
                if signal_name == "SIGINT":
                    second = run_in_process(folder, *WAITING_RUN, BENCHBED_TEST_GATE=gate)
                command.send(signal_name)
                code, errors = command.wait()
            finally:
                command.kill()
            observations = {"code": code, "stderr": errors, "remaining": unfinished_processes(folder)}
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
    """Return a function that starts a command in a new interpreter without waiting for its end."""
    return RunningCommand


@pytest.fixture(scope="session")
def start_forked_command(start_forked):
    """Return a function that starts a forked command in a folder without waiting for its end."""
    return functools.partial(RunningCommand, start_forked=start_forked)


@pytest.fixture(scope="session")
def remaining_processes():
    """Return a function that lists the processes with a mark that do not end in time."""
    return unfinished_processes


@pytest.fixture(scope="session")
def wait_for():
    """Return a function that waits until a condition is true."""
    return wait_until


class RunningCommand:
    """A `benchbed run` in its own session, as a terminal starts it; `start_forked` saves the imports."""

    def __init__(self, folder, environment, arguments=WAITING_RUN, start_forked=None):
        command = [COMMAND, *map(str, arguments)]
        self._process = self._report = None
        if start_forked is None:
            self._process = subprocess.Popen(
                [sys.executable, "-c", AS_IN_A_TERMINAL, *command],
                cwd=folder,
                env=environment,
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            self._errors, self._process_id = self._process.stderr, self._process.pid
        else:
            self._report, self._errors = start_forked(folder, command, environment)
            self._process_id = int(self._report.readline())

    def send(self, signal_name):
        """Send SIGINT to all processes, as a terminal does, or another signal to the driver alone."""
        if signal_name == "SIGINT":
            os.killpg(self._process_id, signal.SIGINT)
        else:
            os.kill(self._process_id, getattr(signal, signal_name))

    def wait(self):
        """Wait for the end; return the exit code and stderr."""
        if self._process is not None:
            _, errors = self._process.communicate(timeout=TIME_LIMIT)
            return self._process.returncode, errors
        is_ready, _, _ = select.select([self._report], [], [], TIME_LIMIT)
        assert is_ready, "the command did not end"
        with self._report, self._errors:
            return int(self._report.readline()), self._errors.read()

    def kill(self):
        """Kill all processes, so that a failing test leaves none."""
        if self._process is not None:
            if self._process.poll() is None:
                os.killpg(self._process_id, signal.SIGKILL)
            with self._process:  # closes stderr, or a later test would be blamed for it
                pass
        elif self._report is not None and not self._report.closed:
            os.killpg(self._process_id, signal.SIGKILL)
            self.wait()


def wait_until(is_true):
    """Wait until a condition is true; fail after the time limit."""
    deadline = time.monotonic() + TIME_LIMIT
    while not is_true():
        assert time.monotonic() < deadline, "the condition did not become true"
        time.sleep(0.02)


def unfinished_processes(folder):
    """Return the processes of commands that ran in a folder that have not ended in time."""
    deadline = time.monotonic() + TIME_LIMIT  # more than the promised 5 s, for a loaded machine
    while (processes := processes_of(folder)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return processes


def processes_of(folder):
    """Return the command lines of the processes that have a folder as working directory or in their environment."""
    processes = []
    for process in Path("/proc").glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue  # tests run in folders of their own
        try:
            is_below = (process / "cwd").readlink().is_relative_to(folder)
            if is_below or os.fsencode(folder) in (process / "environ").read_bytes():
                processes.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return processes
