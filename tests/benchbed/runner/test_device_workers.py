"""Workers on CUDA devices that this machine does not have: tasks in real processes, with errors raised for devices."""

import time
from pathlib import Path

import pytest
import torch

from benchbed.errors import CONTINUES, ExecutorLostError
from benchbed.executors import processes
from benchbed.interfaces import TrialStatus
from benchbed.runner import device_workers
from benchbed.runner.device_workers import DeviceWorkers, probe_device
from benchbed.runner.workers import _processes

pytestmark = pytest.mark.slow


@pytest.fixture
def start(tasks, monkeypatch):
    """Return a function that starts workers on two devices; they end with the test."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,GPU-7")
    started = []

    def start_workers(jobs=2, probe=tasks.probe_all):
        started.append(DeviceWorkers(processes(jobs), ("cuda:0", "cuda:1"), probe))
        return started[-1]

    yield start_workers
    for workers in started:
        workers.kill()


def results_of(workers, work, tasks_):
    futures = [workers.submit(work, task) for task in tasks_]
    return [workers.result(future) for future in futures]


def test_each_child_sees_its_device_only(start, tasks):
    """Two at a time, one on each device; a process serves all tasks of its device."""
    results = results_of(start(), tasks.device_environment, [tasks.Number()] * 8)
    devices = {(visible, name) for visible, name, _ in results}
    assert devices == {("5", "cuda:0"), ("GPU-7", "cuda:1")}
    assert len({process for *_, process in results}) == 2


def test_one_job_goes_round_the_devices(start, tasks):
    """Also with fewer tasks at a time than devices."""
    results = results_of(start(jobs=1), tasks.device_environment, [tasks.Number()] * 4)
    assert [name for _, name, _ in results] == ["cuda:0", "cuda:1"] * 2


def test_a_process_that_waits_leaves_the_device_to_the_next_owner(start, tasks):
    """It would keep memory of the device."""
    workers = start(jobs=1)
    numbers = []
    for owner in ("a", "b", "a", "b"):
        future = workers.submit(tasks.device_environment, tasks.Number(), owner=owner)
        numbers.append(workers.result(future))
    assert numbers[0] == numbers[2]  # a on device 0
    assert numbers[1] == numbers[3]  # b on device 1
    workers.result(workers.submit(tasks.device_environment, tasks.Number(), owner="b"))  # b on device 0
    future = workers.submit(tasks.device_environment, tasks.Number(), owner="b")
    assert workers.result(future) == numbers[1]
    future = workers.submit(tasks.device_environment, tasks.Number(), owner="a")
    assert workers.result(future)[1:] != numbers[0][1:]


def test_a_lost_device_leaves_its_tasks_to_the_others(start, tasks, tmp_path):
    """Every task has its result, and a sentence names the device and the reason."""
    broken = tmp_path / "broken"
    broken.write_text("cuda:1")
    workers = start(probe=tasks.probe_second)
    assert set(results_of(workers, tasks.use_device, [tasks.File(str(broken))] * 6)) == {"cuda:0"}
    assert workers.warnings == [
        "cuda:1 is lost, and its batches ran on the other devices: torch.AcceleratorError: CUDA error: device lost"
    ]


def test_an_error_on_a_device_that_answers_is_the_tasks_fault(start, tasks, tmp_path):
    """Such as a failed assertion in a kernel; the device serves the next task in a new process."""
    broken, fine = tmp_path / "broken", tmp_path / "fine"
    broken.write_text("cuda:0 cuda:1")
    fine.write_text("")
    workers = start(jobs=1)  # so that the tasks take turns on the devices
    before = results_of(workers, tasks.device_environment, [tasks.Number()] * 8)
    failures = results_of(workers, tasks.use_device, [tasks.File(str(broken))] * 2)
    assert {failure.kind for failure in failures} == {TrialStatus.CRASHED}
    assert {failure.device for failure in failures} == {"cuda:0", "cuda:1"}
    assert all(failure.has_raised and "unspecified launch failure" in failure.log for failure in failures)
    after = results_of(workers, tasks.device_environment, [tasks.Number()] * 8)
    assert not {process for *_, process in before} & {process for *_, process in after}
    assert set(results_of(workers, tasks.use_device, [tasks.File(str(fine))] * 4)) == {"cuda:0", "cuda:1"}
    assert workers.warnings == []


@pytest.mark.parametrize("probe", ["probe_full", "sleep"])
def test_a_busy_device_is_not_lost(start, tasks, monkeypatch, probe):
    """The processes of other tasks leave no memory for a probe, or none of its time limit."""
    monkeypatch.setattr(device_workers, "PROBE_SECONDS", 0.2 if probe == "sleep" else 60.0)
    workers = start(jobs=1, probe=getattr(tasks, probe))
    (failure,) = results_of(workers, tasks.die_on_device, [tasks.Number()])
    assert (failure.kind, failure.device) == (TrialStatus.CRASHED, "cuda:0")
    assert workers.warnings == []


def test_a_device_that_ends_its_probe_is_lost(start, tasks):
    """A driver of a device may end each process that uses it."""
    workers = start(jobs=1, probe=tasks.die_on_device)
    with pytest.raises(ExecutorLostError, match="cuda:0: the process exited with code 3"):
        results_of(workers, tasks.die_on_device, [tasks.Number()])


def test_a_process_that_dies_names_its_device(start, tasks):
    """It has not raised."""
    (failure,) = results_of(start(jobs=1), tasks.die_on_device, [tasks.Number()])
    assert (failure.kind, failure.device, failure.has_raised) == (TrialStatus.CRASHED, "cuda:0", False)


def test_without_any_device_no_task_can_run(start, tasks, tmp_path):
    """The study ends, instead of dividing all further batches; the reason names each device."""
    broken = tmp_path / "broken"
    broken.write_text("cuda:0 cuda:1")
    workers = start(jobs=1, probe=tasks.probe_none)
    futures = [workers.submit(tasks.use_device, tasks.File(str(broken))) for _ in range(3)]
    reason = "torch.AcceleratorError: CUDA error: device lost"
    for future in futures:
        with pytest.raises(ExecutorLostError) as error:
            workers.result(future)
        assert str(error.value) == f"no CUDA device is left (cuda:0: {reason}; cuda:1: {reason}); {CONTINUES}"


def test_a_killed_task_says_nothing_about_its_device(start, tasks, tmp_path):
    """An interrupt starts no further process."""
    workers = start(jobs=1, probe=tasks.probe_none)
    started = tasks.File(str(tmp_path / "started"))
    future = workers.submit(tasks.log_and_sleep, started)
    while not Path(started.path).exists():
        time.sleep(0.01)
    workers.kill()
    assert workers.result(future).kind is TrialStatus.CRASHED
    assert workers.warnings == []


def test_a_killed_probe_says_nothing_about_its_device(start, tasks):
    """The task does not start on the other device."""
    workers = start(jobs=1, probe=tasks.sleep)
    future = workers.submit(tasks.die_on_device, tasks.Number())
    while "probe of cuda:0" not in {process.owner for process in _processes.copy()}:
        time.sleep(0.01)
    workers.kill()
    failure = workers.result(future)
    assert (failure.kind, failure.device) == (TrialStatus.CRASHED, "cuda:0")
    assert workers.warnings == []


def test_a_task_that_is_taken_during_a_kill_does_not_start(start, tasks):
    """Its thread had left the queue."""
    workers = start()
    workers.kill()
    failure = workers._run(tasks.device_environment, b"{}")
    assert (failure.kind, failure.device) == (TrialStatus.CRASHED, None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_device_answers_its_probe():
    """It computes a sum."""
    assert probe_device(b"") == 2.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_a_missing_device_does_not_answer():
    """The error is one that a probe may raise."""
    with pytest.raises((RuntimeError, AssertionError)):
        probe_device(b"")
