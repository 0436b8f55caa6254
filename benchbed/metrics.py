"""Built-in metrics of all problems, registered by the hook that third-party plugins use."""

from collections.abc import Callable

from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Data, Problem, RegisteredMetric


def distance_to_solution(problem: Problem, theta: Tensor, data: Data) -> Tensor | None:
    """Return the Euclidean distance `[...]` of `theta: [..., dimension]` from the minimizer; None if it is unknown."""
    minimizer = problem.minimizer(data)
    return None if minimizer is None else (theta - minimizer).norm(dim=-1)


@hookimpl
def register_metrics(register: Callable[[RegisteredMetric], None]) -> None:
    """Register the built-in metrics."""
    register(distance_to_solution)
