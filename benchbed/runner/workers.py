"""Workers that run tasks for a study in child processes that may die.

Each thread of the executor owns one child process, which is replaced after its death.
"""

import contextlib
import faulthandler
import fcntl
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

import msgspec

from benchbed.interfaces import TrialStatus
from benchbed.runner.fork_server import server_context, starting_process

LOG_CHARACTERS = 100_000
"""Longer logs are cut to their last characters."""

Work = Callable[[bytes], Any]
"""A top-level function from a task in JSON to plain data."""


class WorkerFailure(NamedTuple):
    """The reason why a task has no result."""

    kind: TrialStatus
    """CRASHED: the process died. TIMED_OUT: the time limit ended it. FAILED: the task raised an exception."""
    log: str
    """Output of the process, stack or traceback."""

    @property
    def message(self) -> str:
        """The last line of the log, without its line break."""
        return self.log.strip().rpartition("\n")[2] or "no error message"


class Workers:
    """The tasks of an executor, each isolated in a child process of the thread that runs it.

    As a context manager it waits for its tasks at the end of the block, and kills all processes after an exception.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        # An executor for debugging sets `in_process` and runs its tasks without child processes.
        self._run = run_in_this_process if getattr(executor, "in_process", False) else run_isolated

    def submit(self, work: Work, task: msgspec.Struct, timeout: float | None = None) -> Future[Any]:
        """Submit a task, which crosses processes as JSON, and return its future; read it with `result`."""
        return self._executor.submit(self._run, work, msgspec.json.encode(task), timeout)

    @staticmethod
    def result(future: Future[Any]) -> Any:
        """Wait for a task and return its result or a `WorkerFailure`; never raises an exception of the task."""
        try:
            return future.result()
        except Exception as error:  # noqa: BLE001 (executors are third-party code and may raise any exception)
            return WorkerFailure(TrialStatus.FAILED, f"{type(error).__name__}: {error}")

    def stop(self) -> None:
        """Wait for all submitted tasks and accept no more."""
        self._executor.shutdown()

    def kill(self) -> None:
        """Cancel the tasks that wait and kill the processes that run."""
        self._executor.shutdown(wait=False, cancel_futures=True)
        kill_processes()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self.stop()
        finally:
            self.kill()


class WorkerProcess:
    """A child process with a log that outlives it."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="benchbed-"))
        self._log, self._timeout_stack = self._folder / "log", self._folder / "timeout-stack"
        self._closing = threading.Lock()
        self._pool = ProcessPoolExecutor(
            1, mp_context=server_context(), initializer=prepare_process, initargs=(str(self._log),)
        )
        with starting_process():
            process_id = self._pool.submit(os.getpid)
        self.process_id: int = process_id.result()

    def run(self, work: Work, task: bytes, timeout: float | None) -> Any:
        """Run a task and return its result or a `WorkerFailure`.

        Raises: BrokenProcessPool if the process dies.
        """
        future = self._pool.submit(run_with_timeout, work, task, timeout, str(self._timeout_stack))
        result, error = future.result()
        return result if error is None else WorkerFailure(TrialStatus.FAILED, error)

    def kill(self) -> None:
        """Send SIGKILL."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process_id, signal.SIGKILL)

    def close(self) -> WorkerFailure:
        """Release the resources of a dead or dying process and return the failure that its files record.

        Waits for the pool's management thread: at interpreter exit Python would otherwise wake that thread through a
        pipe that is being closed.
        """
        with self._closing:  # `kill_processes` may close the process while its own thread does
            self._pool.shutdown(wait=True, cancel_futures=True)
            # Only the time limit writes the second file, just before it ends the process.
            log, stack = (
                path.read_text(errors="replace") if path.exists() else ""
                for path in (self._log, self._timeout_stack)
            )
            shutil.rmtree(self._folder, ignore_errors=True)
        kind = TrialStatus.TIMED_OUT if stack else TrialStatus.CRASHED
        return WorkerFailure(kind, (log + stack)[-LOG_CHARACTERS:])


_thread = threading.local()
_running: set[WorkerProcess] = set()
_kills: list[None] = []
"""One item for each call of `kill_processes`."""


def run_isolated(work: Work, task: bytes, timeout: float | None = None) -> Any:
    """Run `work` on a task in the child process of this thread; return its result or a `WorkerFailure`."""
    process: WorkerProcess | None = getattr(_thread, "process", None)
    kills = len(_kills)
    try:
        if process is None or process not in _running:
            process = _thread.process = WorkerProcess()
            _running.add(process)
        if len(_kills) > kills:  # the process started while all others were killed
            process.kill()
        return process.run(work, task, timeout)
    except BrokenProcessPool:
        if process is None:  # it died while it started
            return WorkerFailure(TrialStatus.CRASHED, "")
        _running.discard(process)
        return process.close()
    except Exception as error:  # noqa: BLE001 (the result of a task may fail to unpickle with any exception)
        return WorkerFailure(TrialStatus.FAILED, f"{type(error).__name__}: {error}")


def run_in_this_process(work: Work, task: bytes, timeout: float | None = None) -> Any:
    """Run `work` on a task without a child process, so without isolation and time limit."""
    return work(task)


def kill_processes() -> None:
    """Kill every worker process of this process, including those that are starting, and release their resources."""
    _kills.append(None)
    for process in list(_running):
        process.kill()
        process.close()
        _running.discard(process)


def prepare_process(log: str) -> None:
    """Initialize a child: ignore SIGINT, redirect stdout to stderr, log stacks of crashes, die with the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.dup2(2, 1)
    faulthandler.enable(Path(log).open("a"))  # noqa: SIM115 (faulthandler writes to it until the process ends)
    threading.Thread(target=_exit_with_parent, args=(multiprocessing.parent_process(),), daemon=True).start()


def run_with_timeout(
    work: Work, task: bytes, timeout: float | None, stack_file: str
) -> tuple[Any, str | None]:
    """Run a task in the child and return its result and the traceback of its exception, one of which is None.

    After `timeout` seconds the process writes its stack to `stack_file` and ends.
    """
    _die_with_parent()
    with contextlib.ExitStack() as stack:
        if timeout is not None:
            # Works even while a plugin holds the GIL, unlike a thread or a signal handler.
            file = stack.enter_context(Path(stack_file).open("a"))
            faulthandler.dump_traceback_later(timeout, exit=True, file=file)
            stack.callback(faulthandler.cancel_dump_traceback_later)
        try:
            return work(task), None
        except BaseException:  # noqa: BLE001 (an exception may fail to pickle, or end the process that receives it)
            return None, traceback.format_exc()


def _die_with_parent() -> None:
    # The kernel sends SIGIO, which ends this process, when the parent's end of their pipe closes, even while a plugin
    # holds the GIL. Not set in `prepare_process`, when the parent may still write to that pipe.
    parent: Any = multiprocessing.parent_process()
    fcntl.fcntl(parent.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(parent.sentinel, fcntl.F_SETFL, fcntl.fcntl(parent.sentinel, fcntl.F_GETFL) | os.O_ASYNC)


def _exit_with_parent(parent: Any) -> None:
    # For systems whose pipes do not send SIGIO.
    parent.join()
    os._exit(1)
