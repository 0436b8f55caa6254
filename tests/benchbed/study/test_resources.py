"""Shares of machines that do not exist here: 2 to 192 cores, little memory, several CUDA devices."""

import msgspec
import pytest
import torch

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.engine.run import DRAW_BYTES, WORKSPACE_BYTES
from benchbed.errors import UsageError
from benchbed.interfaces import TrialStatus
from benchbed.plan import Request, complete_request, make_plan
from benchbed.plan.parts import PlanningFault
from benchbed.runner import memory
from benchbed.study import resources
from benchbed.study.resources import (
    LIBRARY_BYTES,
    Allocation,
    Resources,
    allocate,
    allocate_shared,
    expected_bytes,
)
from benchbed.tuning.scheduling import MOST_TRIALS

GIB = 1 << 30


@pytest.fixture(scope="module")
def plan_of():
    """Return a function that plans the standard suite, with changes."""
    catalog = load_catalog(environ={})

    def make(**fields):
        return make_plan(catalog, complete_request(catalog, Request(**{"device": "cpu"} | fields), None))

    return make


@pytest.fixture
def machine(monkeypatch):
    """Return a function that pretends a number of cores, bytes of memory and CUDA devices."""

    def pretend(cores=8, total=1024 * GIB, devices=0):
        monkeypatch.setattr(resources, "usable_cores", lambda: cores)
        monkeypatch.setattr(memory, "total_bytes", lambda: total)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: devices > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)

    return pretend


@pytest.mark.parametrize("cores", [1, 2, 16, 192])
def test_one_batch_runs_on_each_core(machine, plan_of, cores):
    """If memory suffices."""
    machine(cores)
    allocation = allocate(plan_of(), Resources())
    assert (allocation.jobs, allocation.cores, allocation.devices) == (cores, cores, ())


