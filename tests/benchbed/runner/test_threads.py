"""Threads of the batches of a plan, for numbers of cores that this machine does not have."""

import heapq
import math
import re
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.executors import serial
from benchbed.interfaces import TrialStatus
from benchbed.plan import Request, complete_request, make_plan
from benchbed.plan.parts import PlanningFault
from benchbed.runner.threads import BatchThreads, threads_by_problem
from benchbed.runner.workers import Workers
from benchbed.study.resources import Resources, allocate
from benchbed.study.running import complete, study_folder
from benchbed.tuning.scheduling import waves_of

PAGE = Path(__file__).parents[3] / "docs" / "resources.md"


@pytest.fixture(scope="module")
def catalog():
    return load_catalog(environ={})


@pytest.fixture(scope="module")
def plan_of(catalog):
    """Return a function that plans some optimizers on one problem."""

    def make(optimizers, tracks=("default",), **fields):
        fields = {"problems": ("quadratic",), "preset": "quick", "seeds": 100} | fields
        return make_plan(catalog, Request(optimizers=optimizers, tracks=tracks, device="cpu", **fields))

    return make


@pytest.fixture(scope="module")
def standard(catalog):
    """Return the plan of the standard suite."""
    return make_plan(catalog, complete_request(catalog, Request(device="cpu"), None))


@pytest.mark.parametrize(
    ("optimizers", "cores", "threads"),
    [
        (("gd",), 1, 1),
        (("gd",), 2, 2),
        (("gd",), 64, 64),
        (("gd", "adam"), 2, 1),
        (("gd", "adam"), 64, 32),
        (("gd", "adam", "momentum"), 2, 1),
        (("gd", "adam", "momentum"), 64, 21),
    ],
)
def test_equal_batches_share_the_cores_equally(plan_of, optimizers, cores, threads):
    """Every pairing of the default track is one batch, here of 100 trials."""
    assert threads_by_problem(plan_of(optimizers), cores, cores) == {"quadratic": threads}


def test_a_choice_waits_for_its_tuning(plan_of):
    """The default runs beside the tuning, and the choice after both; a share of the cores is rounded up."""
    plan = plan_of(("gd",), ("default", "tuned"))
    (first, choices) = ([batch.trials for batch in wave] for wave in waves_of(plan, plan.pairings()[0]))
    assert (sorted(first), choices) == ([18, 100], [100])
    assert threads_by_problem(plan, 64, 64) == {"quadratic": math.ceil(64 * (100 + 100) / (18 + 100 + 100))}


def test_a_batch_has_no_more_threads_than_trials(plan_of):
    """A thread runs at least one trial."""
    assert threads_by_problem(plan_of(("gd",), seeds=3), 64, 64) == {"quadratic": 3}


def test_fewer_processes_have_more_threads(plan_of):
    """If memory allows two processes on eight cores, each batch has four threads."""
    assert threads_by_problem(plan_of(("gd", "adam", "momentum")), 2, 8) == {"quadratic": 4}


def test_a_longer_problem_has_more_threads(plan_of):
    """A budget of 30 times as many calls has 30 of 31 cores."""
    plan = plan_of(("gd",), problems=("quadratic", "quadratic[condition_number=50]"), steps=100)
    small, large = plan.problems
    assert small.dimension == large.dimension
    plan = msgspec.structs.replace(plan, problems=(small, msgspec.structs.replace(large, budget=3000)))
    assert threads_by_problem(plan, 31, 31) == {small.label: 1, large.label: 30}


def test_a_pairing_that_cannot_run_is_no_work(plan_of):
    """Its share of the cores would stay idle."""
    plan = plan_of(("gd", "adam"))
    first, second = plan.entrants
    fault = PlanningFault(TrialStatus.FAILED, "its factory raises")
    plan = msgspec.structs.replace(plan, entrants=(first, msgspec.structs.replace(second, fault=fault)))
    assert threads_by_problem(plan, 64, 64) == {"quadratic": 64}


@pytest.mark.parametrize("fields", [{"engine": "eager"}, {"checkpoints": "all"}])
def test_eager_batches_have_one_thread(plan_of, fields):
    """They would wait for cores that they cannot use."""
    assert threads_by_problem(plan_of(("gd",), **fields), 64, 64) == {}


