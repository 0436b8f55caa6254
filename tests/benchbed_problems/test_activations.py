"""The activations: torch's own, whatever the way there."""

import pytest
import torch
from torch.func import grad, vmap

from benchbed_problems.activations import ACTIVATIONS

X = torch.linspace(-6, 6, 97, dtype=torch.float64)


@pytest.mark.parametrize("differentiable", [True, False])
def test_the_value_is_that_of_torchs_module(activation, module_of, differentiable):
    """GELU in its tanh form goes another way where no gradient is wanted; the last digits may differ."""
    with torch.set_grad_enabled(differentiable):
        torch.testing.assert_close(
            ACTIVATIONS[activation](X), module_of(activation)(X), rtol=1e-14, atol=1e-15
        )


def test_the_derivative_is_that_of_torchs_module(activation, module_of):
    """At 0 too, where ReLU has its kink."""
    ours, torchs = (vmap(grad(function))(X) for function in (ACTIVATIONS[activation], module_of(activation)))
    torch.testing.assert_close(ours, torchs, rtol=1e-14, atol=1e-15)


def test_the_modules_are_all_that_there_are(activation):
    """No activation goes untested, none is tested that is not there."""
    assert len(ACTIVATIONS) == 5
    assert activation in ACTIVATIONS
