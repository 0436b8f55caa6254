"""Offer the built-in measures that serve every problem, through the same door as a stranger's."""

from collections.abc import Callable

from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Data, Problem, RegisteredMetric


def distance_to_solution(problem: Problem, theta: Tensor, data: Data) -> Tensor | None:
    """Measure the Euclidean distance `[...]` from `theta: [..., dimension]` to the known minimizer, if there is one."""
    minimizer = problem.minimizer(data)
    return None if minimizer is None else (theta - minimizer).norm(dim=-1)


@hookimpl
def register_metrics(register: Callable[[RegisteredMetric], None]) -> None:
    """Enter the built-in metrics."""
    register(distance_to_solution)