@pytest.mark.parametrize(("total", "most"), [(64 * GIB, 192), (2 * GIB, 192), (GIB // 2, 192), (64 * GIB, 4)])
def test_processes_fit_into_memory(machine, plan_of, total, most):
    """At least one runs; cores without a process remain for threads."""
    machine(most, total)
    plan = plan_of()
    allocation = allocate(plan, Resources())
    assert allocation.jobs == max(1, min(most, int(0.9 * total) // expected_bytes(plan)))
    assert allocation.jobs == 1 or allocation.jobs * expected_bytes(plan) <= 0.9 * total
    assert allocation.cores == most


def test_a_limit_of_memory_counts_instead_of_the_expectation(machine, plan_of):
    """Processes of 8 GiB on a machine that has 57.6 GiB for them."""
    machine(192, 64 * GIB)
    allocation = allocate(plan_of(), Resources(memory="8G"))
    assert (allocation.jobs, allocation.memory) == (7, 8 * GIB)


def test_the_number_of_the_user_counts(machine, plan_of):
    """Batches and threads together use this number of cores."""
    machine(2, 2 * GIB)
    allocation = allocate(plan_of(), Resources(jobs=64))
    assert (allocation.jobs, allocation.cores) == (64, 64)


def test_the_expected_memory_grows_with_the_trials_of_a_batch(plan_of):
    """Until a batch is divided, so that a study of a million trials needs no larger processes."""
    fixed = LIBRARY_BYTES + 2 * WORKSPACE_BYTES + DRAW_BYTES
    assert expected_bytes(plan_of(seeds=20)) < fixed + 100e6
    fields = {"problems": ("quadratic",), "optimizers": ("gd",)}
    single, half, whole, many = (
        expected_bytes(plan_of(seeds=seeds, **fields)) - fixed
        for seeds in (1_000, MOST_TRIALS // 2, MOST_TRIALS, 50 * MOST_TRIALS)
    )
    assert (half, whole, many) == (5 * single, 10 * single, 10 * single)
    assert whole > MOST_TRIALS * resources.TRIAL_BYTES


def test_batches_that_cannot_run_need_no_memory(plan_of):
    """The trials of a planning fault are stored without a process."""
    fields = {"problems": ("quadratic",), "optimizers": ("gd", "adam"), "seeds": 1000}
    plan = plan_of(**fields)
    fault = PlanningFault(TrialStatus.FAILED, "its factory raises")
    faulty = [msgspec.structs.replace(entrant, fault=fault) for entrant in plan.entrants]
    none = msgspec.structs.replace(plan, entrants=tuple(faulty))
    assert expected_bytes(none) == LIBRARY_BYTES + 2 * WORKSPACE_BYTES + DRAW_BYTES < expected_bytes(plan)


@pytest.mark.parametrize(
    ("device", "jobs", "expected"),
    [
        ("cuda", None, (4, ("cuda:0", "cuda:1", "cuda:2", "cuda:3"))),
        ("cuda", 8, (8, ("cuda:0", "cuda:1", "cuda:2", "cuda:3"))),
        ("cuda", 2, (2, ("cuda:0", "cuda:1", "cuda:2", "cuda:3"))),
        ("cuda:2", None, (1, ("cuda:2",))),
        ("cuda:2", 3, (3, ("cuda:2",))),
        ("auto", None, (4, ("cuda:0", "cuda:1", "cuda:2", "cuda:3"))),
        ("cpu", None, (16, ())),
    ],
)
def test_each_cuda_device_has_a_batch(machine, plan_of, device, jobs, expected):
    """All devices for cuda, one for its number; the cores draw the plots."""
    machine(16, devices=4)
    allocation = allocate(plan_of(device=device), Resources(jobs))
    assert (allocation.jobs, allocation.devices) == expected
    assert allocation.cores == 16


@pytest.mark.parametrize("executor", ["serial", "dask", "some:function"])
def test_other_executors_choose_their_devices_themselves(machine, plan_of, executor):
    """A worker may be on another machine."""
    machine(16, devices=4)
    allocation = allocate(plan_of(device="cuda"), Resources(executor=executor))
    assert (allocation.jobs, allocation.devices, allocation.memory) == (1, (), None)


def test_shared_workers_fit_all_studies(machine, plan_of):
    """The study with the largest batches decides how many run at a time, each with an equal share of the memory."""
    machine(192, 16 * GIB)
    small, large = plan_of(seeds=3), plan_of(seeds=MOST_TRIALS)
    jobs = [allocate(plan, Resources()).jobs for plan in (small, large)]
    assert jobs[0] > jobs[1]
    for plans in ((small, large), (large, small)):
        shared = allocate_shared(plans, Resources())
        assert (shared.jobs, shared.cores, shared.devices) == (jobs[1], 192, ())
        assert shared.memory == memory.default_limit(jobs[1])


def test_shared_workers_have_the_devices_of_all_studies(machine, plan_of):
    """Two studies on one device each."""
    machine(16, devices=4)
    plans = [plan_of(device=device) for device in ("cuda:2", "cuda:1")]
    assert allocate_shared(plans, Resources()).devices == ("cuda:2", "cuda:1")


@pytest.mark.parametrize("jobs", [None, 3])
def test_figures_without_a_study_need_few_workers(jobs):
    """They are measured and drawn."""
    assert allocate_shared([], Resources(jobs)) == Allocation(jobs or 1, jobs or 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jobs": 0}, r"jobs \(0\) and timeout \(None\) must be positive"),
        ({"timeout": 0.0}, r"timeout \(0.0\) must be positive"),
        ({"memory": "1K"}, "write a size of at least 512 MiB"),
    ],
)
def test_an_impossible_share_is_rejected(machine, plan_of, options, message):
    """Before any trial."""
    machine()
    with pytest.raises(UsageError, match=message):
        allocate(plan_of(), Resources(**options))


@pytest.mark.slow
@pytest.mark.skipif(not memory.is_supported(), reason="only Linux reports the memory of processes")
@pytest.mark.parametrize("seeds", [3, 10_000])
def test_the_expected_memory_is_that_of_a_process(tmp_path, seeds):
    """A process needs at most the expectation, and not less than a third of it."""
    study = benchbed.run(
        problems=["quadratic"], optimizers=["gd"], tracks=["default"], preset="quick", steps=100, seeds=seeds,
        device="cpu", output=tmp_path / "study", jobs=1,
    )  # fmt: skip
    expected = expected_bytes(study.plan)
    assert expected / 3 < study.trials["peak_bytes"].max() < expected
