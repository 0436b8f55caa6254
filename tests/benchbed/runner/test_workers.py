"""Workers: a task ends with its result or with a typed failure."""

import os
import sys
import time
from concurrent.futures import Future
from pathlib import Path
from threading import Event

import pytest

from benchbed.executors import processes, serial
from benchbed.interfaces import TrialStatus
from benchbed.runner import memory
from benchbed.runner.failures import describe_lost_trials
from benchbed.runner.workers import MOST_IDLE_OWNED, WorkerFailure, Workers, end_processes

pytestmark = pytest.mark.slow


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


def test_a_task_that_was_taken_when_its_workers_are_killed_does_not_start(tasks, monkeypatch):
    """Otherwise the end of a command would wait for it."""
    workers, taken, killed = Workers(processes(1)), Event(), Event()
    run = workers._run

    def run_late(*arguments):
        taken.set()
        killed.wait()
        return run(*arguments)

    monkeypatch.setattr(workers, "_run", run_late)
    future = workers.submit(tasks.double, tasks.Number(1))
    taken.wait()
    workers.kill()
    killed.set()
    assert isinstance(workers.result(future), WorkerFailure)


def test_an_in_process_executor_runs_tasks_here(tasks):
    """Without a child process, an exception is still a failure."""
    workers = Workers(serial(1))
    assert workers.result(workers.submit(tasks.double, tasks.Number(21))) == 42
    assert workers.result(workers.submit(tasks.raise_error, tasks.Number())).kind is TrialStatus.FAILED


def test_an_error_of_a_device_in_this_process_is_described_as_such(tasks):
    """No process has died; the sentence has the first line of the message of CUDA, which has more."""
    workers = Workers(serial(1))
    failure = workers.result(workers.submit(tasks.probe_none, tasks.Number()))
    assert failure.kind is TrialStatus.CRASHED
    sentence = describe_lost_trials(failure, 1, "logs/1", 2, timeout=None, memory=None)
    assert sentence == (
        "the device failed in 2 attempts of the trial: torch.AcceleratorError: CUDA error: device lost; see logs/1"
    )


def test_a_killed_worker_ends_its_task(tasks):
    """`kill` does not wait for tasks."""
    workers = Workers(processes(1))
    assert workers.result(workers.submit(tasks.double, tasks.Number(1))) == 2
    future = workers.submit(tasks.sleep, tasks.Number())
    workers.kill()
    assert isinstance(workers.result(future), WorkerFailure)


def test_tasks_without_owner_share_a_process(workers, tasks):
    """A new process for each task would load everything again."""
    numbers = {workers.result(workers.submit(tasks.process_number, tasks.Number())) for _ in range(3)}
    assert len(numbers) == 1


def test_tasks_of_different_owners_share_no_process(workers, tasks):
    """An owner keeps its process for its next task, until the process ends."""
    owners = ["a", "a", "b", None]
    numbers = [
        workers.result(workers.submit(tasks.process_number, tasks.Number(), owner=owner)) for owner in owners
    ]
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3
    end_processes("a")
    assert workers.result(workers.submit(tasks.process_number, tasks.Number(), owner="a")) != numbers[0]


def test_few_processes_wait_for_their_owners(workers, tasks):
    """The processes of earlier owners have ended, so that memory does not grow with the number of pairings."""
    numbers = [
        workers.result(workers.submit(tasks.process_number, tasks.Number(), owner=f"owner {index}"))
        for index in range(MOST_IDLE_OWNED + 2)
    ]
    assert [Path(f"/proc/{number}").exists() for number in numbers] == [False] * 2 + [True] * MOST_IDLE_OWNED


@pytest.mark.skipif(not memory.is_supported(), reason="only Linux reports the memory of processes")
def test_memory_that_earlier_tasks_kept_ends_no_task(workers, memory_tasks):
    """A task that fits into a new process gets one; one that does not runs twice at most."""
    size, owner = 200 << 20, "hoarder"

    def run(limit):
        return workers.result(
            workers.submit(memory_tasks.keep_block, memory_tasks.Kept(size, limit), owner=owner)
        )

    first, number = run(1 << 40)
    assert run(first + 2 * size)[1] == number
    peak, new_number = run(first + size // 2)
    assert peak < first + size // 2
    assert new_number != number
    assert run(first - size // 2).kind is TrialStatus.OUT_OF_MEMORY
    end_processes(owner)


def test_a_task_runs_again_if_the_server_dies(workers, tasks, tmp_path):
    """The death of the fork server, which takes all processes with it, is not the task's fault."""
    task = tasks.File(str(tmp_path / "killed"))
    assert workers.result(workers.submit(tasks.kill_server_once, task)) == "ran again"


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no affinity")
def test_processes_are_not_pinned(workers, tasks):
    """Each has one thread, whose memory is where it runs, so that Linux may place it on any core of the driver."""
    threads, cores = workers.result(workers.submit(tasks.torch_threads_and_cores, tasks.Number()))
    assert threads == 1
    assert cores == sorted(os.sched_getaffinity(0))


def test_tasks_share_the_cores(tasks, tmp_path):
    """A task with two threads waits while another one uses two of three cores; one with one thread passes it."""
    first, second = (tasks.Files(str(tmp_path / name), str(tmp_path / "end")) for name in ("first", "second"))
    with Workers(processes(2), cores=3) as workers:
        large = [workers.submit(tasks.run_until_file, task, cores=2) for task in (first, second)]
        assert workers.submit(tasks.double, tasks.Number(21)).result(timeout=60) == 42
        assert not Path(second.start).exists()
        Path(first.end).touch()
        assert [workers.result(future) for future in large] == [None, None]
    assert Path(second.start).exists()


def test_an_interrupt_ends_the_tasks_that_wait(tasks, tmp_path):
    """They are cancelled, also one that waits for cores, and the threads of the executor end."""
    executor = processes(2)
    workers = Workers(executor, cores=1)
    started = tasks.File(str(tmp_path / "started"))
    running = workers.submit(tasks.log_and_sleep, started)
    waiting = [workers.submit(tasks.double, tasks.Number(1)) for _ in range(3)]
    while not Path(started.path).exists():
        time.sleep(0.01)
    workers.kill()
    assert workers.result(running).kind is TrialStatus.CRASHED
    assert all(future.cancelled() for future in waiting)
    executor.shutdown()
