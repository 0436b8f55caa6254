"""Workers: a task ends with its result or with a typed failure."""

import importlib
from concurrent.futures import Future
from pathlib import Path

import pytest

from benchbed.executors import processes, serial
from benchbed.interfaces import TrialStatus
from benchbed.runner.workers import WorkerFailure, Workers

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def tasks():
    """The module with the tasks, importable in this process and in worker processes, which inherit `sys.path`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parent)
        yield importlib.import_module("worker_tasks")


@pytest.fixture(scope="module")
def workers(tasks):
    """Workers with one process at a time."""
    with Workers(processes(1)) as workers:
        yield workers


def test_a_task_returns_its_result(workers, tasks):
    """The task crosses the process boundary as JSON."""
    assert workers.result(workers.submit(tasks.double, tasks.Number(21))) == 42


def test_an_exception_is_a_failure_with_its_traceback(workers, tasks):
    """The process stays alive."""
    failure = workers.result(workers.submit(tasks.raise_error, tasks.Number()))
    assert failure.kind is TrialStatus.FAILED
    assert failure.log.startswith("Traceback")
    assert failure.message == "ValueError: not today"


def test_a_time_limit_is_a_failure_with_the_stack(workers, tasks):
    """The next task runs in a new process."""
    failure = workers.result(workers.submit(tasks.sleep, tasks.Number(), timeout=0.2))
    assert failure.kind is TrialStatus.TIMED_OUT
    assert "in sleep" in failure.log
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2


def test_a_dead_process_has_not_timed_out(workers, tasks):
    """The kind of a failure does not depend on the text in the log."""
    failure = workers.result(workers.submit(tasks.imitate_timeout, tasks.Number(), timeout=60))
    assert failure.kind is TrialStatus.CRASHED
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2


def test_a_task_lost_by_its_executor_is_a_failure():
    """Executors are third-party code and raise any exception."""
    future = Future()
    future.set_exception(RuntimeError("the cluster is gone"))
    failure = WorkerFailure(TrialStatus.FAILED, "RuntimeError: the cluster is gone")
    assert Workers.result(future) == failure


def test_an_in_process_executor_runs_tasks_here(tasks):
    """Without a child process, an exception is still a failure."""
    workers = Workers(serial(1))
    assert workers.result(workers.submit(tasks.double, tasks.Number(21))) == 42
    assert workers.result(workers.submit(tasks.raise_error, tasks.Number())).kind is TrialStatus.FAILED


def test_a_killed_worker_ends_its_task(tasks):
    """`kill` does not wait for tasks."""
    workers = Workers(processes(1))
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2
    future = workers.submit(tasks.sleep, tasks.Number())
    workers.kill()
    assert isinstance(workers.result(future), WorkerFailure)
