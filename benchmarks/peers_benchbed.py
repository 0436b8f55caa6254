"""benchbed's trials: arrays of its instances for the peers, and their run as one batch.

`python benchmarks/peers_benchbed.py PROBLEM TRIALS STEPS ENGINE` runs them in a separate process and prints the seconds
of the steps.
"""

import json
import sys
import time
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from peers_networks import NETWORKS
from peers_trials import INSTANCE_DATA, Trials, lanes_of, rates_of

from benchbed.engine import Batch, run_batch
from benchbed.engine.oracle import batched
from benchbed.engine.pytrees import leaves
from benchbed.engine.sampling import Instances
from benchbed.gradients import reverse
from benchbed.interfaces import OptimizerFactory, Problem
from benchbed.runner.global_state import default_global_state
from benchbed.seeds import InstanceSeed
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
    **NETWORKS,
}
LOSS_DATA = {
    "quadratic": ("eigenvalues",),
    "weighted-quartic": ("weights",),
    "runge": ("design", "y"),
    "polynomial-network": ("x", "y"),
}
"""The fields of an instance's data that its loss reads."""


class TimedRun(NamedTuple):
    """Times and final points of a batch."""

    step_seconds: float
    """The steps alone, with their draws."""
    seconds: float
    """Everything, from the instances to the final measurements."""
    theta: np.ndarray
    """`[seeds, settings, dimension]`."""


def make_trials(name: str, count: int, steps: int, dtype: str | None = None) -> Trials:
    """Build the arrays of `count` trials in `dtype`, by default that of the problem."""
    problem = PROBLEMS[name]
    seeds, settings = lanes_of(count)
    kind = getattr(torch, dtype or problem.dtype)
    instances = Instances(problem, instance_seeds(name, seeds), torch.device("cpu"), kind)
    if name in NETWORKS:
        data = {field: part.numpy() for field, part in zip("xy", instances.data.training, strict=True)}
    else:
        data = {field: getattr(instances.data, field).numpy() for field in LOSS_DATA[name]}
    if name in INSTANCE_DATA:
        data = {field: values[:, 0] for field, values in data.items()}
    rates = rates_of(settings).astype(instances.start.numpy().dtype)
    return Trials(
        name,
        steps,
        rates,
        instances.start.numpy(),
        data,
        _draws(instances, steps),
        dict(problem.layout.blocks),
    )


def _draws(instances: Instances, steps: int) -> np.ndarray | None:
    if instances.draws.at(0) is None:
        return None
    edges = [*range(0, steps, instances.problem.draw_block), steps]
    # The draws of a network are the positions of its samples, and the numbers of random layers, which it does not have.
    blocks = [leaves(instances.draws.between(*edge))[0][:, :, 0].numpy() for edge in pairwise(edges)]
    draws = np.concatenate(blocks)
    return draws if draws.dtype.kind == "f" else draws.astype(np.int32)


def instance_seeds(name: str, count: int) -> list[InstanceSeed]:
    """List the first evaluation seeds of a problem."""
    return [InstanceSeed(0, name, "evaluation", number) for number in range(count)]


def run(name: str, count: int, steps: int, engine: str, dtype: str | None = None) -> TimedRun:
    """Run the trials of `make_trials` with Adam."""
    seeds, settings = lanes_of(count)
    return run_optimizer(name, PROBLEMS[name], adam, rates_of(settings).tolist(), seeds, steps, engine, dtype)


def run_optimizer(
    name: str,
    problem: Problem,
    factory: OptimizerFactory,
    rates: list[float],
    seeds: int,
    steps: int,
    engine: str,
    dtype: str | None = None,
) -> TimedRun:
    """Run every learning rate on the first seeds of a problem, drawn under `name`.

    Raises: RuntimeError if the engine is not available, or if not all steps ran.
    """
    batch = batch_of(name, problem, factory, rates, seeds, steps)
    batch = batch._replace(engine=engine, dtype=dtype or problem.dtype, threads=torch.get_num_threads())
    with default_global_state():
        begun = time.perf_counter()
        record = run_batch(batch)
        seconds = time.perf_counter() - begun
    if record.error is not None:
        raise RuntimeError(f"{name}: {record.error}")
    if engine != "auto" and not (record.engine == engine).all():
        raise RuntimeError(f"{name}: {record.engine_reason[0, 0]}; install a C++ compiler")
    total_steps = int(record.steps.sum())
    if total_steps != seeds * len(rates) * steps:
        raise RuntimeError(f"{name}: only {total_steps} steps ran; choose rates that do not diverge")
    return TimedRun(float(record.step_seconds.sum()), seconds, record.final_theta)


def batch_of(
    name: str, problem: Problem, factory: OptimizerFactory, rates: list[float], seeds: int, steps: int
) -> Batch:
    """Build the batch of every learning rate on the first seeds of a problem; no trial stops early."""
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
    """Compute the noise-free objective of `theta: [seeds, settings, dimension]` in float64: `[seeds, settings]`."""
    seeds = instance_seeds(name, len(theta))
    instances = Instances(PROBLEMS[name], seeds, torch.device("cpu"), torch.float64)
    points = torch.from_numpy(np.asarray(theta, dtype=np.float64))
    objective = batched(PROBLEMS[name], PROBLEMS[name].objective)
    return objective(points, instances.data).numpy()


def main() -> None:
    """Run the trials of the command line, on one thread unless OMP_NUM_THREADS is set."""
    name, count, steps, engine = sys.argv[1:]
    timed = run(name, int(count), int(steps), engine)
    print(json.dumps({"seconds": timed.step_seconds}))


if __name__ == "__main__":
    main()
