"""Supervisors: nothing that a task has started outlives its worker process."""

import os

import pytest

from benchbed.executors import processes
from benchbed.interfaces import TrialStatus
from benchbed.runner.memory import is_supported
from benchbed.runner.supervisor import LOG_BYTES
from benchbed.runner.workers import Workers, end_processes

pytestmark = pytest.mark.slow


def exists(process_number):
    """Return whether a process exists."""
    try:
        os.kill(process_number, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_daemon_of_a_task_ends_with_its_process(workers, tasks):
    """Its session is its own, and its parent has ended before; the supervisor inherits it."""
    daemon = workers.result(workers.submit(tasks.leave_daemon, tasks.Number(), owner="daemon"))
    assert exists(daemon)
    end_processes("daemon")
    assert not exists(daemon)


def test_a_daemon_of_a_process_ends_at_the_time_limit(workers, tasks):
    """The failure is reported after the daemon has ended."""
    daemon = workers.result(workers.submit(tasks.leave_daemon, tasks.Number()))
    assert exists(daemon)
    failure = workers.result(workers.submit(tasks.sleep, tasks.Number(), timeout=0.2))
    assert failure.kind is TrialStatus.TIMED_OUT
    assert not exists(daemon)


def test_a_daemon_of_a_task_ends_with_the_workers(tasks):
    """Also while the process waits for another task."""
    with Workers(processes(1)) as workers:
        daemon = workers.result(workers.submit(tasks.leave_daemon, tasks.Number()))
    assert not exists(daemon)


def test_copies_of_a_worker_do_not_multiply(workers, tasks):
    """If a task forks in every step, the copies of its copies end at once, up to 28 with those that have ended."""
    assert workers.result(workers.submit(tasks.fork_in_every_step, tasks.Number())) <= 28


def test_a_task_can_only_kill_its_own_group(workers, tasks):
    """Neither the driver nor the supervisor belongs to it."""
    failure = workers.result(workers.submit(tasks.kill_its_group, tasks.Number()))
    assert failure.kind is TrialStatus.CRASHED
    assert failure.message == "the process was killed by SIGKILL"


def test_the_log_has_the_end_of_the_output_and_of_the_process(workers, tasks):
    """A flood before them is cut."""
    failure = workers.result(workers.submit(tasks.print_and_die, tasks.Number()))
    assert failure.message == "the process exited with code 0"
    assert LOG_BYTES - 100 < len(failure.log) < LOG_BYTES + 100


@pytest.mark.skipif(not is_supported(), reason="only Linux reports the memory of processes")
def test_a_short_peak_above_the_limit_ends_the_process(workers, memory_tasks):
    """Every time, although the supervisor looks only now and then."""
    for _ in range(5):
        failure = workers.result(
            workers.submit(memory_tasks.have_block_for_a_moment, memory_tasks.Block(120 << 20, 80 << 20))
        )
        assert failure.kind is TrialStatus.OUT_OF_MEMORY
        assert failure.peak_bytes > 120 << 20
        assert f"had {failure.peak_bytes} bytes of memory, more than the limit of" in failure.message


@pytest.mark.skipif(not is_supported(), reason="only Linux reports the memory of processes")
def test_a_peak_before_the_limit_does_not_count(workers, memory_tasks):
    """The process had a block of 120 MiB before, and may have 80 MiB more than without it."""
    assert (
        workers.result(
            workers.submit(memory_tasks.have_block_for_a_moment, memory_tasks.Block(120 << 20, 200 << 20))
        )
        > 120 << 20
    )
    assert (
        workers.result(
            workers.submit(memory_tasks.have_block_for_a_moment, memory_tasks.Block(10 << 20, 80 << 20))
        )
        > 10 << 20
    )


@pytest.mark.skipif(not is_supported(), reason="only Linux reports the memory of processes")
def test_memory_that_copies_share_counts_once(workers, tasks, memory_tasks):
    """Four copies of a process have its pages; those that they fill themselves count for each of them.

    The process has an owner, so that it has no children of earlier tasks.
    """
    peak = workers.result(workers.submit(memory_tasks.sleep_in_copies, tasks.Number(), owner="copies"))
    assert isinstance(peak, int)
    failure = workers.result(workers.submit(memory_tasks.fill_copies, tasks.Number(), owner="copies"))
    assert failure.kind is TrialStatus.OUT_OF_MEMORY
