"""Checks of a transform: those of a problem, and that starts are the points of the original starts."""

from collections.abc import Mapping
from typing import Any

from benchbed.catalog.names import derived_name
from benchbed.catalog.transforming import Bowl
from benchbed.engine.oracle import batched
from benchbed.interfaces import Problem, Transform, TransformedProblem
from benchbed.testing.assertions import ConformanceError, require, require_close
from benchbed.testing.claims import Claim, check_claims, claims_of
from benchbed.testing.problems import ProblemUnderTest, problem_claims

ORIGINAL = Bowl()


class TransformUnderTest:
    """A transform with a problem, transformed twice by equal arguments."""

    def __init__(self, transform: Transform, problem: Problem, parameters: Mapping[str, Any]) -> None:
        self.name, self.original = derived_name(transform), problem
        self.first, self.second = (transform(problem, **parameters) for _ in range(2))
        if not isinstance(self.first, Problem):
            raise ConformanceError(f"{self.name} returns {self.first!r}; return a problem")


def check_equality(subject: TransformUnderTest) -> None:
    """Check that problems of equal arguments are equal."""
    fault = "returns unequal problems for equal arguments; return a frozen dataclass"
    require(subject.first == subject.second, fault)


def check_original_starts(subject: TransformUnderTest) -> None:
    """Check that the objective at starts is that of the original problem at its starts."""
    transformed, original = ProblemUnderTest(subject.first), ProblemUnderTest(subject.original)
    values = [
        batched(each.problem, each.problem.objective)(each.instances.start[:, None], each.data)
        for each in (transformed, original)
    ]
    remedy = "let from_original be the inverse of to_original, and keep the objective there"
    require_close(values[0], values[1], "the objective at the original starts", 1e-9, remedy)


def transform_claims(transform: Transform, problem: Problem = ORIGINAL, **parameters: Any) -> list[Claim]:
    """Return the claims about a transform of a problem; the arguments are those of `check_transform`.

    Raises: ConformanceError if it returns no problem.
    """
    subject = TransformUnderTest(transform, problem, parameters)
    moves_points = isinstance(subject.first, TransformedProblem)
    own_checks = [check_equality, *([check_original_starts] if moves_points else [])]
    equality, *starts = claims_of(subject, own_checks)
    return [equality, *problem_claims(subject.first), *starts]


def check_transform(transform: Transform, problem: Problem = ORIGINAL, **parameters: Any) -> None:
    """Check a transform of a problem, by default a sum of squares around a random point in two blocks.

    Args:
        transform: The function or class that `register_transforms` registers.
        problem: The problem that it transforms.
        parameters: Values of the transform's own parameters.

    Raises: ConformanceError with the first difference.
    """
    check_claims(transform_claims(transform, problem, **parameters))
