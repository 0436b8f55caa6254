"""Workers that run tasks for a study in child processes that may die."""

import functools
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any

import msgspec

from benchbed.errors import ExecutorLostError
from benchbed.interfaces import TrialStatus
from benchbed.runner.core_queue import CoreQueue
from benchbed.runner.fork_server import kill_fork_server
from benchbed.runner.worker_process import ProcessLostError, Work, WorkerFailure, WorkerProcess

__all__ = ["Work", "WorkerFailure", "Workers"]

MOST_LOSSES = 3
"""Processes that a task may lose without its fault, as when the fork server is killed."""

MOST_IDLE_OWNED = 4
"""Idle processes with an owner that are kept for its next task."""


class Workers:
    """The tasks of an executor, each isolated in a child process of the thread that runs it.

    As a context manager it waits for its tasks at the end of the block, and kills all processes after an exception.
    """

    shares_cores = True
    """Whether tasks run on the cores of this machine, so that few of them may have several threads each."""

    def __init__(self, executor: Executor, cores: int | None = None) -> None:
        """`cores` is the number that tasks share; None if it is not limited."""
        self._executor = executor
        self._calls = CoreQueue(executor, sys.maxsize if cores is None else cores)
        # An executor for debugging sets `in_process` and runs its tasks without child processes.
        self.is_isolated = not getattr(executor, "in_process", False)
        self._ended = threading.Event()
        isolated = functools.partial(run_isolated, ended=self._ended)
        self._run: Callable[..., Any] = isolated if self.is_isolated else run_in_this_process

    def submit(
        self,
        work: Work,
        task: msgspec.Struct,
        timeout: float | None = None,
        owner: str | None = None,
        cores: int = 1,
    ) -> Future[Any]:
        """Submit a task, which crosses processes as JSON, and return its future; read it with `result`.

        A task that runs third-party code needs an owner, such as its pairing: it shares processes only with the tasks
        of this owner. It waits until as many `cores` are free as it has threads; later ones may run before it.
        """
        return self._calls.submit(cores, self._run, work, msgspec.json.encode(task), timeout, owner)

    @property
    def warnings(self) -> list[str]:
        """Sentences on the places where tasks ran."""
        return []

    def release(self, owner: str | None) -> None:
        """End the processes of an owner that has no more tasks."""
        if owner is not None:
            end_processes(owner)

    @staticmethod
    def result(future: Future[Any]) -> Any:
        """Wait for a task and return its result or a `WorkerFailure`; never raises an exception of the task.

        Raises: ExecutorLostError if no task can run any more.
        """
        try:
            return future.result()
        except ExecutorLostError:
            raise
        except Exception as error:  # noqa: BLE001 (executors are third-party code and may raise any exception)
            from benchbed.engine.fatal_errors import fatal_status  # imports torch

            status = fatal_status(error)
            if status is None:
                return WorkerFailure(TrialStatus.FAILED, f"{type(error).__name__}: {error}")
            return WorkerFailure(status, "".join(traceback.format_exception(error)), has_raised=True)

    def stop(self) -> None:
        """Wait for all submitted tasks and accept no more."""
        self._executor.shutdown()

    def kill(self) -> None:
        """Cancel the tasks that wait and kill the processes that run."""
        self._ended.set()
        self._calls.close()
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


_lock = threading.Lock()
"""Guards the collections below."""
_processes: set[WorkerProcess] = set()
"""Processes that have not ended."""
_starting: list[str | None] = []
"""Owners of the processes that are starting."""
_idle: list[WorkerProcess] = []
"""Those without a task; the last used one is the last."""
_kills: list[None] = []
"""One item for each call of `kill_processes`."""


def run_isolated(
    work: Work,
    task: bytes,
    timeout: float | None = None,
    owner: str | None = None,
    device: str | None = None,
    ended: threading.Event | None = None,
) -> Any:
    """Run `work` on a task in a child process of its owner; return its result or a `WorkerFailure`.

    With `device`, such as "cuda:1", the child sees this CUDA device only. No process starts after `ended`. A task
    without enough memory in a process that ran others before runs once more in a new one: they may have left memory in
    theirs.
    """
    kills, losses, needs_new = len(_kills), 0, False
    while losses < MOST_LOSSES and not (ended and ended.is_set()):
        process = used = None if needs_new else _take_idle(owner, device)
        try:
            process = process or _start(owner, device, kills, ended)
            with _lock:
                _processes.add(process)
            if len(_kills) > kills:  # the process started while all others were killed
                process.kill()
            result = process.run(work, task, timeout)
            needs_new = (
                used is not None
                and isinstance(result, WorkerFailure)
                and result.kind is TrialStatus.OUT_OF_MEMORY
            )
            if not needs_new:
                return result
        except ProcessLostError:
            losses += 1
            end_processes(owner)  # the others have lost the fork server too
        except Exception as error:  # noqa: BLE001 (the result of a task may fail to decode with any exception)
            return WorkerFailure(TrialStatus.FAILED, f"{type(error).__name__}: {error}")
        finally:
            if process is not None:
                _add_idle(process)
    return WorkerFailure(TrialStatus.CRASHED, f"{MOST_LOSSES} processes died before they ran the task")


def run_in_this_process(
    work: Work, task: bytes, timeout: float | None = None, owner: str | None = None
) -> Any:
    """Run `work` on a task without a child process, so without isolation and time limit."""
    return work(task)


def kill_processes() -> None:
    """Kill every worker process of this process, including those that are starting, and release their resources."""
    with _lock:
        _kills.append(None)
        is_starting = bool(_starting)
        processes = list(_processes)
        _processes.clear()
        _idle.clear()
    for process in processes:
        process.kill()
    for process in processes:
        process.close()
    if is_starting:  # the threads that start processes wait for the imports of the server
        kill_fork_server()


def end_processes(owner: str | None) -> None:
    """End the idle processes of an owner."""
    _end_idle(lambda process: process.owner == owner)


def _end_idle(is_ended: Callable[[WorkerProcess], bool]) -> None:
    with _lock:
        processes = [process for process in _idle if is_ended(process)]
        for process in processes:
            _idle.remove(process)
            _processes.discard(process)
    for process in processes:
        process.close()


def _start(owner: str | None, device: str | None, kills: int, ended: threading.Event | None) -> WorkerProcess:
    """Start a process. Raises: ProcessLostError after `ended`, or after more `kill_processes` than `kills`."""
    if device is not None:  # each process that waits keeps some memory of its device
        _end_idle(lambda process: process.device == device)
    with _lock:
        if len(_kills) > kills or (ended and ended.is_set()):
            raise ProcessLostError
        _starting.append(owner)
    try:
        return WorkerProcess(owner, device)
    finally:
        with _lock:
            _starting.remove(owner)


def _take_idle(owner: str | None, device: str | None) -> WorkerProcess | None:
    wanted = owner, device
    with _lock:
        process = next(
            (process for process in reversed(_idle) if (process.owner, process.device) == wanted), None
        )
        if process is not None:
            _idle.remove(process)
    return process


def _add_idle(process: WorkerProcess) -> None:
    """Keep a process for the next task of its owner, unless it has ended; end the oldest of too many."""
    with _lock:
        if process.has_ended:
            _processes.discard(process)
        elif process in _processes:
            _idle.append(process)
        surplus = [other for other in _idle if other.owner is not None][:-MOST_IDLE_OWNED]
    _end_idle(surplus.__contains__)
