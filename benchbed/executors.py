"""Offer the built-in executors, through the same door as a stranger's."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import ExecutorFactory

P = ParamSpec("P")
T = TypeVar("T")


class SerialExecutor(Executor):
    """Run each task at once in the calling thread: for debugging, where a child process would be in the way."""

    in_process = True
    """Tasks run without a child of their own; a plugin that dies takes the driver with it."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the task and give a future that is done."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 (an executor hands every error to the future)
            future.set_exception(error)
        return future


def serial(jobs: int) -> Executor:
    """Run one task after the other in this process, whatever `jobs` says."""
    return SerialExecutor()


def processes(jobs: int) -> Executor:
    """Run `jobs` tasks at a time; each thread waits on a child process of its own, which may die."""
    return ThreadPoolExecutor(jobs, thread_name_prefix="benchbed")


@hookimpl
def register_executors(register: Callable[[ExecutorFactory], None]) -> None:
    """Enter the built-in executors, the usual one first."""
    register(processes)
    register(serial)
