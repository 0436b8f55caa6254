"""A child process that runs tasks under a supervisor, and the code that runs in it."""

import contextlib
import faulthandler
import math
import os
import shutil
import signal
import stat
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import msgspec

from benchbed.formatting import shortened
from benchbed.interfaces import TrialStatus
from benchbed.runner.devices import binding_of
from benchbed.runner.fork_server import has_forked, server_context, starting_process
from benchbed.runner.supervisor import LOG_BYTES, OUTPUT, PEAK, fork_worker

GRACE_SECONDS = 2.0
"""A task that has not ended this long after its time limit is ended by the driver; its process then leaves no stack."""

POLL_SECONDS = 1.0
"""Time between two looks whether the process of a task still exists."""

SUPERVISOR_SECONDS = 5.0
"""Time after which a supervisor that does not end, for instance because it was stopped, is killed."""

Work = Callable[[bytes], Any]
"""A top-level function from a task in JSON to data that msgspec encodes; its annotation is the type of the result."""

_CRASH_STACK, _TIMEOUT_STACK = "crash-stack", "timeout-stack"


class WorkerFailure(NamedTuple):
    """The reason why a task has no result."""

    kind: TrialStatus
    """CRASHED: the process died, or its device failed. TIMED_OUT: the time limit ended it. OUT_OF_MEMORY: the memory
    limit ended it, or an allocation failed. FAILED: the task raised another exception."""
    log: str
    """Output of the process, stack or traceback."""
    peak_bytes: int | None = None
    """Memory of the process at its end; None unless the memory limit ended it."""
    has_raised: bool = False
    """The log is the traceback of an exception."""
    device: str | None = None
    """The CUDA device of the process; None if it was not bound to one."""

    @property
    def message(self) -> str:
        """The last line of the log, without its line break."""
        return self.log.strip().rpartition("\n")[2] or "no error message"


class ProcessLostError(Exception):
    """A process did not start, ended before it got its task, or was lost with the fork server: not the task's fault."""


class WorkerProcess:
    """A child process with a supervisor, and a folder for files that outlive both."""

    def __init__(self, owner: str | None, device: str | None = None) -> None:
        """Start the process, which sees only `device` if it is not None. Raises: ProcessLostError."""
        self.owner, self.device = owner, device
        binding = {} if device is None else binding_of(device)
        self.has_ended = False
        self._peak: int | None = None
        """Bytes because of which the supervisor has ended the process."""
        self._folder = Path(tempfile.mkdtemp(prefix="benchbed-"))
        self._closing = threading.Lock()
        self._pool = ProcessPoolExecutor(
            1, mp_context=server_context(), initializer=prepare_process, initargs=(str(self._folder), binding)
        )
        try:
            with starting_process():
                process_ids = self._pool.submit(process_and_supervisor)
            self._process_id, self._supervisor_id = process_ids.result()
            has_forked.set()
        except Exception as error:
            self._pool.shutdown(wait=False)
            shutil.rmtree(self._folder, ignore_errors=True)
            if isinstance(error, (OSError, EOFError, BrokenProcessPool)):
                raise ProcessLostError from error
            raise  # such as the RuntimeError of a pool whose interpreter ends

    def run(self, work: Work, task: bytes, timeout: float | None) -> Any:
        """Run a task and return its result or a `WorkerFailure`.

        Raises: ProcessLostError if the task may run in another process.
        """
        start = time.monotonic()
        stack_file = str(self._folder / _TIMEOUT_STACK)
        try:
            future = self._pool.submit(run_with_timeout, work, task, timeout, stack_file)
        except BrokenProcessPool as error:
            self.close()
            raise ProcessLostError from error
        limit = math.inf if timeout is None else start + timeout + GRACE_SECONDS
        while not future.done() and self._has_supervisor() and time.monotonic() < limit:
            wait([future], max(0.0, min(POLL_SECONDS, limit - time.monotonic())))
        # The pool misses the end of a process that died while it sent its result.
        wait([future], 0.0 if self._has_supervisor() else GRACE_SECONDS)
        # Decided by the clock of this process: plugins can write the file and cancel the timer of the child.
        is_late = timeout is not None and time.monotonic() - start >= timeout
        ending = ""
        if not future.done():
            ending = "\nthe process did not end itself at its time limit, so it was killed" if is_late else ""
            self.close()
        try:
            encoded, fault, kind = future.result()
        except BrokenProcessPool as error:
            # The server reports the end of a supervisor after it. One that lives on has lost the server.
            has_lost_server = self._has_supervisor() and not is_late
            log = self.close() + ending
            if has_lost_server:
                raise ProcessLostError from error
            if self._peak is not None:
                return WorkerFailure(TrialStatus.OUT_OF_MEMORY, log, self._peak)
            return WorkerFailure(TrialStatus.TIMED_OUT if is_late else TrialStatus.CRASHED, log)
        if encoded is None:
            if kind is not TrialStatus.FAILED:
                self.close()  # it may keep what it has allocated, and its device may reject all work
            return WorkerFailure(kind, str(fault), has_raised=True)
        return msgspec.msgpack.decode(encoded, type=get_type_hints(work).get("return", Any))

    def kill(self) -> None:
        """End the process; its supervisor then ends all that it has started, and itself."""
        if not self.has_ended:  # otherwise its number may be that of another process
            _send(self._process_id, signal.SIGKILL)
            _send(self._supervisor_id, signal.SIGCONT)

    def close(self) -> str:
        """End the process, release its resources and return its stack, if it left one, and its output.

        Waits for the pool's management thread: at interpreter exit Python would otherwise wake that thread through a
        pipe that is being closed.
        """
        with self._closing:  # `kill_processes` may close the process while its own thread does
            self.kill()
            deadline = time.monotonic() + SUPERVISOR_SECONDS
            while not self.has_ended and self._has_supervisor():
                if time.monotonic() > deadline:
                    _send(self._supervisor_id, signal.SIGKILL)
                    break
                time.sleep(0.002)
            self.has_ended = True
            if (results := self._pool._result_queue) is not None:
                # A process killed while it sends its result leaves half of it in the pipe, and the pool's thread would
                # wait for the rest as long as this process could write it.
                results._writer.close()  # type: ignore[attr-defined]  # private
            self._pool.shutdown(wait=True, cancel_futures=True)
            peak = _end_of(self._folder / PEAK)
            self._peak = int(peak) if peak.isdecimal() else self._peak
            log = "".join(_end_of(self._folder / name) for name in (_CRASH_STACK, _TIMEOUT_STACK, OUTPUT))
            shutil.rmtree(self._folder, ignore_errors=True)
        return log.strip()

    def _has_supervisor(self) -> bool:
        return _send(self._supervisor_id, 0)


