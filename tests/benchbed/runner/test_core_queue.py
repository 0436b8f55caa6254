"""Calls that share cores: none has too few, none waits for cores that are free, and none is lost."""

import random
import threading
import time
from concurrent.futures import Executor, Future, ThreadPoolExecutor

import pytest

from benchbed.executors import serial
from benchbed.runner.core_queue import CoreQueue


class HeldCalls:
    """Calls that write their names to `running` until they are told to end."""

    def __init__(self, executor, cores):
        self.queue, self.running, self.futures = CoreQueue(executor, cores), [], {}
        self._ends = {}

    def submit(self, name, cores):
        self._ends[name] = threading.Event()
        self.futures[name] = self.queue.submit(cores, self._run, name)

    def end(self, name):
        self._ends[name].set()
        self.futures[name].result(timeout=30)

    def wait_for(self, *names):
        deadline = time.monotonic() + 30
        while set(self.running) != set(names):
            assert time.monotonic() < deadline, self.running
            time.sleep(0.001)

    def _run(self, name):
        self.running.append(name)
        self._ends[name].wait()
        self.running.remove(name)


@pytest.fixture
def held_calls():
    """Return a function that builds calls on some threads and cores; those that still run end after the test."""
    executors, all_calls = [], []

    def build(threads, cores):
        executors.append(ThreadPoolExecutor(threads))
        all_calls.append(HeldCalls(executors[-1], cores))
        return all_calls[-1]

    yield build
    for calls in all_calls:
        calls.queue.close()
        for end in calls._ends.values():
            end.set()
    for executor in executors:
        executor.shutdown()


def test_a_small_call_passes_a_large_one(held_calls):
    """The large one occupies none of the two threads until enough cores are free."""
    calls = held_calls(2, 4)
    for name, cores in (("first", 3), ("large", 2), ("small", 1), ("last", 1)):
        calls.submit(name, cores)
    calls.wait_for("first", "small")
    calls.end("small")
    calls.wait_for("first", "last")
    calls.end("first")
    calls.wait_for("last", "large")


def test_the_oldest_call_that_fits_is_next(held_calls):
    """Two calls wait for the cores that one call leaves."""
    calls = held_calls(3, 2)
    for name, cores in (("first", 2), ("older", 2), ("younger", 1)):
        calls.submit(name, cores)
    calls.wait_for("first")
    calls.end("first")
    calls.wait_for("older")
    calls.end("older")
    calls.wait_for("younger")


def test_more_cores_than_there_are_count_as_all():
    """A plan for another machine still runs."""
    assert CoreQueue(serial(1), 2).submit(64, int, "3").result(timeout=30) == 3


def test_an_error_is_that_of_its_call():
    """Its cores are free again."""
    queue = CoreQueue(serial(1), 2)
    assert isinstance(queue.submit(2, int, "three").exception(timeout=30), ValueError)
    assert queue.submit(2, int, "3").result(timeout=30) == 3


def test_a_cancelled_call_does_not_run(held_calls):
    """The calls behind it run."""
    calls = held_calls(1, 1)
    for name in ("first", "second", "third"):
        calls.submit(name, 1)
    assert calls.futures["second"].cancel()
    calls.end("first")
    calls.wait_for("third")


def test_a_closed_queue_cancels_the_calls_that_wait(held_calls):
    """After an interrupt no further call starts, and the thread that waits for cores ends."""
    calls = held_calls(2, 1)
    for name in ("first", "second", "third"):
        calls.submit(name, 1)
    calls.wait_for("first")
    calls.queue.close()
    assert calls.futures["second"].cancelled()
    assert calls.futures["third"].cancelled()
    calls.end("first")
    calls.queue._executor.shutdown()
    assert calls.running == []


@pytest.mark.parametrize("ending", ["cancelled", "failed"])
def test_a_call_lost_by_its_executor_fails(ending):
    """The driver would wait for it forever."""

    class LosingExecutor(Executor):
        def submit(self, function):
            future = Future()
            if ending == "failed":
                future.set_exception(RuntimeError("the thread did not start"))
            else:
                future.cancel()
            return future

    error = CoreQueue(LosingExecutor(), 1).submit(1, int).exception(timeout=30)
    assert type(error).__name__ == {"cancelled": "CancelledError", "failed": "RuntimeError"}[ending]


def leave():
    raise SystemExit(3)


def test_an_exit_is_that_of_its_call(held_calls):
    """The call behind it runs, and the thread goes on."""
    calls = held_calls(1, 1)
    calls.submit("first", 1)
    exits, runs = calls.queue.submit(1, leave), calls.queue.submit(1, int, "3")
    calls.end("first")
    assert isinstance(exits.exception(timeout=30), SystemExit)
    assert runs.result(timeout=30) == 3


def test_an_exit_in_the_thread_of_the_driver_is_raised():
    """An interrupt is one, too: the driver would otherwise submit all further calls before it reads the result."""
    with pytest.raises(SystemExit):
        CoreQueue(serial(1), 1).submit(1, leave)


def test_cores_are_never_exceeded():
    """Many calls of random sizes on many threads; all of them run."""
    lock, sizes = threading.Lock(), random.Random(0)
    used, most = [0], [0]

    def run(cores):
        with lock:
            used[0] += cores
            most[0] = max(most[0], used[0])
        time.sleep(0.0005)
        with lock:
            used[0] -= cores
        return cores

    cores = [sizes.randint(1, 7) for _ in range(100)]
    with ThreadPoolExecutor(20) as executor:
        queue = CoreQueue(executor, 7)
        futures = [queue.submit(each, run, each) for each in cores]
    assert [future.result(timeout=0) for future in futures] == cores
    assert 1 < most[0] <= 7
