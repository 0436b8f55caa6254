"""Show that every conformance check can fail, on rules and problems that break just one rule."""

from dataclasses import dataclass
from typing import NamedTuple

import pytest
import torch

from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed.testing import ConformanceError, check_optimizer, check_problem
from benchbed_problems.shallow_network import ShallowNetwork


class Memory(NamedTuple):
    value: torch.Tensor


def optimizer(update, init=None, answer=None):
    """Make a factory with one hyperparameter around an update."""

    def factory(learning_rate: float = 0.01):
        made = Optimizer(
            init=init or (lambda theta: Memory(torch.zeros_like(theta))),
            update=lambda *a: update(learning_rate, *a),
        )
        return made if answer is None else made._replace(answer=answer)

    return factory


def writes(rate, oracle, state, theta):
    state.value.add_(oracle.gradient)
    return theta - rate * state.value, state


def mixes_lanes(rate, oracle, state, theta):
    return theta - rate * oracle.gradient / oracle.gradient.norm(), state


def shrinks(rate, oracle, state, theta):
    return theta - rate * oracle.gradient, Memory(state.value[..., :1])


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
    ("factory", "fault"),
    [
        (optimizer(writes), "writes to its arguments"),
        (optimizer(mixes_lanes), "fewer lanes"),
        (optimizer(shrinks), "a state tensor changes"),
        (optimizer(draws), "global generator"),
        (optimizer(explodes), "not finite"),
        (optimizer(narrows), "theta changes"),
        (optimizer(steps_from_the_batch), "single trial"),
        (optimizer(plain, init=lambda theta: {"value": theta}), "no NamedTuple"),
        (optimizer(plain, init=lambda theta: Memory(torch.zeros(3))), "leading dimensions"),
        (optimizer(plain, answer=lambda state, theta: theta[..., :1]), "answer changes"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_rule_is_found_and_named(factory, fault):
    """An optimizer that breaks one rule is refused with the rule's own words."""
    with pytest.raises(ConformanceError, match=fault):
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
    ("problem", "fault"),
    [
        (WrongGradient(), "against differences"),
        (WrongOptimum(), "falls below"),
        (WrongMinimizer(), "at its minimizer"),
        (GlobalDraws(), "global generator"),
        (Writes(), "writes to its arguments"),
        (WrongStart(), "not finite"),
        (Flat(), "gives"),
        (ShareOfLanes(), "in_basin gives no bool"),
        (BasinOfCoordinates(), "in_basin gives no bool"),
        (BasinOfTheBatch(), "in_basin says otherwise of a single trial"),
        (BasinElsewhere(), "in_basin says that the minimizer lies outside"),
        (WritingBasin(), "writes to its arguments"),
        (NamedAsTheBasin(), "a metric has 'start_in_basin'"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_broken_problem_is_found_and_named(problem, fault):
    """A problem that breaks one rule is refused with the rule's own words."""
    with pytest.raises(ConformanceError, match=fault):
        check_problem(problem)


@pytest.mark.parametrize("problem", [Bowl(), KnownBasin(), KnownBasinAlone()], ids=lambda p: type(p).__name__)
def test_a_sound_problem_passes(problem):
    """The problems that the broken ones vary pass themselves, so each fails for its own fault."""
    check_problem(problem)


def test_a_sound_rule_passes():
    """The rule that the broken ones vary passes itself."""
    check_optimizer(optimizer(plain))


def test_a_kink_within_a_difference_is_no_fault():
    """With a hundred rectified units one of them bends within 1e-5 of these points, where the gradient is right."""
    check_problem(ShallowNetwork(hidden=100))
