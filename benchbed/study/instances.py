"""The instances that a study evaluates on, rebuilt for figures."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from benchbed.engine.sampling import Instances
from benchbed.interfaces import Data, Problem
from benchbed.seeds import InstanceSeed


class EvaluationInstances(NamedTuple):
    """Starts and data of some evaluation seeds, in float64 on the CPU."""

    start: Tensor
    """`[seeds, dimension]`"""
    data: Data
    """Shared data, or data with leading dimensions `[seeds, 1]` that broadcast against `theta: [seeds, points, …]`."""


def evaluation_instances(
    problem: Problem, name: str, seeds: Sequence[int], study_seed: int = 0
) -> EvaluationInstances:
    """Build the instances of a problem that studies with this `study_seed` evaluate on.

    `name` is the registered name of the problem, from which its random numbers derive; parameters do not matter.
    """
    instance_seeds = [InstanceSeed(study_seed, name, "evaluation", seed) for seed in seeds]
    instances = Instances(problem, instance_seeds)
    return EvaluationInstances(instances.start, instances.exact_data)
