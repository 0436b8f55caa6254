"""Checks of wrappers find the mistakes that checks of optimizers find."""

from typing import Any, NamedTuple

import pytest
import torch

from benchbed.errors import UsageError
from benchbed.testing import ConformanceError, check_wrapper
from benchbed_optimizers import WRAPPERS
from benchbed_optimizers.adam import adam


@pytest.mark.parametrize("wrapper", WRAPPERS, ids=lambda wrapper: wrapper.__name__)
def test_the_built_in_wrappers_conform(wrapper):
    """Around a rule with momentum, and around Adam."""
    check_wrapper(wrapper)
    check_wrapper(wrapper, adam)


def over_lanes(optimizer, norm: float = 1.0):
    """Forget the dimension of a norm, which then mixes the lanes."""

    def update(oracle, state, theta):
        return optimizer.update(oracle.map(lambda g: norm * g / torch.linalg.vector_norm(g)), state, theta)

    return optimizer._replace(update=update)


def test_a_norm_over_all_lanes_is_a_fault():
    """Trials would depend on each other."""
    with pytest.raises(ConformanceError):
        check_wrapper(over_lanes, norm=0.5)


class Counted(NamedTuple):
    """The state of the optimizer in that of a wrapper."""

    inner: Any
    steps: torch.Tensor


def forgetful(optimizer):
    """Change the state, and not the answer that reads it."""

    def update(oracle, state, theta):
        theta, inner = optimizer.update(oracle, state.inner, theta)
        return theta, Counted(inner, state.steps + 1)

    def init(theta):
        return Counted(optimizer.init(theta), torch.zeros_like(theta[..., :1]))

    return optimizer._replace(init=init, update=update)


def test_a_forgotten_answer_is_a_fault():
    """The answer of an averaging optimizer would fail in a study, or be wrong."""
    with pytest.raises(AttributeError, match="momentum"):
        check_wrapper(forgetful)


def test_an_unknown_parameter_is_named():
    """With the names of the parameters."""
    with pytest.raises(UsageError, match="has no hyperparameter 'over_lanes_bound'"):
        check_wrapper(over_lanes, bound=0.5)
