"""Tests of `Gradient`."""

import torch

from benchbed.errors import BenchbedError
from benchbed.interfaces import Gradient, NotServedError, as_gradient


def plain(function, theta):
    return function(theta), theta


def test_a_plain_function_becomes_a_gradient_of_one_call():
    """A Gradient is returned unchanged."""
    gradient = as_gradient(plain)
    assert gradient == Gradient(plain)
    assert as_gradient(gradient) is gradient
    assert [gradient.price(dimension) for dimension in (1, 1000)] == [1.0, 1.0]


def test_the_draw_is_passed_on_if_the_gradient_has_draws():
    """A function without draws takes two arguments."""
    theta = torch.ones(2)
    assert Gradient(plain)(torch.sum, theta)[0] == 2
    drawing = Gradient(lambda function, theta, draw: (function(theta), draw), make_draws=lambda g, s, d: None)
    assert drawing(torch.sum, theta, 7) == (2, 7)


def test_a_loss_that_is_not_served_is_an_error_of_the_user():
    """It prints without a traceback when a gradient is called from Python."""
    assert issubclass(NotServedError, BenchbedError)
