"""benchbed's side: make the trials from its own instances, and run them as one batch.

`python benchmarks/peers_benchbed.py PROBLEM TRIALS STEPS ENGINE` does so in a process of its own, from the imports on,
and prints the seconds of the steps.
"""

import json
import sys
import time
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from peers_trials import OWN_DATA, Trials, lanes_of, rates_of

from benchbed.engine import Batch, run_batch
from benchbed.engine.sampling import Instances
from benchbed.gradients import reverse
from benchbed.interfaces import OptimizerFactory, Problem
from benchbed.runner.global_state import usual_conditions
from benchbed.seeds import DRAW_BLOCK, InstanceSeed
from benchbed_optimizers.adam import adam
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

PROBLEMS: dict[str, Problem] = {
    "quadratic": Quadratic(),
    "weighted-quartic": WeightedQuartic(),
    "runge": Runge(),
    # as in the standard preset: an objective over 100 000 samples would cost as much as 800 steps
    "polynomial-network": PolynomialNetwork(samples=4096),
}
LOSS_DATA = {
    "quadratic": ("eigenvalues",),
    "weighted-quartic": ("weights",),
    "runge": ("design", "y"),
    "polynomial-network": ("x", "y"),
}
"""The parts of an instance's data that its loss reads."""


class Ran(NamedTuple):
    """What a run of a batch took and gave."""

    step_seconds: float
    """The steps alone, the draws that they need included."""
    seconds: float
    """Everything, from the instances to the final measures."""
    theta: np.ndarray
    """`[seeds, settings, dimension]`."""


def make_trials(name: str, count: int, steps: int, dtype: str | None = None) -> Trials:
    """Give the arrays of `count` trials, in the problem's own arithmetic or in `dtype`."""
    problem = PROBLEMS[name]
    seeds, settings = lanes_of(count)
    kind = getattr(torch, dtype or problem.dtype)
    instances = Instances(problem, instance_seeds(name, seeds), torch.device("cpu"), kind)
    data = {part: getattr(instances.data, part).numpy() for part in LOSS_DATA[name]}
    if name in OWN_DATA:
        data = {part: values[:, 0] for part, values in data.items()}
    rates = rates_of(settings).astype(instances.start.numpy().dtype)
    return Trials(name, steps, rates, instances.start.numpy(), data, _draws(instances, steps))


def _draws(instances: Instances, steps: int) -> np.ndarray | None:
    if instances.draw(0) is None:
        return None
    edges = [*range(0, steps, DRAW_BLOCK), steps]
    blocks = [instances.draws(*edge)[:, :, 0].numpy() for edge in pairwise(edges)]
    draws = np.concatenate(blocks)
    return draws if draws.dtype.kind == "f" else draws.astype(np.int32)


def instance_seeds(name: str, count: int) -> list[InstanceSeed]:
    """Give the first evaluation seeds of a problem."""
    return [InstanceSeed(0, name, "evaluation", number) for number in range(count)]


def run(name: str, count: int, steps: int, engine: str, dtype: str | None = None) -> Ran:
    """Run the trials of `make_trials` by Adam."""
    seeds, settings = lanes_of(count)
    return run_rule(name, PROBLEMS[name], adam, rates_of(settings).tolist(), seeds, steps, engine, dtype)


def run_rule(
    name: str,
    problem: Problem,
    factory: OptimizerFactory,
    rates: list[float],
    seeds: int,
    steps: int,
    engine: str,
    dtype: str | None = None,
) -> Ran:
    """Run every rate on the first seeds of a problem, whose name they are drawn by.

    Raises RuntimeError where the engine could not be had, or where not all steps were made.
    """
    batch = batch_of(name, problem, factory, rates, seeds, steps)
    batch = batch._replace(engine=engine, dtype=dtype or problem.dtype, threads=torch.get_num_threads())
    with usual_conditions():
        begun = time.perf_counter()
        record = run_batch(batch)
        seconds = time.perf_counter() - begun
    if record.error is not None:
        raise RuntimeError(f"{name}: {record.error}")
    if engine != "auto" and not (record.engine == engine).all():
        raise RuntimeError(f"{name}: {record.engine_reason[0, 0]}; install a C++ compiler")
    made = int(record.steps.sum())
    if made != seeds * len(rates) * steps:
        raise RuntimeError(f"{name}: only {made} steps were made; choose rates that do not diverge")
    return Ran(float(record.step_seconds.sum()), seconds, record.final_theta)


def batch_of(
    name: str, problem: Problem, factory: OptimizerFactory, rates: list[float], seeds: int, steps: int
) -> Batch:
    """Give the batch of every rate on the first seeds of a problem, none of whose trials stops early."""
    return Batch(
        problem=problem,
        factory=factory,
        statics={},
        hyperparameters={"learning_rate": rates},
        settings=len(rates),
        seeds=instance_seeds(name, seeds),
        budget=steps,
        targets=(),
        scale=1.0,
        gradient=reverse,
        metrics={},
        dtype=problem.dtype,
        device="cpu",
    )


def objectives(name: str, theta: np.ndarray) -> np.ndarray:
    """Give the noise-free objective of `theta: [seeds, settings, dimension]` in float64: `[seeds, settings]`."""
    seeds = instance_seeds(name, len(theta))
    instances = Instances(PROBLEMS[name], seeds, torch.device("cpu"), torch.float64)
    points = torch.from_numpy(np.asarray(theta, dtype=np.float64))
    return PROBLEMS[name].objective(points, instances.data).numpy()


def main() -> None:
    """Run what the command line names, on one thread unless OMP_NUM_THREADS says otherwise."""
    name, count, steps, engine = sys.argv[1:]
    ran = run(name, int(count), int(steps), engine)
    print(json.dumps({"seconds": ran.step_seconds}))


if __name__ == "__main__":
    main()
