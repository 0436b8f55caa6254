"""Supervisor of a worker process: its parent, which ends it and all that it started with the worker or the driver."""

import contextlib
import ctypes
import multiprocessing
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from benchbed.runner.memory import peak_bytes, refuse_allocations, reset_peak, used_bytes

PRINTED_BYTES = 10_000
"""Output of a worker that reaches stderr; plugins may print without end."""

LOG_BYTES = 100_000
"""Longer output is cut to its last bytes."""

OUTPUT = "output"
"""File in the folder of a worker with its last output, written at its end."""

PEAK = "peak"
"""File in the folder of a worker that was ended because of its memory, with the number of bytes that it had."""

WATCH_SECONDS = 0.05
"""Time between two looks at the memory of a worker: it can touch a few hundred megabytes meanwhile."""

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_PATIENCE_SECONDS = 2.0
"""Time after which processes that cannot be killed, such as those of another user, are left alone."""

_NUMBER_BYTES = 8


class _Watched(NamedTuple):
    """A worker, as it knows itself."""

    limit_pipe: int
    """The pipe through which it tells its supervisor how many bytes it may have."""
    folder: Path


_watched: list[_Watched] = []
"""In a worker, itself; nothing in all other processes, also in copies of a worker."""


@contextlib.contextmanager
def limited_memory(limit: int | None) -> Iterator[None]:
    """Limit the memory of this process to `limit` bytes, None for no limit, and measure its peak anew.

    The supervisor ends the process soon after it had more, and far larger allocations fail. If the supervisor has not
    looked since then, the process ends itself: a result does not depend on the moments at which the supervisor looks.
    """
    reset_peak()
    if limit is None or not _watched:
        yield
        return
    refuse_allocations(limit)
    _send_limit(limit)
    try:
        yield
        for worker in _watched:
            if (peak := peak_bytes() or 0) > limit:
                (worker.folder / PEAK).write_text(str(peak))
                os.kill(os.getpid(), signal.SIGKILL)
    finally:
        _send_limit(0)


def _send_limit(limit: int) -> None:
    for worker in _watched:
        # If a plugin has closed all files, the supervisor keeps the limit.
        with contextlib.suppress(OSError):
            os.write(worker.limit_pipe, limit.to_bytes(_NUMBER_BYTES))


