"""Each conformance check fails for an optimizer or problem that breaks one rule."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed.testing import ConformanceError, check_optimizer, check_problem
from benchbed_problems.shallow_network import ShallowNetwork


class Velocity(NamedTuple):
    value: torch.Tensor


def factory_of(update, init=None, measured=None):
    """Build a factory with one hyperparameter from an update."""

    def factory(learning_rate: float = 0.01):
        optimizer = Optimizer(
            init=init or (lambda theta: Velocity(torch.zeros_like(theta))),
            update=lambda *a: update(learning_rate, *a),
        )
        return optimizer if measured is None else optimizer._replace(answer=measured)

    return factory


def writes(rate, oracle, state, theta):
    state.value.add_(oracle.gradient)
    return theta - rate * state.value, state


def mixes_lanes(rate, oracle, state, theta):
    return theta - rate * oracle.gradient / oracle.gradient.norm(), state


def shrinks(rate, oracle, state, theta):
    return theta - rate * oracle.gradient, Velocity(state.value[..., :1])


def draws(rate, oracle, state, theta):
    return theta - rate * oracle.gradient + 0.01 * torch.randn_like(theta), state


def explodes(rate, oracle, state, theta):
    return theta * float("inf"), state


def narrows(rate, oracle, state, theta):
    return (theta - rate * oracle.gradient).float(), state


def steps_from_the_batch(rate, oracle, state, theta):
    return theta - rate * oracle.gradient * (1 if theta.dim() == 1 else 2), state


def plain(rate, oracle, state, theta):
    return theta - rate * oracle.gradient, state


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (factory_of(writes), "writes to its arguments"),
        (factory_of(mixes_lanes), "fewer lanes"),
        (factory_of(shrinks), "a state tensor changes"),
        (factory_of(draws), "global generator"),
        (factory_of(explodes), "not finite"),
        (factory_of(narrows), "theta changes"),
        (factory_of(steps_from_the_batch), "single trial"),
        (factory_of(plain, init=lambda theta: {"value": theta}), "must be a NamedTuple, not dict"),
        (factory_of(plain, init=lambda theta: Velocity(torch.zeros(3))), "leading dimensions"),
        (factory_of(plain, measured=lambda state, theta: theta[..., :1]), "answer changes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_broken_rule_of_an_optimizer_is_named(factory, message):
    """The error names the rule."""
    with pytest.raises(ConformanceError, match=message):
        check_optimizer(factory)


@dataclass(frozen=True)
class Bowl(Problem):
    """A plain quadratic that subclasses break."""

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


class WrongGradient(Bowl):
    def objective(self, theta, data):
        return (theta * theta.detach()).sum(-1)


class WrongOptimum(Bowl):
    def optimum(self, data):
        return torch.tensor(1e3)


class WrongMinimizer(Bowl):
    def minimizer(self, data):
        return torch.ones(3, dtype=torch.float64)


class GlobalDraws(Bowl):
    def make_draws(self, generator, steps):
        return torch.randn(steps, 3)


class Writes(Bowl):
    @property
    def metrics(self):
        return {"damage": lambda theta, data: theta.mul_(2).sum(-1)}


class WrongStart(Bowl):
    def make_start(self, generator):
        return torch.full((3,), torch.nan, dtype=torch.float64)


class Flat(Bowl):
    def objective(self, theta, data):
        return theta.square().sum()


class ShareOfLanes(Bowl):
    def in_basin(self, theta, data):
        return (theta[..., 0] > -9).double()


class BasinOfCoordinates(Bowl):
    def in_basin(self, theta, data):
        return theta > -9


class BasinOfTheBatch(Bowl):
    def in_basin(self, theta, data):
        return (theta[..., 0] > -9) & (theta.dim() == 3)


class BasinElsewhere(Bowl):
    def in_basin(self, theta, data):
        return theta[..., 0] > 1e3


class WritingBasin(Bowl):
    def in_basin(self, theta, data):
        return theta.mul_(2)[..., 0] > -9


class NamedAsTheBasin(Bowl):
    @property
    def metrics(self):
        return {"start_in_basin": lambda theta, data: theta.sum(-1)}


class KnownBasin(Bowl):
    def in_basin(self, theta, data):
        return theta[..., 0] > -9


class KnownBasinAlone(Bowl):
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


@pytest.mark.parametrize("problem", [Bowl(), KnownBasin(), KnownBasinAlone()], ids=lambda p: type(p).__name__)
def test_a_correct_problem_passes(problem):
    """The base classes of the broken problems pass, so each of those fails for its own error."""
    check_problem(problem)


def test_a_correct_optimizer_passes():
    """The base of the broken optimizers passes."""
    check_optimizer(factory_of(plain))


def test_a_kink_within_a_difference_is_accepted():
    """Of 100 ReLU units, one has its kink within 1e-5 of these points, where the gradient is correct."""
    check_problem(ShallowNetwork(hidden=100))
