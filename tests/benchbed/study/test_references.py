"""Reference values are certified only if no target of the gap depends on their error, and stored only if finite."""

import math
from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from benchbed.engine.solving import Solution
from benchbed.errors import ContractError, UsageError
from benchbed.interfaces import Layout, Problem
from benchbed.study.references import _reference, compute_reference


@dataclass(frozen=True)
class Bowl(Problem):
    """A square in one dimension, or minus it."""

    is_convex = True
    sign: float = 1.0

    @property
    def layout(self):
        return Layout({"x": (1,)})

    def make_start(self, generator):
        return torch.randn(1, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return self.sign * theta.square().sum(-1)


class Accurate(Bowl):
    """The same with the targets of a metric."""

    target_metric: ClassVar[str] = "accuracy"
    targets = (0.5, 0.95)


class OneProblem:
    """A catalog that contains this problem alone."""

    def __init__(self, problem):
        self._problem = problem

    def problem(self, name, values):
        return self._problem


@pytest.mark.parametrize("problem", [Bowl(), Accurate()])
@pytest.mark.parametrize(
    ("error_bound", "scale", "kind"),
    [(1e-9, 1.0, "certified"), (0.05, 1.0, "best known"), (1e-9, math.inf, "best known")],
)
def test_a_certified_value_has_an_error_below_the_targets_of_the_gap(problem, error_bound, scale, kind):
    """A tenth of 10⁻⁸; an accuracy of 0.95 says nothing about gaps."""
    assert _reference(problem, Solution(1.0, error_bound, 1.0, scale)).kind == kind


def test_a_value_that_is_not_finite_is_not_stored(tmp_path, monkeypatch):
    """The values of other problems of the file stay as they are."""
    path = tmp_path / "bowls.references.json"
    monkeypatch.setattr("benchbed.study.references.references_path", lambda problem: path)
    assert compute_reference(OneProblem(Bowl()), "bowl", seconds=5).reference.value == 0
    stored = path.read_bytes()
    with pytest.raises(ContractError, match="has no finite minimum"):
        compute_reference(OneProblem(Bowl(sign=-1.0)), "bowl[sign=-1]", seconds=5)
    assert path.read_bytes() == stored


def test_a_transformed_problem_has_the_value_of_the_original_one():
    """No second value of the same function is stored."""
    with pytest.raises(
        UsageError, match=r"rotated\(bowl\)' has the optimum of 'bowl'; compute the reference value of"
    ):
        compute_reference(OneProblem(Bowl()), "rotated(bowl)", 1.0)
