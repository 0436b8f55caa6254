"""Each check of optimizers fails for an optimizer that breaks one rule."""

from typing import NamedTuple

import pytest
import torch

from benchbed.errors import UsageError
from benchbed.interfaces import Optimizer
from benchbed.testing import ConformanceError, check_optimizer


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
        (factory_of(shrinks), "changes a state tensor"),
        (factory_of(draws), "global generator"),
        (factory_of(explodes), "not finite"),
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
