"""Activations of dual numbers: values as torch computes them, slopes as its forward mode does, in float64."""

import pytest
import torch
from torch.nn import functional

from benchbed.gradients.forward import jvp
from benchbed.interfaces import NotServedError
from benchbed_course.dual import derivative
from benchbed_problems.activations import gelu_tanh

X = torch.tensor([*torch.linspace(-8, 8, 161).tolist(), -40.0, -0.0, 0.0, 1e-300, 40.0], dtype=torch.float64)
DIRECTION = torch.cos(3 * X)
ACTIVATIONS = {
    "torch.relu": torch.relu,
    "functional.relu": functional.relu,
    "Tensor.relu": lambda u: u.relu(),
    "torch.tanh": torch.tanh,
    "Tensor.tanh": lambda u: u.tanh(),
    "functional.tanh": functional.tanh,
    "torch.sigmoid": torch.sigmoid,
    "functional.sigmoid": functional.sigmoid,
    "functional.silu": functional.silu,
    "functional.gelu": functional.gelu,
    "functional.gelu, tanh": lambda u: functional.gelu(u, approximate="tanh"),
    "gelu_tanh of the problems": gelu_tanh,
    "addcmul": lambda u: torch.addcmul(u, u * u, torch.sin(u), value=0.25),
    "addcmul to a constant": lambda u: torch.addcmul(X, X, u, value=-2),
    "module": torch.nn.GELU(),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("has_gradient", [False, True], ids=["no_grad", "grad"])
def test_values_and_slopes_are_torchs(name, has_gradient):
    """The value to the last bit, the slope to rounding, at 0 and far from it; with and without gradients of torch."""
    activate = ACTIVATIONS[name]
    with torch.set_grad_enabled(has_gradient):
        value, slope = derivative(activate, X, DIRECTION)
        torch.testing.assert_close(value, activate(X), rtol=0, atol=0)
        expected = jvp(activate, X, DIRECTION)[1]
    # Far out 1 − t² is a few units of 1e-16, which GELU's tanh form multiplies by the derivative of a cubic.
    torch.testing.assert_close(slope, expected, rtol=1e-12, atol=2e-14)


def test_the_slope_of_relu_at_its_kink_is_zero():
    """As in torch, where a unit that is exactly at 0 does not learn."""
    kink = torch.zeros(2, dtype=torch.float64)
    assert derivative(torch.relu, kink, torch.ones_like(kink))[1].tolist() == [0.0, 0.0]


@pytest.mark.parametrize("name", ["relu", "silu"])
def test_an_activation_in_place_is_rejected(name):
    """A dual number cannot be overwritten, so that a later use would read the old value."""
    with pytest.raises(
        NotServedError, match=f"do not implement torch.nn.functional.{name} with inplace=True"
    ):
        derivative(lambda u: getattr(functional, name)(u, inplace=True), X, DIRECTION)
