"""Each check of problems fails for a problem that breaks one rule."""

from dataclasses import dataclass

import pytest
import torch

from benchbed.interfaces import Layout, Problem
from benchbed.testing import ConformanceError, check_problem, problem_claims
from benchbed_problems.shallow_network import ShallowNetwork


@dataclass(frozen=True)
class PlainQuadratic(Problem):
    """A plain quadratic that subclasses break."""

    is_convex = True

    @property
    def layout(self):
        return Layout({"theta": (3,)})

    def make_start(self, generator):
        return torch.randn(3, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)

    def minimizer(self, data):
        return torch.zeros(3, dtype=torch.float64)


class WrongGradient(PlainQuadratic):
    def objective(self, theta, data):
        return (theta * theta.detach()).sum(-1)


class WrongOptimum(PlainQuadratic):
    def optimum(self, data):
        return torch.tensor(1e3)


class WrongMinimizer(PlainQuadratic):
    def minimizer(self, data):
        return torch.ones(3, dtype=torch.float64)


class ConcaveAtZero(PlainQuadratic):
    def minimizer(self, data):
        return None

    def objective(self, theta, data):
        return (theta.square() - 4).square().sum(-1)


class GlobalDraws(PlainQuadratic):
    def make_draws(self, generator, steps):
        return torch.randn(steps, 3)


class Writes(PlainQuadratic):
    @property
    def metrics(self):
        return {"damage": lambda theta, data: theta.mul_(2).sum(-1)}


class WrongStart(PlainQuadratic):
    def make_start(self, generator):
        return torch.full((3,), torch.nan, dtype=torch.float64)


class Flat(PlainQuadratic):
    def objective(self, theta, data):
        return theta.square().sum()


class ShareOfLanes(PlainQuadratic):
    def in_basin(self, theta, data):
        return (theta[..., 0] > -9).double()


class BasinOfCoordinates(PlainQuadratic):
    def in_basin(self, theta, data):
        return theta > -9


class BasinOfTheBatch(PlainQuadratic):
    def in_basin(self, theta, data):
        return (theta[..., 0] > -9) & (theta.dim() == 3)


class BasinElsewhere(PlainQuadratic):
    def in_basin(self, theta, data):
        return theta[..., 0] > 1e3


class WritingBasin(PlainQuadratic):
    def in_basin(self, theta, data):
        return theta.mul_(2)[..., 0] > -9


class NamedAsTheBasin(PlainQuadratic):
    @property
    def metrics(self):
        return {"start_in_basin": lambda theta, data: theta.sum(-1)}


class KnownBasin(PlainQuadratic):
    def in_basin(self, theta, data):
        return theta[..., 0] > -9


class KnownBasinAlone(PlainQuadratic):
    per_trial = True

    def in_basin(self, theta, data):
        assert theta.dim() == 1
        return theta[0] > -9


@pytest.mark.parametrize(
    ("problem", "message"),
    [
        (WrongGradient(), "against differences"),
        (WrongOptimum(), "falls below"),
        (WrongMinimizer(), "at its minimizer"),
        (ConcaveAtZero(), "above one of its chords"),
        (GlobalDraws(), "global generator"),
        (Writes(), "writes to its arguments"),
        (WrongStart(), "not finite"),
        (Flat(), "its loss returns"),
        (ShareOfLanes(), "in_basin must return one bool"),
        (BasinOfCoordinates(), "in_basin must return one bool"),
        (BasinOfTheBatch(), "in_basin differs for a single trial"),
        (BasinElsewhere(), "in_basin excludes the minimizer"),
        (WritingBasin(), "writes to its arguments"),
        (NamedAsTheBasin(), "a metric is named 'start_in_basin'"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_the_broken_rule_of_a_problem_is_named(problem, message):
    """The error names the rule."""
    with pytest.raises(ConformanceError, match=message):
        check_problem(problem)


@pytest.mark.parametrize("name", ["gradient", "single-trial"])
def test_a_loss_of_all_lanes_together_has_its_remedy(name):
    """Both claims name the mistake, which would otherwise be an error of torch in benchbed's own lines."""
    claims = {claim.name: claim for claim in problem_claims(Flat())}
    with pytest.raises(ConformanceError, match=r"loss returns \(\) for .*; reduce over the last dimension"):
        claims[name]()


@pytest.mark.parametrize(
    "problem", [PlainQuadratic(), KnownBasin(), KnownBasinAlone()], ids=lambda p: type(p).__name__
)
def test_a_correct_problem_passes(problem):
    """The base classes of the broken problems pass, so each of those fails for its own error."""
    check_problem(problem)


def test_a_kink_within_a_difference_is_accepted():
    """Of 100 ReLU units, one has its kink within 1e-5 of these points, where the gradient is correct."""
    check_problem(ShallowNetwork(hidden=100))