def prepare_process(folder: str, environment: Mapping[str, str]) -> None:
    """Initialize a child: set environment variables, put it under a supervisor, and log stacks of crashes."""
    os.environ.update(environment)
    fork_worker(Path(folder))
    try:
        # faulthandler writes to it until the process ends.
        crash_stack = (Path(folder) / _CRASH_STACK).open("a")
    except FileNotFoundError:  # the driver was interrupted, has ended the fork server and removed the folder
        os._exit(1)
    faulthandler.enable(crash_stack)


def process_and_supervisor() -> tuple[int, int]:
    """Return the process numbers of this worker process and of its parent."""
    return os.getpid(), os.getppid()


def run_with_timeout(
    work: Work, task: bytes, timeout: float | None, stack_file: str
) -> tuple[bytes | None, str | None, TrialStatus]:
    """Run a task in the child and return its encoded result and the traceback of its exception; one of them is None.

    The third value is the kind of failure, if there is one.

    After `timeout` seconds the process writes its stack to `stack_file` and ends.
    """
    process_id = os.getpid()
    with contextlib.ExitStack() as stack:
        stack.callback(_end_copies, process_id)
        if timeout is not None:
            # Works even while a plugin holds the GIL, unlike a thread or a signal handler.
            file = stack.enter_context(Path(stack_file).open("a"))
            faulthandler.dump_traceback_later(timeout, exit=True, file=file)
            stack.callback(faulthandler.cancel_dump_traceback_later)
        try:
            result, error, kind = msgspec.msgpack.encode(work(task)), None, TrialStatus.FAILED
        except BaseException as raised:  # noqa: BLE001 (it may fail to pickle, or end the process that receives it)
            from benchbed.engine.fatal_errors import fatal_status  # the driver imports no torch here

            result, error = None, shortened(traceback.format_exc())
            kind = fatal_status(raised) or TrialStatus.FAILED
    return result, error, kind


def _end_copies(process_id: int) -> None:
    """Print what a task has written, and end this process if it is a fork that the task has made of its own."""
    with contextlib.suppress(Exception):  # a plugin may have replaced or closed it
        sys.stdout.flush()
    if os.getpid() != process_id:
        os._exit(1)


def _send(process_id: int, number: int) -> bool:
    """Send a signal and return whether the process exists."""
    try:
        os.kill(process_id, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_of(path: Path) -> str:
    """Return the last characters of a regular file; of anything else that a plugin may have put there nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)  # a pipe would block
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                return ""
            file.seek(max(0, status.st_size - LOG_BYTES))
            return file.read(LOG_BYTES).decode(errors="replace")
    except OSError:
        return ""
