"""Groups of tasks: long enough for the queue of an executor, short enough for all of its workers."""

import pytest

from benchbed.runner.task_groups import LONGEST_SECONDS, SHORTEST_SECONDS, TaskTimes, group_length


def test_tasks_of_unknown_length_are_alone():
    """The first ones measure the times of the others."""
    assert group_length([None, 1.0], slots=2, overhead=0.0) == 1
    assert group_length([1.0, None], slots=2, overhead=0.0) == 1


@pytest.mark.parametrize(
    ("overhead", "seconds"), [(0.0, SHORTEST_SECONDS), (3.0, 30.0), (1000.0, LONGEST_SECONDS)]
)
def test_a_group_lasts_longer_in_a_slow_queue(overhead, seconds):
    """Ten times the overhead, within the limits, while enough work is left."""
    assert group_length([0.5] * 10_000, slots=4, overhead=overhead) == seconds / 0.5


def test_a_task_longer_than_the_limit_is_alone():
    """It is not left out."""
    assert group_length([500.0, 0.1], slots=1, overhead=0.0) == 1


@pytest.mark.parametrize(("overhead", "length"), [(0.0, 2), (1.0, 5), (100.0, 5)])
def test_the_last_groups_keep_all_workers_busy(overhead, length):
    """Four workers share twenty seconds: half of the fair share at a time if submissions are cheap, else all of it."""
    assert group_length([1.0] * 20, slots=4, overhead=overhead) == length


def test_the_time_of_a_task_is_estimated_from_its_kind():
    """An unknown kind takes the mean time for each unit of work."""
    times = TaskTimes()
    assert times.estimate("slow", 1.0) is None
    times.add_task("slow", 10.0, 20.0)
    times.add_task("fast", 10.0, 1.0)
    assert times.estimate("slow", 3.0) == pytest.approx(6.0)
    assert times.estimate("fast", 3.0) == pytest.approx(0.3)
    assert times.estimate("other", 1.0) == pytest.approx(21 / 20)


def test_the_overhead_is_the_median():
    """The first group starts the host, which takes seconds."""
    times = TaskTimes()
    assert times.overhead == 0.0
    for seconds in (9.0, 0.1, 0.2):
        times.add_overhead(seconds)
    assert times.overhead == 0.2
