"""Measurements of growing cost and memory: one point for each size of one quantity, with all others fixed."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from peers_benchbed import PROBLEMS, run_optimizer
from peers_hot import alternate
from peers_records import BATCH, HOT
from peers_trials import lanes_of, rates_of

from benchbed.interfaces import Problem
from benchbed_optimizers.adam import adam
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic

NETWORK = "polynomial-network"
FEW_SAMPLES = ("polynomial-network[samples=256]", PolynomialNetwork(samples=256))
"""The network with few samples, so that its objective does not take longer than its steps."""
COST, MEMORY, WALL = "µs a trial-step", "MiB", "wall seconds"
JOBS_OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
JOBS_PROBLEMS = ("weighted-quartic", "runge")


class Point(NamedTuple):
    """One size: the median over the rounds, with the lowest and the highest."""

    against: str
    """The quantity that grows: "trials", "dimension", "steps" or "jobs"."""
    subject: str
    """The problem, or the command of a study."""
    measure: str
    engine: str
    size: int
    value: float
    unit: str
    spread: tuple[float, float]


class ScalingSizes(NamedTuple):
    """Sizes of all measurements."""

    trials: Sequence[int] = (1, 10, 100, 1_000, 10_000)
    dimension: Sequence[int] = (2, 10, 100, 1_000, 10_000)
    dimension_trials: int = 100
    steps: Sequence[int] = (100, 1_000, 10_000, 100_000)
    steps_trials: int = 100
    usual_steps: int = 1_000
    memory: Sequence[int] = (1, 10, 100, 1_000, 10_000)
    memory_steps: int = 5
    jobs_steps: int = 5_000


QUICK = ScalingSizes(
    trials=(1, 10),
    dimension=(2, 10),
    dimension_trials=10,
    steps=(10, 20),
    steps_trials=10,
    usual_steps=20,
    memory=(1, 10),
    memory_steps=5,
    jobs_steps=20,
)


class Work(NamedTuple):
    """A batch of trials of Adam."""

    name: str
    problem: Problem
    trials: int
    steps: int

    def run(self, engine: str) -> Mapping[str, float]:
        """Run the batch and return the seconds of its steps and of everything."""
        seeds, settings = lanes_of(self.trials)
        rates = rates_of(settings).tolist()
        run = run_optimizer(self.name, self.problem, adam, rates, seeds, self.steps, engine)
        return {HOT: run.step_seconds, BATCH: run.seconds}


def against_trials(
    sizes: ScalingSizes, problems: Sequence[str], engines: Sequence[str], rounds: int
) -> Iterator[Point]:
    """Yield the cost of a trial-step against the number of trials."""
    for name in problems:
        label, problem = (name, PROBLEMS[name]) if name != NETWORK else FEW_SAMPLES
        for count in sizes.trials:
            # a thousand networks with all steps would take minutes a round
            steps = sizes.usual_steps if name != NETWORK or count < 1_000 else sizes.usual_steps // 20
            yield from _costs("trials", count, Work(label, problem, count, steps), engines, rounds)


def against_dimension(sizes: ScalingSizes, engines: Sequence[str], rounds: int) -> Iterator[Point]:
    """Yield the cost of a trial-step of the quadratic against its dimension."""
    for dimension in sizes.dimension:
        problem = Quadratic(dimension=dimension)
        steps = sizes.usual_steps if dimension <= 1_000 else sizes.usual_steps // 10
        work = Work("quadratic", problem, sizes.dimension_trials, steps)
        yield from _costs("dimension", dimension, work, engines, rounds)


def against_steps(sizes: ScalingSizes, engines: Sequence[str], rounds: int) -> Iterator[Point]:
    """Yield the cost of a trial-step of the quadratic against the number of steps."""
    for steps in sizes.steps:
        work = Work("quadratic", PROBLEMS["quadratic"], sizes.steps_trials, steps)
        yield from _costs("steps", steps, work, engines, rounds)


def _costs(against: str, size: int, work: Work, engines: Sequence[str], rounds: int) -> Iterator[Point]:
    seconds = alternate({engine: partial(work.run, engine) for engine in engines}, rounds)
    for engine, by_measure in seconds.items():
        for measure, values in by_measure.items():
            costs = [1e6 * each / (work.trials * work.steps) for each in values]
            yield _point(against, work.name, measure, engine, size, costs, COST)


def against_jobs(sizes: ScalingSizes, rounds: int, max_jobs: int) -> Iterator[Point]:
    """Yield the wall time of `benchbed run` on two problems and six optimizers with 1, 2, 4, … `max_jobs` jobs."""
    jobs = sorted({*(2**power for power in range(max_jobs.bit_length())), max_jobs})
    times: dict[int, list[float]] = {count: [] for count in jobs}
    for number in range(rounds):
        for count in jobs[:: -1 if number % 2 else 1]:
            times[count].append(_study(sizes.jobs_steps, count))
    for count, seconds in times.items():
        yield _point("jobs", "benchbed run", "command line", "auto", count, seconds, WALL)


def _study(steps: int, jobs: int) -> float:
    selection = [argument for name in JOBS_PROBLEMS for argument in ("-p", name)]
    selection += [argument for name in JOBS_OPTIMIZERS for argument in ("-o", name)]
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *(sys.executable, "-m", "benchbed", "run", *selection, "--preset", "full", "--track", "default"),
            *("--steps", str(steps), "--seeds", "20", "--device", "cpu", "--jobs", str(jobs)),
            *("--output", f"{scratch}/study", "--format", "csv"),
        ]
        begun = time.perf_counter()
        _run(command)
        return time.perf_counter() - begun


def memory(sizes: ScalingSizes, problems: Sequence[str], rounds: int) -> Iterator[Point]:
    """Yield the peak memory of batches in separate processes, with many settings and with many seeds."""
    for name in problems:
        for count in sizes.memory:
            shapes = {f"{name}, up to 20 seeds": lanes_of(count), f"{name}, one setting": (count, 1)}
            for label, (seeds, settings) in shapes.items():
                bytes_ = [_peak(name, seeds, settings, sizes.memory_steps) for _ in range(rounds)]
                mebibytes = [each / 2**20 for each in bytes_]
                yield _point("trials", label, "peak", "auto", count, mebibytes, MEMORY)


def _peak(name: str, seeds: int, settings: int, steps: int) -> int:
    script = Path(__file__).with_name("scaling_memory.py")
    arguments = (script, name, seeds, settings, steps, "auto")
    return int(json.loads(_run([sys.executable, *map(str, arguments)]))["bytes"])


def _run(command: Sequence[str]) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # A script imports modules from its folder.
    environment = {name: value for name, value in environment.items() if name != "PYTHONSAFEPATH"}
    process = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {process.stderr[-2000:]}")
    return process.stdout


def _point(
    against: str, subject: str, measure: str, engine: str, size: int, values: Sequence[float], unit: str
) -> Point:
    value_range = (min(values), max(values))
    return Point(against, subject, measure, engine, size, statistics.median(values), unit, value_range)
