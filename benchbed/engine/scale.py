"""Measure a problem's scale Δ, the unit of the gap, on instances of their own role (protocol, rule 3)."""

from collections.abc import Sequence

import torch

from benchbed.engine.evaluation import measure_objective
from benchbed.engine.instances import Instances, make_start
from benchbed.interfaces import Problem
from benchbed.seeds import InstanceSeed


def scale_of(problem: Problem, name: str, study_seed: int) -> float | None:
    """Give the lower median of f₀ − f* over the problem's scale instances; None where f* is unknown.

    A problem that starts at its optimum has no unit of its own: its scale is 1.
    """
    seeds = [InstanceSeed(study_seed, name, "scale", index) for index in range(problem.scale_instances)]
    seeds = seeds if _varies(problem, seeds) else seeds[:1]
    instances = Instances(problem, seeds, torch.device("cpu"), torch.float64)
    optimum = instances.optimum()
    if optimum is None:
        return None
    with torch.no_grad():
        start = measure_objective(instances, instances.start[:, None])
    drop = (start - optimum).flatten().sort().values[(len(seeds) - 1) // 2].item()
    return drop if drop > 0 else 1.0


def _varies(problem: Problem, seeds: Sequence[InstanceSeed]) -> bool:
    # Where neither start nor data is drawn, one instance is all of them.
    first, *others = (make_start(problem, seed) for seed in seeds[:2])
    data = problem.make_data(torch.Generator().manual_seed(1))
    return data is not None or any(not torch.equal(first, other) for other in others)
