"""A gradient is called as a function, with a draw where there is one."""

import torch

from benchbed.errors import BenchbedError
from benchbed.interfaces import Gradient, NotServedError, as_gradient


def plain(function, theta):
    return function(theta), theta


def test_a_plain_function_becomes_a_gradient_of_one_call():
    """And a gradient stays what it is."""
    gradient = as_gradient(plain)
    assert gradient == Gradient(plain)
    assert as_gradient(gradient) is gradient
    assert [gradient.price(dimension) for dimension in (1, 1000)] == [1.0, 1.0]


def test_the_draw_is_handed_on_where_there_is_one():
    """A function that draws nothing is not given what it does not expect."""
    theta = torch.ones(2)
    assert Gradient(plain)(torch.sum, theta)[0] == 2
    drawing = Gradient(lambda function, theta, draw: (function(theta), draw), make_draws=lambda g, s, d: None)
    assert drawing(torch.sum, theta, 7) == (2, 7)


def test_a_refusal_prints_as_a_user_s_error_does():
    """Where a gradient is asked from Python, it needs no traceback."""
    assert issubclass(NotServedError, BenchbedError)
