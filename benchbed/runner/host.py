"""Subprocess that runs groups of tasks in children: `python -m benchbed.runner.host DESCRIPTOR PARENT`."""

import hashlib
import os
import pickle
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from importlib import import_module
from importlib.metadata import version
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec

from benchbed.runner.fork_server import start_fork_server, temporary_folder

IDLE_SECONDS = 60.0
"""Time without a group after which the host ends, because a cluster may live longer than a study."""
PARENT_SECONDS = 0.5
"""Time between two looks whether the parent lives."""
COMPARED = ("benchbed", "torch")
"""Packages whose versions must be those of the driver."""


def versions() -> dict[str, str]:
    """Return the versions that must be the same everywhere; builds for other hardware may differ."""
    return {name: version(name).partition("+")[0] for name in COMPARED}


def main(descriptor: int, parent: int) -> None:
    """Run the groups that arrive through the descriptor of a connection until its other end is closed.

    The process ends with its parent.
    """
    connection: Connection[Any, Any] = Connection(descriptor)
    work: Future[None] = Future()
    work.set_result(None)
    with (
        tempfile.TemporaryDirectory(prefix="benchbed-files-", dir=temporary_folder()) as folder,
        ThreadPoolExecutor(1) as thread,
    ):

        def end_with_parent(number: int, frame: object) -> None:
            if os.getppid() != parent:
                os._exit(1)  # the processes that this one has started end with it, and remove its folder

        # A timer works during the imports, which take seconds, and leaves no thread to the fork server.
        signal.signal(signal.SIGALRM, end_with_parent)
        signal.setitimer(signal.ITIMER_REAL, PARENT_SECONDS, PARENT_SECONDS)
        start_fork_server()  # it imports torch while this process does
        from benchbed.runner.workers import kill_processes

        while connection.poll(IDLE_SECONDS) or not work.done():
            if connection.poll():
                try:
                    group = connection.recv()
                except EOFError:
                    break
                work = thread.submit(run_tasks, group, connection, Path(folder))
        kill_processes()


def run_tasks(group: Any, connection: "Connection[Any, Any]", folder: Path) -> None:
    """Run the tasks of a group one after the other and send the pickled result of each, and its time in seconds."""
    for task in group.tasks:
        start = time.monotonic()
        result = pickle.dumps(run_packed(task, group, folder))
        connection.send((result, time.monotonic() - start))


def run_packed(task: Any, group: Any, folder: Path) -> Any:
    """Run a task in a child process and return its result or a `WorkerFailure`."""
    from benchbed.interfaces import TrialStatus
    from benchbed.runner.workers import WorkerFailure, run_isolated

    difference = describe_difference(group.versions)
    if difference is not None:
        return WorkerFailure(TrialStatus.FAILED, difference)
    try:
        module, _, function = task.work.partition(":")
        work = getattr(import_module(module), function)
        encoded = with_local_files(task.task, group.files, folder)
    except Exception:  # noqa: BLE001 (the disk may be full, or the package differ in spite of its version)
        return WorkerFailure(TrialStatus.FAILED, traceback.format_exc())
    return run_isolated(work, encoded, task.timeout, task.owner)


def describe_difference(expected: Mapping[str, str]) -> str | None:
    """Return how the packages of this machine differ from the driver's; None if they do not."""
    installed = versions()
    differing = [name for name in expected if installed.get(name) != expected[name]]
    if not differing:
        return None
    described = ", ".join(
        f"{name} {installed.get(name)}, where the driver has {expected[name]}" for name in differing
    )
    return f"the worker on {platform.node()} differs: it has {described}; install the same version everywhere"


def with_local_files(task: bytes, files: Mapping[str, bytes], folder: Path) -> bytes:
    """Return a task in JSON with paths of plugin files that this machine has.

    A file that is not here, or has other content, is written into `folder`, below the digest of its content.
    """
    if not files:
        return task
    fields = msgspec.json.decode(task, type=dict[str, msgspec.Raw])
    paths = msgspec.json.decode(fields["plugin_files"], type=list[str])
    local = [_local_path(path, files[path], folder) if path in files else path for path in paths]
    return msgspec.json.encode(fields | {"plugin_files": msgspec.Raw(msgspec.json.encode(local))})


def _local_path(path: str, content: bytes, folder: Path) -> str:
    try:
        if Path(path).read_bytes() == content:
            return path
    except OSError:  # it is not here
        pass
    copy = folder / hashlib.sha256(content).hexdigest()[:16] / Path(path).name
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(content)
    return str(copy)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
