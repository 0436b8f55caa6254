"""Processes of a running study: the driver, the server of its workers, their supervisors and the workers."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path

MARK = "BENCHBED_BENCHMARK_MARK"
"""Environment variable that a study's processes inherit, so that they are found after the death of their parents."""


class ProcessKind(StrEnum):
    """Part of a process in a study."""

    DRIVER = "driver"
    SERVER = "fork server"
    SUPERVISOR = "supervisor"
    """A process between the server and a worker."""
    WORKER = "worker"


class StudyProcess:
    """A command of benchbed in a session of its own, with the processes that it starts."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str], patience: float
    ) -> None:
        """`folder` contains the output of the command in `log`; `patience` are the seconds until processes are gone."""
        self._patience = patience
        self.mark = f"{folder}-{time.monotonic_ns()}"
        with (folder / "log").open("a") as log:
            self._driver = subprocess.Popen(
                command,
                env={**environment, MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """Exit code of the driver; None while it runs."""
        return self._driver.poll()

    def wait(self, seconds: float) -> int | None:
        """Wait for the driver at most so long, and return its exit code, or None if it still runs."""
        try:
            return self._driver.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def processes(self) -> dict[ProcessKind, list[int]]:
        """Find the processes that a kill can hit, by kind."""
        parents = {pid: parent_of(pid) for pid in marked_processes(self.mark)}
        children = {pid for pid, parent in parents.items() if parent == self._driver.pid}
        servers = [pid for pid in children if "forkserver" in command_of(pid)]
        # A process that the server forks has the command line of the server, unlike a compiler or another program.
        forked = [pid for pid in _below(servers, parents) if "forkserver" in command_of(pid)]
        supervisors = [pid for pid in forked if any(parents[other] == pid for other in forked)]
        kinds = {
            ProcessKind.DRIVER: [self._driver.pid] if self.exit_code is None else [],
            ProcessKind.SERVER: servers,
            ProcessKind.SUPERVISOR: supervisors,
            ProcessKind.WORKER: [pid for pid in forked if pid not in supervisors],
        }
        return {kind: pids for kind, pids in kinds.items() if pids}

    def kill(self, pid: int, signal_number: int) -> None:
        """Send a signal; SIGINT of the driver goes to all processes of its session, as a terminal sends it."""
        if pid == self._driver.pid and signal_number == signal.SIGINT:
            os.killpg(pid, signal_number)
        else:
            os.kill(pid, signal_number)

    def remaining(self, pids: Sequence[int] | None = None) -> list[str]:
        """Return the commands of the processes (all of the study, or `pids`) that do not end in time."""
        deadline = time.monotonic() + self._patience
        while True:
            alive = [pid for pid in marked_processes(self.mark) if pids is None or pid in pids]
            if not alive or time.monotonic() > deadline:
                return [f"{pid} (parent {parent_of(pid)}) {command_of(pid)[:80]}" for pid in alive]
            time.sleep(0.05)

    def clean_up(self) -> None:
        """Kill everything that is left of the study."""
        for pid in marked_processes(self.mark):
            os.kill(pid, signal.SIGKILL)
        self._driver.wait()


def marked_processes(mark: str) -> list[int]:
    """Return the processes with this mark; processes that have ended and are not yet reaped have none."""
    wanted = f"{MARK}={mark}".encode()
    every_process = (int(path.name) for path in Path("/proc").glob("[0-9]*"))
    return [pid for pid in every_process if wanted in _read(pid, "environ")]


def command_of(pid: int) -> str:
    """Return the command line of a process, empty if it has ended."""
    return _read(pid, "cmdline").replace(b"\0", b" ").decode(errors="replace")


def parent_of(pid: int) -> int:
    """Return the parent of a process, 0 if it has ended."""
    fields = _read(pid, "stat").rpartition(b")")[2].split()
    return int(fields[1]) if fields else 0


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""


def _below(ancestors: Sequence[int], parents: Mapping[int, int]) -> set[int]:
    """Return the processes with one of these ancestors."""
    below: set[int] = set()
    while True:
        found = {pid for pid, parent in parents.items() if parent in below or parent in ancestors} - below
        if not found:
            return below
        below |= found
