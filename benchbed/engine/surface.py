"""Evaluate a problem's objective over many points of one instance, for figures."""

import numpy as np
import torch

from benchbed.engine.evaluation import measure_objective
from benchbed.engine.instances import Instances
from benchbed.interfaces import Problem
from benchbed.seeds import InstanceSeed


def objective_at(problem: Problem, seed: InstanceSeed, points: np.ndarray) -> np.ndarray:
    """Give the noise-free objective `[count]` at `points: [count, dimension]` on the instance of `seed`."""
    instances = Instances(problem, [seed], torch.device("cpu"), torch.float64)
    with torch.no_grad():
        values: np.ndarray = measure_objective(instances, torch.from_numpy(points)[None]).numpy()[0]
    return values


def solution_of(problem: Problem, seed: InstanceSeed) -> tuple[float | None, np.ndarray | None]:
    """Give the optimum and a minimizer `[dimension]` of the instance of `seed`, each None where unknown."""
    instances = Instances(problem, [seed], torch.device("cpu"), torch.float64)
    optimum, minimizer = instances.optimum(), problem.minimizer(instances.exact_data)
    point = None if minimizer is None else minimizer.expand(1, 1, -1)[0, 0].numpy()
    return (None if optimum is None else optimum[0, 0].item()), point
