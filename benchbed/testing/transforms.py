"""Checks of a transform: those of a problem, and that starts are the points of the original starts."""

from typing import Any

from benchbed.catalog.names import derived_name
from benchbed.catalog.transforming import Bowl
from benchbed.engine.oracle import batched
from benchbed.interfaces import Problem, Transform, TransformedProblem
from benchbed.testing.assertions import ConformanceError, require, require_close
from benchbed.testing.problems import ProblemUnderTest, check_problem

ORIGINAL = Bowl()


def check_transform(transform: Transform, problem: Problem = ORIGINAL, **parameters: Any) -> None:
    """Check a transform of a problem, by default a sum of squares around a random point in two blocks.

    Args:
        transform: The function or class that `register_transforms` registers.
        problem: The problem that it transforms.
        parameters: Values of the transform's own parameters.

    Raises: ConformanceError with the first difference.
    """
    name = derived_name(transform)
    first, second = (transform(problem, **parameters) for _ in range(2))
    require(isinstance(first, Problem), f"{name} returns {first!r}; return a problem")
    require(
        first == second, f"{name} returns unequal problems for equal arguments; return a frozen dataclass"
    )
    check_problem(first)
    if not isinstance(first, TransformedProblem):
        return
    transformed, original = ProblemUnderTest(first), ProblemUnderTest(problem)
    try:
        values = [
            batched(subject.problem, subject.problem.objective)(subject.instances.start[:, None], subject.data)
            for subject in (transformed, original)
        ]  # fmt: skip
        require_close(values[0], values[1], "the objective at the original starts", 1e-9)
    except ConformanceError as error:
        message = (
            f"{name}: {error}; let from_original be the inverse of to_original, and keep the objective there"
        )
        raise ConformanceError(message) from error
