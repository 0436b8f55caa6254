"""Measure a problem's scale Δ, the unit of the gap, on instances of their own role (protocol, rule 3)."""

import torch

from benchbed.engine.instances import Instances
from benchbed.engine.measure import measure_objective
from benchbed.interfaces import Problem
from benchbed.seeds import InstanceSeed


def scale_of(problem: Problem, name: str, study_seed: int) -> float | None:
    """Give the lower median of f₀ − f* over the problem's scale instances; None where f* is unknown.

    A problem that starts at its optimum has no unit of its own: its scale is 1.
    """
    count = problem.scale_instances if _varies(problem) else 1
    seeds = [InstanceSeed(study_seed, name, "scale", index) for index in range(count)]
    instances = Instances(problem, seeds, torch.device("cpu"), torch.float64)
    optimum = instances.optimum()
    if optimum is None:
        return None
    with torch.no_grad():
        start = measure_objective(instances, instances.start[:, None])
    drop = (start - optimum).flatten().sort().values[(count - 1) // 2].item()
    return drop if drop > 0 else 1.0


def _varies(problem: Problem) -> bool:
    # Where neither start nor data is drawn, one instance is all of them.
    starts = [problem.make_start(torch.Generator().manual_seed(seed)) for seed in (1, 2)]
    data = problem.make_data(torch.Generator().manual_seed(1))
    return data is not None or not torch.equal(*starts)