def fork_worker(folder: Path) -> None:
    """Fork this process and return in the child, the worker; the parent supervises it and does not return.

    The worker dies with its parent. It has a session of its own: signals to its group reach no other process.
    """
    driver: Any = multiprocessing.parent_process()
    output, worker_output = os.pipe()
    limits, limit_pipe = os.pipe()
    wakeup, signals = os.pipe()
    os.set_blocking(signals, False)
    os.set_blocking(output, False)
    for number in (
        signal.SIGINT,
        signal.SIGHUP,
        signal.SIGQUIT,
    ):  # a terminal sends them to all of its processes
        signal.signal(number, signal.SIG_IGN)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, lambda number, frame: None)
    signal.set_wakeup_fd(signals)
    _set_process_option(_PR_SET_CHILD_SUBREAPER, 1)  # orphans of the worker become children of this process
    supervisor, worker = os.getpid(), os.fork()
    if worker:
        os.close(worker_output)
        os.close(limit_pipe)
        _supervise(worker, driver.sentinel, wakeup, _Output(output), limits, folder)
    _watched.append(_Watched(limit_pipe, folder))
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGCHLD, signal.SIGTERM, signal.SIGTSTP):
        signal.signal(number, signal.SIG_DFL)
    os.register_at_fork(after_in_child=_prepare_copy)
    os.setsid()
    _set_process_option(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != supervisor:  # it died before the option was set
        os._exit(1)
    for target in (1, 2):
        os.dup2(worker_output, target)
    for end in (output, worker_output, limits, wakeup, signals):
        os.close(end)


def _prepare_copy() -> None:
    """Let a copy of the worker not act for it, and fork no copies: if each step forks, they would double each time."""
    _watched.clear()
    os.register_at_fork(after_in_child=lambda: os._exit(1))


def end_descendants(group: int) -> None:
    """Kill all descendants of this process until none is left; `group` serves systems without subreapers."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    try:
        while os.waitpid(-1, os.WNOHANG)[0] or time.monotonic() < deadline:
            # The children of a process that was killed become children of this one.
            for child in _children():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)
    except ChildProcessError:  # none is left
        return


class _Output:
    """The output of a worker, of which the first bytes are printed on stderr and the last are stored."""

    def __init__(self, source: int) -> None:
        self.source = source
        self.last = b""
        self._printable = PRINTED_BYTES

    def read(self) -> bool:
        """Read the contents of the pipe and return whether there were any."""
        try:
            chunk = os.read(self.source, 1 << 16)
        except BlockingIOError:
            return False
        self.last = (self.last + chunk)[-LOG_BYTES:]
        printed, self._printable = self._printable, max(0, self._printable - len(chunk))
        if printed:
            ellipsis = b"" if self._printable else b"\n(the process prints more than is shown)\n"
            with contextlib.suppress(OSError):  # stderr may be closed
                os.write(2, chunk[:printed] + ellipsis)
        return bool(chunk)


def _supervise(worker: int, driver: int, wakeup: int, output: _Output, limits: int, folder: Path) -> NoReturn:
    """Wait for the end of the worker or the driver, or for SIGTERM; then end all descendants and this process.

    The worker ends, too, if it and its children have more bytes than the last number that it wrote into the pipe
    `limits`, or if it had more at any time since it wrote the number.
    """
    try:
        ending = None
        limit, sources = 0, [driver, wakeup, output.source, limits]
        while ending is None:
            ready = wait(sources, WATCH_SECONDS if limit else None)
            if limits in ready:
                if numbers := os.read(limits, 1 << 16):
                    limit = int.from_bytes(numbers[-_NUMBER_BYTES:])
                else:  # the worker has closed its end
                    sources.remove(limits)
            if limit and (used := used_bytes(worker, limit)) > limit:
                (folder / PEAK).write_text(str(used))
                break
            if output.source in ready:
                output.read()
            if wakeup in ready:
                ending = _on_signals(os.read(wakeup, 4096), worker)
            if driver in ready:
                ending = "lost the process that had started it"
        ending = _ending_by_memory(folder / PEAK, limit) or ending
        end_descendants(worker)
        deadline = time.monotonic() + _PATIENCE_SECONDS  # a process that could not be killed may print on
        while output.read() and time.monotonic() < deadline:
            pass
        if driver in wait([driver], timeout=0):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            (folder / OUTPUT).write_bytes(output.last + f"\nthe process {ending}\n".encode())
    finally:
        os._exit(1)


def _ending_by_memory(file: Path, limit: int) -> str | None:
    """Return how a worker ended because of its memory, whose size is in this file; None if it is missing."""
    with contextlib.suppress(FileNotFoundError):
        return f"had {file.read_text()} bytes of memory, more than the limit of {limit}, and was killed"
    return None


def _on_signals(numbers: bytes, worker: int) -> str | None:
    """Handle the signals that arrived and return how the worker ended, or None if it goes on."""
    if signal.SIGTERM in numbers:
        return "was ended by a signal to its supervisor"
    if signal.SIGTSTP in numbers:  # Ctrl-Z in a terminal
        os.killpg(worker, signal.SIGSTOP)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.killpg(worker, signal.SIGCONT)
    with contextlib.suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == worker:
                code = os.waitstatus_to_exitcode(ended[1])
                return (
                    f"exited with code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
                )
    return None


def _children() -> list[int]:
    """Return the children of this process; none on systems without /proc."""
    children = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # the process has ended
            # The name of the program, in parentheses, may contain spaces; state and parent follow.
            if int(status.read_text(errors="replace").rpartition(")")[2].split()[1]) == os.getpid():
                children.append(int(status.parent.name))
    return children


def _set_process_option(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)
