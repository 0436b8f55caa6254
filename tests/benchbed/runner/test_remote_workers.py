"""Remote workers: tasks reach an executor in groups, and outlive its losses."""

import pickle
import threading
from concurrent.futures import BrokenExecutor, Executor, Future
from importlib import import_module
from pathlib import Path

import pytest

from benchbed.errors import ExecutorLostError
from benchbed.interfaces import TrialStatus
from benchbed.runner.remote_workers import MOST_FAILURES, RemoteWorkers


class Engine(Executor):
    """An executor that completes one group after another when it is told to; its first futures have `errors`."""

    def __init__(self, errors=()):
        self.errors, self.groups = list(errors), []
        self.submitted = threading.Semaphore(0)
        self.is_shut = False

    def submit(self, fn, /, *args):
        self.groups.append((Future(), args[0]))
        self.submitted.release()
        if self.errors:
            self.groups[-1][0].set_exception(self.errors.pop(0))
        else:
            self.complete(self.groups[-1])
        return self.groups[-1][0]

    def complete(self, entry):
        """Run the group here, without a host."""
        future, group = entry
        results = []
        for packed in group.tasks:
            module, _, function = packed.work.partition(":")
            results.append((pickle.dumps(getattr(import_module(module), function)(packed.task)), 1.0))
        future.set_result(results)

    def shutdown(self, wait=True):
        self.is_shut = True


class WaitingEngine(Engine):
    """An executor whose groups wait until the test completes them."""

    def submit(self, fn, /, *args):
        self.groups.append((Future(), args[0]))
        self.submitted.release()
        return self.groups[-1][0]


def start(*engines, jobs=1):
    """Return workers that use one engine after another, and fail to build a further one."""
    remaining = list(engines)

    def build():
        if not remaining:
            raise ConnectionError("no route to the cluster")
        return remaining.pop(0)

    return RemoteWorkers("engine:start", build(), build, jobs)


def test_a_task_returns_its_result(tasks):
    """The function is named, and the task crosses as JSON."""
    engine = Engine()
    with start(engine) as workers:
        assert workers.result(workers.submit(tasks.double, tasks.Number(21))) == 42
    assert engine.is_shut


def test_no_more_groups_run_than_jobs_and_later_ones_have_several_tasks(tasks):
    """The first groups measure the time of a task."""
    engine = WaitingEngine()
    workers = start(engine, jobs=2)
    futures = [workers.submit(tasks.double, tasks.Number(number)) for number in range(12)]
    for _ in range(2):
        engine.submitted.acquire()
    assert [len(group.tasks) for _, group in engine.groups] == [1, 1]
    completed = 0
    while sum(len(group.tasks) for _, group in engine.groups) < len(futures):
        engine.complete(engine.groups[completed])
        completed += 1
        engine.submitted.acquire()
        assert len(engine.groups) - completed == 2
    for entry in engine.groups[completed:]:
        engine.complete(entry)
    assert [workers.result(future) for future in futures] == [2 * number for number in range(12)]
    assert len(engine.groups) < len(futures)
    workers.kill()


def test_a_lost_group_runs_again_on_another_executor(tasks):
    """A standard pool is broken as a whole when one of its processes dies."""
    first, second = Engine([BrokenExecutor("a process died")]), Engine()
    with start(first, second) as workers:
        assert workers.result(workers.submit(tasks.double, tasks.Number(21))) == 42
    assert first.is_shut
    assert len(second.groups) == 1


def test_an_executor_that_cannot_be_built_again_ends_the_study(tasks):
    """The error says how to go on."""
    workers = start(Engine([BrokenExecutor("a process died")]))
    future = workers.submit(tasks.double, tasks.Number(21))
    with pytest.raises(
        ExecutorLostError, match=r"'engine:start' is lost: ConnectionError: no route .* same command"
    ):
        workers.result(future)
    with pytest.raises(ExecutorLostError):
        workers.result(workers.submit(tasks.double, tasks.Number(21)))
    workers.kill()


def test_executors_are_not_built_without_end(tasks):
    """Each of them loses its first group."""
    engines = [Engine([BrokenExecutor("a process died")]) for _ in range(MOST_FAILURES + 2)]
    workers = start(*engines)
    with pytest.raises(ExecutorLostError, match="a process died"):
        workers.result(workers.submit(tasks.double, tasks.Number(21)))
    assert [bool(engine.groups) for engine in engines] == [True] * (MOST_FAILURES + 1) + [False]
    workers.kill()


def test_an_exception_of_the_executor_fails_a_task_after_one_retry(tasks):
    """Other tasks go on."""
    error = RuntimeError("the cluster is gone")
    with start(Engine([error])) as workers:
        assert workers.result(workers.submit(tasks.double, tasks.Number(21))) == 42
    with start(Engine([error, error])) as workers:
        failure = workers.result(workers.submit(tasks.double, tasks.Number(21)))
        assert (failure.kind, failure.log) == (TrialStatus.FAILED, "RuntimeError: the cluster is gone")
        assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2


def test_killed_workers_cancel_their_groups(tasks):
    """No executor is built in their place. Groups on this machine see that the folder of the driver is gone."""
    engine = WaitingEngine()
    unused = WaitingEngine()
    workers = start(engine, unused)
    for _ in range(2):
        workers.submit(tasks.double, tasks.Number(21))
    engine.submitted.acquire()
    ((future, group),) = engine.groups
    assert group.driver.is_here
    workers.kill()
    assert future.cancelled()
    workers.dispatcher.join(60)
    assert len(engine.groups) == 1
    assert not unused.groups
    assert not group.driver.is_here
    assert not Path(group.driver.folder).exists()
    assert engine.is_shut
