"""A group of tasks, and the function that runs it in a process of an executor.

Such a process may be daemonic, belong to MPI or use another start method, so it starts no children by multiprocessing.
A host, a subprocess of its own, does. This module imports nothing heavy: only the children of the host need torch.
"""

import os
import platform
import subprocess
import sys
import threading
from collections.abc import Mapping
from multiprocessing import Pipe
from pathlib import Path
from typing import NamedTuple

from benchbed.catalog.discovery import DISABLE
from benchbed.runner.fork_server import ENVIRONMENT

POLL_SECONDS = 0.5
"""Time between two looks whether the driver still waits for the group."""
CLOSE_SECONDS = 5.0
"""Time after which a host that does not end is killed."""
MOST_HOSTS = 3
"""Hosts that a group may lose."""


class PackedTask(NamedTuple):
    """A task of `Workers.submit` whose function is named, because unpickling a function imports its module."""

    work: str
    """`module:function`."""
    task: bytes
    timeout: float | None
    owner: str | None


class Driver(NamedTuple):
    """The process that waits for a group."""

    node: str
    process_id: int
    folder: str
    """A folder that exists while the driver waits."""

    @property
    def is_here(self) -> bool:
        """Whether the driver runs on this machine and waits; elsewhere it cannot be seen."""
        if platform.node() != self.node or not Path(self.folder).is_dir():
            return False
        try:
            os.kill(self.process_id, 0)
        except ProcessLookupError:
            return False
        except PermissionError:  # it belongs to another user
            return True
        return True


class Group(NamedTuple):
    """Tasks that run one after the other in one process of an executor."""

    tasks: tuple[PackedTask, ...]
    files: Mapping[str, bytes]
    """Contents of the plugin files by their paths on the driver's machine."""
    versions: Mapping[str, str]
    """Versions of packages that must be the same everywhere."""
    disabled: str | None
    """Plugins that the user has disabled on the driver's machine."""
    driver: Driver


class GroupAbandonedError(Exception):
    """The driver has ended or has been interrupted, so nobody waits for the group."""


def run_group(group: Group) -> list[tuple[bytes, float]]:
    """Run a group and return the pickled result of each task, and its wall time in seconds.

    Raises: GroupAbandonedError if the driver, on the same machine, no longer waits; HostLostError.
    """
    for _ in range(MOST_HOSTS):
        host = _take_host(group.disabled)
        try:
            results = host.run(group)
        except (EOFError, OSError):  # it has ended meanwhile
            host.close()
        except BaseException:
            host.close()
            raise
        else:
            with _lock:
                _idle.append(host)
            return results
    raise HostLostError(f"{MOST_HOSTS} processes that start children ended while they ran this group")


class HostLostError(Exception):
    """The hosts of a group have ended."""


class Host:
    """A subprocess that runs groups in children; it ends with this process, or after a minute without a group."""

    def __init__(self, disabled: str | None) -> None:
        self.disabled = disabled
        self._connection, other_end = Pipe()
        environment = os.environ | ENVIRONMENT  # dask sets MALLOC_TRIM_THRESHOLD_, which slows steps
        environment.pop(DISABLE, None)
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "benchbed.runner.host", str(other_end.fileno()), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=2,  # the process of the executor may use its stdout for messages
            env=environment | ({} if disabled is None else {DISABLE: disabled}),
            pass_fds=[other_end.fileno()],
            start_new_session=True,
        )
        other_end.close()

    def run(self, group: Group) -> list[tuple[bytes, float]]:
        """Run a group. Raises: EOFError or OSError if the host has ended; GroupAbandonedError."""
        watches = group.driver.is_here
        self._connection.send(group)
        results: list[tuple[bytes, float]] = []
        while len(results) < len(group.tasks):
            if self._connection.poll(POLL_SECONDS):
                results.append(self._connection.recv())
            elif watches and not group.driver.is_here:
                raise GroupAbandonedError
        return results

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended, because it was idle for too long or was killed."""
        return self._process.poll() is not None

    def close(self) -> None:
        """End the host and its children."""
        self._connection.close()
        try:
            self._process.wait(CLOSE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


_lock = threading.Lock()
"""Guards the hosts."""
_idle: list[Host] = []
"""Hosts without a group; a process that runs several groups at a time has several."""


def _take_host(disabled: str | None) -> Host:
    with _lock:
        for host in [host for host in _idle if host.has_ended]:
            _idle.remove(host)
            host.close()
        for host in reversed(_idle):
            if host.disabled == disabled:
                _idle.remove(host)
                return host
    return Host(disabled)
