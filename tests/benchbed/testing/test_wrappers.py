"""Checks of wrappers find the mistakes that checks of optimizers find."""

from typing import Any, NamedTuple

import pytest
import torch

from benchbed.catalog.wrapping import wrapped_factory
from benchbed.errors import UsageError
from benchbed.interfaces import Optimizer
from benchbed.testing import ConformanceError, check_wrapper
from benchbed_optimizers import WRAPPERS
from benchbed_optimizers.adam import adam
from benchbed_optimizers.lbfgs import lbfgs
from benchbed_optimizers.schedule_free_sgd import schedule_free_sgd


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
    with pytest.raises(ConformanceError, match=r"answer=lambda state, theta: optimizer.answer\(state"):
        check_wrapper(forgetful)


def anew(optimizer):
    """Return another optimizer with the same functions of a step."""
    return Optimizer(init=optimizer.init, update=optimizer.update)


def test_an_optimizer_built_anew_is_a_fault():
    """Its answer, draws and full batches would be lost."""
    with pytest.raises(ValueError, match=r"loses answer of its optimizer; return optimizer\._replace"):
        check_wrapper(anew)


@pytest.mark.parametrize(
    ("rule", "fields"),
    [(lbfgs, "full_batch, needs_exact_gradients"), (schedule_free_sgd, "answer")],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_fields_that_a_wrapper_loses_are_named(rule, fields):
    """Gradients on draws, or another point, would be measured in a study."""
    with pytest.raises(ValueError, match=f"it loses {fields} of its optimizer"):
        wrapped_factory("anew", anew, rule)()


def test_an_unknown_parameter_is_named():
    """With the names of the parameters."""
    with pytest.raises(UsageError, match="has no hyperparameter 'over_lanes_bound'"):
        check_wrapper(over_lanes, bound=0.5)
