"""Measure how cost and memory grow: a point each for every size of one thing, everything else kept."""

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

from peers_benchbed import PROBLEMS, run_rule
from peers_hot import alternate
from peers_records import BATCH, HOT
from peers_trials import lanes_of, rates_of

from benchbed.interfaces import Problem
from benchbed_optimizers.adam import adam
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic

NETWORK = "polynomial-network"
FEW_SAMPLES = ("polynomial-network[samples=256]", PolynomialNetwork(samples=256))
"""Its steps cost the same, its objective does not take longer than they do."""
COST, MEMORY, WALL = "µs a trial-step", "MiB", "wall seconds"
JOBS_OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw")
JOBS_PROBLEMS = ("weighted-quartic", "runge")


class Point(NamedTuple):
    """One size: the median over the rounds, with the lowest and the highest."""

    against: str
    """What grows: "trials", "dimension", "steps" or "jobs"."""
    what: str
    """Of which problem; for a study, of which command."""
    measure: str
    engine: str
    size: int
    value: float
    unit: str
    spread: tuple[float, float]


class Sizes(NamedTuple):
    """What is measured."""

    trials: Sequence[int] = (1, 10, 100, 1_000, 10_000)
    dimension: Sequence[int] = (2, 10, 100, 1_000, 10_000)
    dimension_trials: int = 100
    steps: Sequence[int] = (100, 1_000, 10_000, 100_000)
    steps_trials: int = 100
    usual_steps: int = 1_000
    memory: Sequence[int] = (1, 10, 100, 1_000, 10_000)
    memory_steps: int = 5
    jobs_steps: int = 5_000


QUICK = Sizes(
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

    what: str
    problem: Problem
    trials: int
    steps: int

    def run(self, engine: str) -> Mapping[str, float]:
        """Run it, and give the seconds of its steps, and of everything."""
        seeds, settings = lanes_of(self.trials)
        rates = rates_of(settings).tolist()
        ran = run_rule(self.what, self.problem, adam, rates, seeds, self.steps, engine)
        return {HOT: ran.step_seconds, BATCH: ran.seconds}


def against_trials(
    sizes: Sizes, problems: Sequence[str], engines: Sequence[str], rounds: int
) -> Iterator[Point]:
    """Give the cost of a trial-step in batches of more and more trials."""
    for name in problems:
        what, problem = (name, PROBLEMS[name]) if name != NETWORK else FEW_SAMPLES
        for count in sizes.trials:
            # so many networks in so many steps would take minutes a round
            steps = sizes.usual_steps if name != NETWORK or count < 1_000 else sizes.usual_steps // 20
            yield from _costs("trials", count, Work(what, problem, count, steps), engines, rounds)


def against_dimension(sizes: Sizes, engines: Sequence[str], rounds: int) -> Iterator[Point]:
    """Give the cost of a trial-step of the quadratic in more and more dimensions."""
    for dimension in sizes.dimension:
        problem = Quadratic(dimension=dimension)
        steps = sizes.usual_steps if dimension <= 1_000 else sizes.usual_steps // 10
        work = Work("quadratic", problem, sizes.dimension_trials, steps)
        yield from _costs("dimension", dimension, work, engines, rounds)


def against_steps(sizes: Sizes, engines: Sequence[str], rounds: int) -> Iterator[Point]:
    """Give the cost of a trial-step of the quadratic in longer and longer runs."""
    for steps in sizes.steps:
        work = Work("quadratic", PROBLEMS["quadratic"], sizes.steps_trials, steps)
        yield from _costs("steps", steps, work, engines, rounds)


def _costs(against: str, size: int, work: Work, engines: Sequence[str], rounds: int) -> Iterator[Point]:
    seconds = alternate({engine: partial(work.run, engine) for engine in engines}, rounds)
    for engine, by_measure in seconds.items():
        for measure, values in by_measure.items():
            costs = [1e6 * each / (work.trials * work.steps) for each in values]
            yield _point(against, work.what, measure, engine, size, costs, COST)


def against_jobs(sizes: Sizes, rounds: int, most: int) -> Iterator[Point]:
    """Give the wall time of `benchbed run` on two problems and six optimizers with 1, 2, 4, … jobs, up to `most`."""
    jobs = sorted({*(2**power for power in range(most.bit_length())), most})
    found: dict[int, list[float]] = {count: [] for count in jobs}
    for number in range(rounds):
        for count in jobs[:: -1 if number % 2 else 1]:
            found[count].append(_study(sizes.jobs_steps, count))
    for count, seconds in found.items():
        yield _point("jobs", "benchbed run", "command line", "auto", count, seconds, WALL)


def _study(steps: int, jobs: int) -> float:
    chosen = [part for name in JOBS_PROBLEMS for part in ("-p", name)]
    chosen += [part for name in JOBS_OPTIMIZERS for part in ("-o", name)]
    with tempfile.TemporaryDirectory() as scratch:
        command = [
            *(sys.executable, "-m", "benchbed", "run", *chosen, "--preset", "full", "--track", "default"),
            *("--steps", str(steps), "--seeds", "20", "--device", "cpu", "--jobs", str(jobs)),
            *("--output", f"{scratch}/study", "--format", "csv"),
        ]
        begun = time.perf_counter()
        _run(command)
        return time.perf_counter() - begun


def memory(sizes: Sizes, problems: Sequence[str], rounds: int) -> Iterator[Point]:
    """Give the peak beyond the imports, each batch in a process of its own: many settings, and as many seeds alone."""
    for name in problems:
        for count in sizes.memory:
            shapes = {f"{name}, up to 20 seeds": lanes_of(count), f"{name}, one setting": (count, 1)}
            for what, (seeds, settings) in shapes.items():
                bytes_ = [_peak(name, seeds, settings, sizes.memory_steps) for _ in range(rounds)]
                mebibytes = [each / 2**20 for each in bytes_]
                yield _point("trials", what, "peak", "auto", count, mebibytes, MEMORY)


def _peak(name: str, seeds: int, settings: int, steps: int) -> int:
    script = Path(__file__).with_name("scaling_memory.py")
    arguments = (script, name, seeds, settings, steps, "auto")
    return int(json.loads(_run([sys.executable, *map(str, arguments)]))["bytes"])


def _run(command: Sequence[str]) -> str:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # The script's own folder must be on its path, where its neighbours lie.
    environment = {name: value for name, value in environment.items() if name != "PYTHONSAFEPATH"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    return done.stdout


def _point(
    against: str, what: str, measure: str, engine: str, size: int, values: Sequence[float], unit: str
) -> Point:
    spread = (min(values), max(values))
    return Point(against, what, measure, engine, size, statistics.median(values), unit, spread)
