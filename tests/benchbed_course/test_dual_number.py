"""Dual numbers carry exact derivatives through whatever they know, and say what they do not."""

import math
from typing import NamedTuple

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.interfaces import NotServedError
from benchbed_course.dual import derivative
from benchbed_course.dual_number import Dual


def number(value):
    return torch.tensor(value, dtype=torch.float64)


def slope_at(function, x):
    """Return value and derivative of a function of one number, as floats."""
    value, slope = derivative(function, number(x), number(1.0))
    return value.item(), slope.item()


class Expression(NamedTuple):
    """A formula in x and y, and how to compute it."""

    text: str
    compute: object

    def __repr__(self):
        return self.text


def _leaf(text, compute):
    return Expression(text, compute)


LEAVES = st.one_of(
    st.sampled_from([_leaf("x", lambda x, y: x), _leaf("y", lambda x, y: y)]),
    st.floats(-2, 2).map(lambda c: _leaf(f"{c!r}", lambda x, y: c)),
    st.floats(-2, 2).map(lambda c: _leaf(f"tensor({c!r})", lambda x, y: number(c))),
)
# Where a formula is not defined everywhere, it is made of one that is: ½ + u² is above 0.
UNARY = {
    "exp(sin({}))": lambda u: torch.exp(torch.sin(u)),
    "log(0.5 + {}²)": lambda u: torch.log(0.5 + u * u),
    "sin({})": torch.sin,
    "cos({})": torch.cos,
    "sqrt(0.5 + {}²)": lambda u: torch.sqrt(0.5 + u**2),
    "-{}": lambda u: -u,
    "({})³": lambda u: u**3,
    "1.5^cos({})": lambda u: 1.5 ** torch.cos(u),
    "(0.5 + {}²)^-1.5": lambda u: (u**2 + 0.5) ** -1.5,
}
BINARY = {
    "({} + {})": lambda u, v: u + v,
    "({} - {})": lambda u, v: u - v,
    "({} * {})": lambda u, v: u * v,
    "({} / (0.5 + {}²))": lambda u, v: u / (0.5 + v * v),
    "((0.5 + {}²)^sin({}))": lambda u, v: (0.5 + u * u) ** torch.sin(v),
}


def _tensor(u):
    return u if isinstance(u, torch.Tensor | Dual) else number(u)


def _unary(inner):
    def build(item, one):
        text, rule = item
        return Expression(text.format(one), lambda x, y: rule(_tensor(one.compute(x, y))))

    return st.builds(build, st.sampled_from(sorted(UNARY.items())), inner)


def _binary(inner):
    def build(item, one, two):
        text, rule = item

        def compute(x, y):
            u, v = one.compute(x, y), two.compute(x, y)
            plain = not any(isinstance(w, torch.Tensor | Dual) for w in (u, v))
            return rule(number(u) if plain else u, _tensor(v) if "sin({})" in text else v)

        return Expression(text.format(one, two), compute)

    return st.builds(build, st.sampled_from(sorted(BINARY.items())), inner, inner)


EXPRESSIONS = st.recursive(LEAVES, lambda inner: st.one_of(_unary(inner), _binary(inner)), max_leaves=8)


@pytest.mark.parametrize("x", [1.6805508457429559, 1.5, 0.1])
@pytest.mark.parametrize("function", [lambda u: u**3, lambda u: 0.875 / u], ids=["power", "quotient"])
def test_a_number_stays_a_number(function, x):
    """Torch rounds x³ and 0.875/x differently if 3 and 0.875 are tensors."""
    value, _ = slope_at(function, x)
    assert value == function(torch.tensor(x, dtype=torch.float64)).item()


@settings(max_examples=300)
@given(expression=EXPRESSIONS, x=st.floats(-2, 2), y=st.floats(-2, 2))
def test_the_derivative_of_any_formula_is_that_of_autograd(expression, x, y):
    """Random trees of + − × ÷ exp log sin cos pow and √, with constants on either side, up to rounding."""

    def compute(theta):
        return _tensor(expression.compute(theta[..., 0], theta[..., 1]))

    theta = torch.tensor([x, y], dtype=torch.float64)
    point = theta.clone().requires_grad_()
    expected = compute(point)
    exact = torch.zeros_like(theta)
    if expected.requires_grad:
        (exact,) = torch.autograd.grad(expected, point, materialize_grads=True)
    for direction in torch.eye(2, dtype=torch.float64):
        value, slope = derivative(compute, theta, direction)
        assert value.item() == expected.item()
        # Both add the same few dozen terms, in another order; terms may cancel.
        size = 1 + abs(value.item()) + exact.abs().max().item()
        assert abs(slope.item() - (exact @ direction).item()) <= 1e-10 * size, expression


