"""Executor of batch jobs, such as those of Slurm, by submitit (`pip install benchbed[slurm]`)."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

from submitit import AutoExecutor

POLL_SECONDS = 1.0
"""Time between two looks at the jobs; those submitted in between are one job array."""


class BatchJobExecutor(Executor):
    """Executor each of whose tasks is a job of an array; at most `jobs` of an array run at a time."""

    def __init__(self, jobs: int, folder: str, cluster: str, parameters: Mapping[str, object]) -> None:
        """Write scripts, logs and results to `folder`, which all nodes share.

        `cluster` is "slurm", "local", or "" for Slurm if this machine has it; `parameters` are those of
        `submitit.AutoExecutor.update_parameters`.
        """
        self._executor = AutoExecutor(folder, cluster=cluster or None)
        self._executor.update_parameters(slurm_array_parallelism=jobs, **parameters)
        self._new: list[tuple[Future[Any], Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self._jobs: dict[Future[Any], Any] = {}
        self._changed = threading.Condition()
        self._is_shut = False
        self._thread = threading.Thread(target=self._run, name="benchbed-jobs", daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Submit a task with the next array and return its future."""
        future: Future[Any] = Future()
        with self._changed:
            if self._is_shut:
                raise RuntimeError("cannot submit a task after the executor was shut down")
            self._new.append((future, fn, args, kwargs))
            self._changed.notify()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for all jobs, or cancel them."""
        with self._changed:
            self._is_shut = True
            if cancel_futures or not wait:
                for future, *_ in self._new:
                    future.cancel()
                for future, job in self._jobs.items():
                    future.cancel()
                    job.cancel()
                self._new.clear()
                self._jobs.clear()
            self._changed.notify()
        if wait:
            self._thread.join()

    def _run(self) -> None:
        try:
            self._watch()
        except Exception as error:  # noqa: BLE001 (an executor stores every error in the future)
            with self._changed:
                self._is_shut = True
                for future in [*self._jobs, *(entry[0] for entry in self._new)]:
                    if not future.done():
                        future.set_exception(BrokenExecutor(f"the jobs cannot be watched: {error!r}"))

    def _watch(self) -> None:
        """Submit arrays and complete futures until the executor is shut down and no job is left."""
        while True:
            with self._changed:
                if not self._new and not self._jobs:
                    if self._is_shut:
                        return
                    self._changed.wait()
                self._changed.wait_for(lambda: self._is_shut and not self._jobs, POLL_SECONDS)
                self._submit_array()
                for future in [future for future, job in self._jobs.items() if job.done()]:
                    self._complete(future, self._jobs.pop(future))

    def _submit_array(self) -> None:
        array, self._new = self._new, []
        array = [entry for entry in array if entry[0].set_running_or_notify_cancel()]
        if not array:
            return
        try:
            with self._executor.batch():
                jobs = [self._executor.submit(fn, *args, **kwargs) for _, fn, args, kwargs in array]
        except Exception as error:  # noqa: BLE001 (an executor stores every error in the future)
            for future, *_ in array:
                future.set_exception(error)
            return
        self._jobs.update(zip((entry[0] for entry in array), jobs, strict=True))

    @staticmethod
    def _complete(future: Future[Any], job: Any) -> None:
        try:
            future.set_result(job.result())
        except Exception as error:  # noqa: BLE001 (likewise)
            future.set_exception(error)
