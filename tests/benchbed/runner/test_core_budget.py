"""Cores that tasks share: none has too few, and none waits for cores that are free."""

import random
import threading
import time

from benchbed.runner.core_budget import CoreBudget


class Tasks:
    """Tasks in threads, which keep their cores until they are told to end."""

    def __init__(self, cores):
        self.budget, self.running, self.refused = CoreBudget(cores), [], []
        self._ends, self._threads = {}, {}

    def start(self, name, cores):
        """Start a task; it runs or waits when this function returns."""
        before = len(self.budget._waiting)
        self._ends[name] = threading.Event()
        self._threads[name] = threading.Thread(target=self._run, args=(name, cores))
        self._threads[name].start()
        _wait_for(lambda: name in self.running or len(self.budget._waiting) > before)

    def end(self, name):
        self._ends[name].set()
        self._threads[name].join()

    def join(self):
        for thread in self._threads.values():
            thread.join()

    def _run(self, name, cores):
        with self.budget.reserve(cores) as is_granted:
            if not is_granted:
                self.refused.append(name)
                return
            self.running.append(name)
            self._ends[name].wait()
            self.running.remove(name)


def _wait_for(is_true):
    deadline = time.monotonic() + 30
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_a_task_waits_until_enough_cores_are_free():
    """A small one behind it passes it."""
    tasks = Tasks(4)
    tasks.start("first", 3)
    tasks.start("large", 2)
    tasks.start("small", 1)
    assert tasks.running == ["first", "small"]
    tasks.end("small")
    assert tasks.running == ["first"]
    tasks.end("first")
    _wait_for(lambda: tasks.running == ["large"])
    tasks.end("large")


def test_the_oldest_task_that_fits_is_next():
    """Two tasks wait for the cores that one task leaves."""
    tasks = Tasks(2)
    tasks.start("first", 2)
    tasks.start("older", 2)
    tasks.start("younger", 1)
    tasks.end("first")
    _wait_for(lambda: tasks.running == ["older"])
    tasks.end("older")
    _wait_for(lambda: tasks.running == ["younger"])
    tasks.end("younger")


def test_more_cores_than_there_are_count_as_all():
    """A plan for another machine still runs."""
    with CoreBudget(2).reserve(64) as is_granted:
        assert is_granted


def test_a_closed_budget_refuses_those_that_wait():
    """After an interrupt no further task starts; those that run end as they would."""
    tasks = Tasks(1)
    tasks.start("first", 1)
    tasks.start("second", 1)
    tasks.budget.close()
    _wait_for(lambda: tasks.refused == ["second"])
    tasks.end("first")
    tasks.join()
    with tasks.budget.reserve(1) as is_granted:
        assert not is_granted


def test_cores_are_never_exceeded():
    """Many tasks of random sizes, in many threads; all of them run."""
    budget, lock, sizes = CoreBudget(7), threading.Lock(), random.Random(0)
    used, most, finished = [0], [0], []

    def run(cores):
        with budget.reserve(cores):
            with lock:
                used[0] += cores
                most[0] = max(most[0], used[0])
            time.sleep(0.0005)
            with lock:
                used[0] -= cores
                finished.append(cores)

    threads = [threading.Thread(target=run, args=(sizes.randint(1, 7),)) for _ in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(finished) == 100
    assert 1 < most[0] <= 7
