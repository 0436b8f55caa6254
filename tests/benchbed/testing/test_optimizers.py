"""Each check of optimizers fails for an optimizer that breaks one rule."""

from typing import NamedTuple

import pytest
import torch

from benchbed.errors import ContractError, UsageError
from benchbed.interfaces import Optimizer
from benchbed.testing import ConformanceError, check_optimizer, optimizer_claims


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


def explodes_later(rate, oracle, state, theta):
    return theta * torch.where(oracle.step == 3, torch.inf, 1.0), state


def narrows(rate, oracle, state, theta):
    return (theta - rate * oracle.gradient).float(), state


def steps_from_the_batch(rate, oracle, state, theta):
    return theta - rate * oracle.gradient * (1 if theta.dim() == 1 else 2), state


def plain(rate, oracle, state, theta):
    return theta - rate * oracle.gradient, state


def returns_theta(rate, oracle, state, theta):
    return theta - rate * oracle.gradient


def returns_the_state_first(rate, oracle, state, theta):
    return state, theta - rate * oracle.gradient


def divides_by_the_first_step(rate, oracle, state, theta):
    return theta - rate * oracle.gradient / oracle.step, state


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (factory_of(returns_theta), "update returns Tensor; return the next theta and the next state"),
        (factory_of(returns_the_state_first), "update returns Velocity and Tensor; return the next theta"),
        (factory_of(divides_by_the_first_step), "not finite after 1 step on"),
        (factory_of(writes), "writes to its arguments"),
        (factory_of(mixes_lanes), "fewer lanes"),
        (factory_of(shrinks), "changes a state tensor"),
        (factory_of(draws), "global generator"),
        (factory_of(explodes_later), "not finite after 7 steps"),
        (factory_of(narrows), "changes theta"),
        (factory_of(steps_from_the_batch), "single trial"),
        (factory_of(plain, init=lambda theta: {"value": theta}), "must be a NamedTuple, not dict"),
        (
            factory_of(plain, init=lambda theta: Velocity(torch.zeros(3))),
            r"state tensor \(3,\).* let each begin with \(4, 5\)",
        ),
        (factory_of(plain, measured=lambda state, theta: theta[..., :1]), "answer changes theta"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_broken_rule_of_an_optimizer_is_named(factory, message):
    """The error names the rule."""
    with pytest.raises(ConformanceError, match=message):
        check_optimizer(factory)


def test_a_correct_optimizer_passes():
    """The base of the broken optimizers passes."""
    check_optimizer(factory_of(plain))


def test_an_unknown_hyperparameter_is_named():
    """The error lists the hyperparameters that the factory has."""
    factory = factory_of(lambda rate, oracle, state, theta: (theta - rate * oracle.gradient, state))
    with pytest.raises(UsageError, match="no hyperparameter 'beta'; its hyperparameters are: learning_rate"):
        check_optimizer(factory, beta=0.9)


def test_draws_have_a_number_for_each_step():
    """The error names the shape that make_draws returned."""

    def factory(learning_rate: float = 0.01):
        def make_draws(generator, steps, dimension):
            return torch.randn(dimension, generator=generator, dtype=torch.float64)

        def update(oracle, state, theta):
            return theta - learning_rate * oracle.gradient + oracle.draw, state

        return Optimizer(init=lambda theta: (), update=update, make_draws=make_draws)

    with pytest.raises(ContractError, match=r"make_draws of factory returns the shape \(15,\) for 1 steps"):
        check_optimizer(factory)


@pytest.mark.parametrize("name", ["lane-counts", "single-trial"])
def test_random_numbers_are_not_blamed_on_dimensions(name):
    """A rule whose equal runs differ needs draws of its own."""
    (claim,) = (claim for claim in optimizer_claims(factory_of(draws)) if claim.name == name)
    with pytest.raises(ConformanceError, match="equal batches differ, too: declare the draws"):
        claim()


def test_a_rule_without_memory_has_an_empty_tuple():
    """The empty state of the examples passes."""
    check_optimizer(factory_of(plain, init=lambda theta: ()))
