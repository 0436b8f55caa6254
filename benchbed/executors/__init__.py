"""Built-in executors, registered by the hook that third-party plugins use."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import Any

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import ExecutorFactory


class SerialExecutor(Executor):
    """Executor that runs each task at once in the calling thread, for debugging."""

    in_process = True
    """Tasks run without child processes, so a plugin that dies ends the study."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run the task and return its finished future."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (an executor stores every error in the future)
            future.set_exception(error)
        return future


def serial(jobs: int) -> Executor:
    """Run one task after the other in this process; `jobs` has no effect."""
    return SerialExecutor()


def processes(jobs: int) -> Executor:
    """Run `jobs` tasks at a time, each in a child process that may die."""
    return ThreadPoolExecutor(jobs, thread_name_prefix="benchbed")


def dask(jobs: int, address: str = "") -> Executor:
    """Run tasks on a dask cluster: `jobs` workers on this machine, or all workers of the scheduler at `address`."""
    from benchbed.executors.dask_cluster import DaskExecutor

    return DaskExecutor(jobs, address)


def submitit(jobs: int, folder: str = "submitit", cluster: str = "", **parameters: object) -> Executor:
    """Run tasks as at most `jobs` Slurm jobs at a time; `parameters`, such as `slurm_partition`, are submitit's."""
    from benchbed.executors.batch_jobs import BatchJobExecutor

    return BatchJobExecutor(jobs, folder, cluster, parameters)


@hookimpl
def register_executors(register: Callable[[ExecutorFactory], None]) -> None:
    """Register the built-in executors, the default one first."""
    for executor in (processes, serial, dask, submitit):
        register(executor)
