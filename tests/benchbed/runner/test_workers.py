"""Workers: a task ends with its result or with a typed failure."""

import os
import sys
import time
from concurrent.futures import Future

import msgspec
import pytest

from benchbed.executors import processes, serial
from benchbed.interfaces import TrialStatus
from benchbed.runner.workers import WorkerFailure, Workers

pytestmark = pytest.mark.slow


class Number(msgspec.Struct):
    """A task."""

    value: int = 0


def double(task):
    return 2 * msgspec.json.decode(task, type=Number).value


def raise_error(task):
    raise ValueError("not today")


def imitate_timeout(task):
    os.write(sys.stderr.fileno(), b"Timeout (0:00:01)!\n")
    os._exit(1)


def sleep(task):
    time.sleep(60)


@pytest.fixture(scope="module")
def workers():
    """Workers with one process at a time."""
    with Workers(processes(1)) as workers:
        yield workers


def test_a_task_returns_its_result(workers):
    """The task crosses the process boundary as JSON."""
    assert workers.result(workers.submit(double, Number(21))) == 42


def test_an_exception_is_a_failure_with_its_traceback(workers):
    """The process stays alive."""
    failure = workers.result(workers.submit(raise_error, Number()))
    assert failure.kind is TrialStatus.FAILED
    assert failure.log.startswith("Traceback")
    assert failure.message == "ValueError: not today"


def test_a_time_limit_is_a_failure_with_the_stack(workers):
    """The next task runs in a new process."""
    failure = workers.result(workers.submit(sleep, Number(), timeout=0.2))
    assert failure.kind is TrialStatus.TIMED_OUT
    assert "in sleep" in failure.log
    assert workers.result(workers.submit(double, Number(1))) == 2


def test_a_dead_process_has_not_timed_out(workers):
    """The kind of a failure does not depend on the text in the log."""
    failure = workers.result(workers.submit(imitate_timeout, Number(), timeout=60))
    assert failure.kind is TrialStatus.CRASHED
    assert workers.result(workers.submit(double, Number(1))) == 2


def test_a_task_lost_by_its_executor_is_a_failure():
    """Executors are third-party code and raise any exception."""
    future = Future()
    future.set_exception(RuntimeError("the cluster is gone"))
    failure = WorkerFailure(TrialStatus.FAILED, "RuntimeError: the cluster is gone")
    assert Workers.result(future) == failure


def test_an_in_process_executor_runs_tasks_here():
    """Without a child process, an exception is still a failure."""
    workers = Workers(serial(1))
    assert workers.result(workers.submit(double, Number(21))) == 42
    assert workers.result(workers.submit(raise_error, Number())).kind is TrialStatus.FAILED


def test_a_killed_worker_ends_its_task():
    """`kill` does not wait for tasks."""
    workers = Workers(processes(1))
    assert workers.result(workers.submit(double, Number(1))) == 2
    future = workers.submit(sleep, Number())
    workers.kill()
    assert isinstance(workers.result(future), WorkerFailure)
