"""The server that worker processes are forked from, and the environment in which it starts."""

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
import types
from collections.abc import Iterator
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.context import ForkServerContext

ENVIRONMENT = {
    # Keeps the working directory off the import path of the server and of every process that it forks.
    "PYTHONSAFEPATH": "1",
    # glibc returns large blocks to the kernel and asks for them again, page by page, in every step: a quarter of the
    # time of a network's step. Other C libraries ignore these variables.
    "MALLOC_MMAP_THRESHOLD_": "1073741824",
    "MALLOC_TRIM_THRESHOLD_": "1073741824",
}
"""Environment variables of worker processes; a value that the user has set wins, except for the import path."""

DRIVER = "BENCHBED_DRIVER"
"""Environment variable of the server: the process that it serves."""

FOLDER = "BENCHBED_FOLDER"
"""Environment variable of the server: the temporary folder of that process."""

MAX_TEMPORARY_PATH = 70
"""Bytes of the temporary folder's path, to which multiprocessing adds 32 for its socket; the limit of macOS is 103."""

has_forked = threading.Event()
"""Whether the server has forked a process, so has finished its imports: then it ends with this process by itself."""

_starting = threading.Lock()
"""Guards the changes to this process while another one starts."""


def server_context() -> ForkServerContext:
    """Return the multiprocessing context of the fork server."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["benchbed.runner.preload"])
    return context


def start_fork_server() -> None:
    """Start the server early, so that it imports torch while the caller does."""
    server_context()
    with starting_process():
        forkserver.ensure_running()
    # Not `atexit`, which would also run in copies of this process.
    util.Finalize(None, lambda: None if has_forked.is_set() else kill_fork_server(), exitpriority=0)


def kill_fork_server() -> None:
    """Kill the server, whose imports may take minutes on a slow disk; the next process starts another one."""
    process_id = getattr(forkserver._forkserver, "_forkserver_pid", None)
    if process_id is not None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process_id, signal.SIGKILL)
    has_forked.clear()


@contextlib.contextmanager
def starting_process() -> Iterator[None]:
    """Set environment, main module and signal mask for a process that starts within the block."""
    with _starting:
        values = {**ENVIRONMENT, DRIVER: str(os.getpid()), FOLDER: temporary_folder()}
        environment = {name: os.environ.get(name) for name in values}
        main_module = sys.modules["__main__"]
        signal_mask = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            for name, value in values.items():
                if environment[name] is None or name in {"PYTHONSAFEPATH", DRIVER, FOLDER}:
                    os.environ[name] = value
            # The resource tracker resets the signal mask when it starts, so it starts first.
            resource_tracker.ensure_running()
            # The process inherits the mask: a terminal sends Ctrl-C to all processes, and only the driver handles it.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
            # multiprocessing imports the main module again in each child. A script that calls `benchbed.run()`
            # without `if __name__ == "__main__"` would run its study again there.
            sys.modules["__main__"] = types.ModuleType("__main__")
            yield
        finally:
            sys.modules["__main__"] = main_module
            for name, previous in environment.items():
                if previous is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = previous
            signal.pthread_sigmask(signal.SIG_SETMASK, signal_mask)


def temporary_folder() -> str:
    """Return the temporary folder of this process, which its end removes, also an end by SIGKILL.

    It contains the sockets of multiprocessing, and is below /tmp if TMPDIR is too long for their paths.
    """
    folder = tempfile.gettempdir()
    try:
        if len(os.fsencode(folder)) > MAX_TEMPORARY_PATH:
            tempfile.tempdir = "/tmp"
        return util.get_temp_dir()
    finally:
        tempfile.tempdir = folder