def test_the_course_s_examples():
    """e^(x²) at 1 is (e, 2e); the quotient cos(x) ln(x) / x at 2, with its derivative by hand."""
    value, slope = slope_at(lambda x: torch.exp(x**2), 1.0)
    assert (value, slope) == pytest.approx((math.e, 2 * math.e), rel=1e-15)
    value, slope = slope_at(lambda x: torch.cos(x) * torch.log(x) / x, 2.0)
    expected = (-math.sin(2) * math.log(2) + math.cos(2) / 2) / 2 - math.cos(2) * math.log(2) / 4
    assert (value, slope) == pytest.approx((math.cos(2) * math.log(2) / 2, expected), rel=1e-14)


def test_the_course_s_example_of_a_cosine():
    """cos(x³) at 2 + ε is −0.1455 − 11.8723 ε, to the last bit of the document, from Python's numbers."""
    cosine = torch.cos(Dual(2.0, 1.0) ** 3)
    assert (cosine.value.item(), cosine.slope.item()) == (-0.14550003380861354, -11.872298959480581)
    assert repr(cosine) == "-0.14550003380861354 + -11.872298959480581 ε"


def test_python_s_numbers_become_double_precision():
    """Integers too, as the slope alone too."""
    for u in (Dual(1.0, 1.0), Dual(1, 1), Dual(number(1.0), 1), Dual(1, number(1.0))):
        assert u.value.dtype == u.slope.dtype == torch.float64
        square = u * u + 3
        assert (square.value.item(), square.slope.item()) == (4.0, 2.0)


def test_the_square_of_epsilon_is_zero():
    """(a + b ε)(c + d ε) = ac + (ad + bc) ε."""
    product = Dual(number(2.0), number(3.0)) * Dual(number(5.0), number(7.0))
    assert (product.value.item(), product.slope.item()) == (10.0, 2 * 7.0 + 3.0 * 5)


@pytest.mark.parametrize(
    ("power", "x", "expected"),
    [
        (lambda x: x**0, 0.0, (1, 0)),
        (lambda x: x**1, 0.0, (0, 1)),
        (lambda x: x**2, 0.0, (0, 0)),
        (lambda x: x**3, -2.0, (-8, 12)),
        (lambda x: x**-1, -2.0, (-0.5, -0.25)),
        (lambda x: 2**x, 3.0, (8, 8 * math.log(2))),
        (lambda x: x**x, 2.0, (4, 4 * (math.log(2) + 1))),
        (lambda x: torch.pow(x, 2), 3.0, (9, 6)),
        (lambda x: x.pow(2), 3.0, (9, 6)),
        (lambda x: number(2.0) ** x, 1.0, (2, 2 * math.log(2))),
    ],
)
def test_powers_are_correct_where_logarithms_are_undefined(power, x, expected):
    """Constant exponents at 0 and below, constant bases, and both at once."""
    assert slope_at(power, x) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(
    ("function", "named"),
    [
        (torch.atan, "torch.atan"),
        (torch.nn.functional.elu, "torch.nn.functional.elu"),
        (lambda u: u.sinh(), "torch.Tensor.sinh"),
        (torch.linalg.vector_norm, "torch.linalg.vector_norm"),
        (lambda u: torch.zeros(()).add_(u), "torch.Tensor.add_"),
        (lambda u: u.item(), "torch.Tensor.item"),
        (lambda u: u.__setitem__(0, 1.0), "assignment to elements"),
        (lambda u: u.grad, "torch.Tensor.grad"),
        (lambda u: 1.0 if u else 0.0, r"bool\(\)"),
        (math.exp, r"float\(\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_unsupported_operation_is_named_with_an_alternative(function, named):
    """No operation is ignored silently."""
    with pytest.raises(
        NotServedError, match=f"^dual numbers do not implement {named}; use --gradient forward$"
    ):
        slope_at(function, 1.0)


def test_an_attribute_that_tensors_lack_is_an_attribute_error():
    """A misspelling is the author's error, not a limit of dual numbers."""
    with pytest.raises(AttributeError, match="squared"):
        slope_at(lambda u: u.squared(), 1.0)
