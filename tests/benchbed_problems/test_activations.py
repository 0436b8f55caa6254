"""The activations equal those of torch."""

import pytest
import torch
from torch.func import grad, vmap

from benchbed_problems.activations import ACTIVATIONS

X = torch.linspace(-6, 6, 97, dtype=torch.float64)


@pytest.mark.parametrize("differentiable", [True, False])
def test_the_value_is_that_of_torchs_module(activation, module_of, differentiable):
    """Without a gradient, GELU in its tanh form uses another formula; the last digits may differ."""
    with torch.set_grad_enabled(differentiable):
        torch.testing.assert_close(
            ACTIVATIONS[activation](X), module_of(activation)(X), rtol=1e-14, atol=1e-15
        )


def test_the_derivative_is_that_of_torchs_module(activation, module_of):
    """The points include 0, the kink of ReLU."""
    ours, torchs = (vmap(grad(function))(X) for function in (ACTIVATIONS[activation], module_of(activation)))
    torch.testing.assert_close(ours, torchs, rtol=1e-14, atol=1e-15)


def test_every_activation_is_tested(activation):
    """The tests cover exactly the registered activations."""
    assert len(ACTIVATIONS) == 5
    assert activation in ACTIVATIONS
