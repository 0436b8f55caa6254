"""Workers that run tasks for a study: submit a task, get its result or its failure."""

from concurrent.futures import Executor, Future
from types import TracebackType
from typing import Any

import msgspec

from benchbed.interfaces import TrialStatus
from benchbed.runner.worker_process import (
    Work,
    WorkerFailure,
    kill_processes,
    run_in_this_process,
    run_isolated,
)

__all__ = ["Work", "WorkerFailure", "Workers"]


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
