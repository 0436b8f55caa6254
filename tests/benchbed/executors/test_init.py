"""The built-in executors are plain `concurrent.futures` executors."""

from concurrent.futures import Executor

import pytest

from benchbed.executors import processes, serial


def raise_error():
    raise ValueError("on purpose")


@pytest.mark.parametrize("make_executor", [processes, serial])
def test_a_future_has_the_result_or_the_error_of_its_task(make_executor):
    """`submit` does not raise errors of a task."""
    with make_executor(2) as executor:
        assert isinstance(executor, Executor)
        assert executor.submit(divmod, 7, 2).result() == (3, 1)
        assert isinstance(executor.submit(raise_error).exception(), ValueError)


def test_serial_runs_tasks_in_order_of_submission():
    """A task is done when `submit` returns, as a debugger needs."""
    numbers = []
    futures = [serial(4).submit(numbers.append, number) for number in range(5)]
    assert all(future.done() for future in futures)
    assert numbers == [0, 1, 2, 3, 4]


def test_only_serial_runs_without_child_processes():
    """Tasks of every other executor run in child processes."""
    assert serial(1).in_process
    assert not hasattr(processes(1), "in_process")