class RecordingWorkers(Workers):
    """Workers that record the cores of each task."""

    def __init__(self):
        super().__init__(serial(1))
        self.cores = []

    def submit(self, *arguments):
        self.cores.append(arguments[-1])
        return super().submit(*arguments)


@pytest.mark.parametrize(("engine", "of_choice"), [("auto", 1), ("compiled", 64)])
def test_batches_after_an_eager_one_have_one_thread(plan_of, catalog, tmp_path, engine, of_choice):
    """The choice follows two batches of its pairing, which are too short to be compiled."""
    plan = plan_of(("adam",), ("default", "tuned"), engine=engine, steps=30)
    planned = threads_by_problem(plan, 64, 64)["quadratic"]
    assert planned == 59
    workers, resources = RecordingWorkers(), Resources(64, executor="serial")
    with workers, study_folder(tmp_path / "study", fresh=False) as folder:
        study = complete(plan, catalog, folder, (), workers, resources, allocate(plan, resources))
    assert workers.cores == [planned, planned, min(planned, of_choice)]
    assert set(study.trials["threads"]) == {1 if engine == "auto" else planned}


def test_a_larger_batch_may_be_compiled_after_an_eager_one(plan_of):
    """Its work decides, so that it keeps its threads."""
    plan = plan_of(("gd",), seeds=100)
    ((large,), _) = waves_of(plan, plan.pairings()[0])
    small = msgspec.structs.replace(large, seeds=large.seeds[:50])
    threads = BatchThreads({"quadratic": 8})
    threads.observe(0, small, pa.table({"engine": ["eager"] * 50}))
    assert [threads.of(0, small), threads.of(0, large), threads.of(1, small)] == [1, 8, 8]
    threads.observe(1, small, pa.table({"engine": ["eager", "compiled"]}))
    threads.observe(1, small, pa.table({"engine": pa.array([None], pa.string())}))  # its process died
    assert threads.of(1, small) == 8


def simulated_time(plan, cores, threads):
    """Return the time of a plan in units of work, if threads divide the time of a batch, and its work on all cores.

    Batches start as the scheduler starts them: the longest pairings first, and the oldest batch that fits into the free
    cores. The choice of a pairing follows its first batches.
    """
    pairings = sorted(plan.pairings(), key=lambda pairing: pairing.work.amount, reverse=True)
    waves = [
        [[pairing.work.amount * batch.trials for batch in wave] for wave in waves_of(plan, pairing)]
        for pairing in pairings
    ]
    widths = [threads.get(pairing.problem.label, 1) for pairing in pairings]
    pending = [len(first) for first, _ in waves]
    waiting = [(index, work) for index, (first, _) in enumerate(waves) for work in first]
    running, now, free = [], 0.0, cores
    while waiting or running:
        for index, work in list(waiting):
            if widths[index] <= free:
                waiting.remove((index, work))
                free -= widths[index]
                heapq.heappush(running, (now + work / widths[index], index))
        now, index = heapq.heappop(running)
        free += widths[index]
        pending[index] -= 1
        if pending[index] == 0:
            waiting += [(index, work) for work in waves[index][1]]
    return now, sum(work for pairing in waves for wave in pairing for work in wave) / cores


@pytest.mark.parametrize("cores", [1, 2, 4, 8, 16, 32, 64, 96, 128, 192])
def test_all_cores_are_busy(standard, cores):
    """The standard suite takes at most a third longer than if its work were divided at will, on 1 to 192 cores."""
    seconds, ideal = simulated_time(standard, cores, threads_by_problem(standard, cores, cores))
    assert ideal <= seconds * (1 + 1e-9)
    assert seconds <= 1.34 * ideal


def test_the_documented_times_are_those_of_the_plan(standard):
    """The table of the page is computed again."""
    rows = re.findall(
        r"^\| ([0-9]+) \| ([0-9]+) \| ([0-9.]+) \| ([0-9.]+) \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert len(rows) >= 5
    for cores, threads, time, single_time in rows:
        planned = threads_by_problem(standard, int(cores), int(cores))
        (of_network,) = (count for label, count in planned.items() if label.startswith("polynomial-network"))
        assert of_network == int(threads)
        for by_problem, expected in ((planned, time), ({}, single_time)):
            seconds, ideal = simulated_time(standard, int(cores), by_problem)
            assert f"{seconds / ideal:.2f}" == expected
