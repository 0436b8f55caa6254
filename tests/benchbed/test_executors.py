"""The built-in executors are `concurrent.futures` executors, and no more than that."""

from concurrent.futures import Executor

import pytest

from benchbed.executors import processes, serial


def fail():
    raise ValueError("on purpose")


@pytest.mark.parametrize("make", [processes, serial])
def test_a_task_gives_its_result_or_its_error(make):
    """Results and errors come back through the future, never out of submit."""
    with make(2) as executor:
        assert isinstance(executor, Executor)
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert isinstance(executor.submit(fail).exception(), ValueError)


def test_serial_works_in_the_order_of_submission():
    """A task is done when submit returns: what a debugger wants."""
    seen = []
    futures = [serial(4).submit(seen.append, number) for number in range(5)]
    assert all(future.done() for future in futures)
    assert seen == [0, 1, 2, 3, 4]


def test_only_serial_says_that_it_needs_no_children():
    """The runner gives every other executor's threads a child process each."""
    assert serial(1).in_process
    assert not hasattr(processes(1), "in_process")
