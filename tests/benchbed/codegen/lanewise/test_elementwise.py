"""Elementwise arithmetic, functions and rounding match torch, also for special values."""

import math
import operator

import numpy as np
import pytest
import torch
from torch.nn import functional

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
ULPS = {
    torch.float64: {"rtol": 2e-15, "atol": 1e-322},
    torch.float32: {"rtol": 1e-6, "atol": 1e-44},
}
"""Differences between two libraries, each right to a few units in the last place, 2⁻⁵² and 2⁻²³
of a number, or the smallest number below the normal ones."""


def special_values(dtype):
    """Return NaN, infinities, zeros, the smallest and largest numbers, a denormal, and ordinary numbers."""
    info = torch.finfo(dtype)
    special = [
        math.nan,
        math.inf,
        -math.inf,
        0.0,
        -0.0,
        info.tiny,
        -info.tiny,
        info.tiny / 8,
        info.max,
        -info.max,
    ]
    ordinary = [1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 2.0, -3.0, 0.1, -7.3, 20.0, 1e-3]
    return torch.tensor(special + ordinary, dtype=dtype)


def one_lane_each(dtype):
    """Return the special values, each in its own lane: `[1, 23, 1]`."""
    return special_values(dtype)[None, :, None]


def pairs(dtype):
    """Return all pairs of special values, each in its own lane: two of `[23, 23, 1]`."""
    values = special_values(dtype)
    return tuple(side[..., None].contiguous() for side in torch.meshgrid(values, values, indexing="ij"))


EXACT_FUNCTIONS = {
    "abs": torch.abs,
    "neg": torch.neg,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "round": torch.round,
    "sign": torch.sign,
    "sgn": torch.sgn,
    "frac": torch.frac,
    "isnan": torch.isnan,
    "isinf": torch.isinf,
    "isfinite": torch.isfinite,
    "signbit": torch.signbit,
    "square": torch.square,
    "reciprocal": torch.reciprocal,
    "relu": torch.relu,
    "nan_to_num": torch.nan_to_num,
    "isposinf": torch.isposinf,
    "logical_not": torch.logical_not,
    "leaky_relu": functional.leaky_relu,
    "hardtanh": functional.hardtanh,
    "relu6": functional.relu6,
    "hardshrink": functional.hardshrink,
    "clamp": lambda x: x.clamp(-1, 1),
    "clamp below": lambda x: x.clamp(min=0.0),
    "clamp above": lambda x: x.clamp(max=-0.0),
    "clamp with crossed bounds": lambda x: x.clamp(2, 1),
    "clamp_min": lambda x: x.clamp_min(0.1),
    "clamp_max": lambda x: x.clamp_max(0.1),
    "positive": lambda x: +x,
    "plus 1": lambda x: x + 1,
    "minus 0.1": lambda x: x - 0.1,
    "1 minus": lambda x: 1 - x,
    "times 0.1": lambda x: 0.1 * x,
    "times zero": lambda x: 0 * x,
    "over 3": lambda x: x / 3,
    "3 over": lambda x: 3 / x,
    "power 0": lambda x: x**0,
    "power 1": lambda x: x**1,
    "power 2": lambda x: x**2,
    "power 3": lambda x: x**3,
    "power −1": lambda x: x**-1,
    "power −2": lambda x: x**-2,
    "power −½": lambda x: x**-0.5,
    "is 0": lambda x: x == 0,
    "above": lambda x: x > 0.1,
    "at most": lambda x: x <= 0.1,
    "where": lambda x: torch.where(x > 0, x, 0.0),
    "where of numbers": lambda x: torch.where(x > 0, 1.0, -1.0),
    "masked_fill": lambda x: x.masked_fill(x < 0, math.inf),
    "in place": lambda x: x.clone().mul_(2).add_(1),
    "times a bool": lambda x: x * (x > 0),
    "plus a bool": lambda x: (x > 0) + x,
}
INEXACT_FUNCTIONS = {
    **{
        name: getattr(torch, name)
        for name in (
            *(
                "exp",
                "exp2",
                "expm1",
                "log",
                "log1p",
                "log2",
                "log10",
                "sinh",
                "cosh",
                "tanh",
                "asin",
                "acos",
                "atan",
            ),
            *("asinh", "acosh", "atanh", "erf", "erfc", "sigmoid", "sqrt", "rsqrt"),
        )
    },
    **{
        name: getattr(functional, name)
        for name in (
            "softplus",
            "silu",
            "elu",
            "selu",
            "celu",
            "softsign",
            "hardswish",
            "hardsigmoid",
            "softshrink",
        )
    },
    "power ½": lambda x: x**0.5,
    "power 4": lambda x: x**4,
    "power 5": lambda x: x**5,
    "power 1.7": lambda x: x**1.7,
    "power −3": lambda x: x**-3,
    "2 to a power": lambda x: 2**x,
    "0.3 to a power": lambda x: 0.3**x,
}
COMPOSED_FUNCTIONS = {
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "gelu": functional.gelu,
    "lgamma": torch.lgamma,
    "gelu by tanh": lambda x: functional.gelu(x, approximate="tanh"),
    "mish": functional.mish,
    "logsigmoid": functional.logsigmoid,
    "logit": lambda x: torch.logit(x.abs().clamp(0.1, 0.9)),
    "sinc": torch.sinc,
}
"""Functions that torch's kernels compute differently for huge numbers, or from other operations."""
BINARY_FUNCTIONS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "fmax": torch.fmax,
    "fmin": torch.fmin,
    "copysign": torch.copysign,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "and": torch.logical_and,
    "or": torch.logical_or,
    "xor": torch.logical_xor,
    "where": lambda x, y: torch.where(x < y, x, y),
    "clamp": lambda x, y: x.clamp(y, y + 1),
    "clamp below": lambda x, y: x.clamp(min=y),
    "clamp above": lambda x, y: x.clamp(max=y),
    "and of comparisons": lambda x, y: (x < y) & (y < 2),
    "or of comparisons": lambda x, y: (x < y) | ~(y < 2),
    "xor of comparisons": lambda x, y: (x < y) ^ (y < 2),
    "truncated": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "heaviside": torch.heaviside,
}
MODULAR_FUNCTIONS = {
    "fmod": torch.fmod,
    "remainder": torch.remainder,
    "//": lambda x, y: x // y,
    "floor division": lambda x, y: torch.div(x, y, rounding_mode="floor"),
    "% 0.3": lambda x, y: x % 0.3,
    "7 %": lambda x, y: 7 % y,
}
INEXACT_BINARY_FUNCTIONS = {
    "pow": torch.pow,
    "atan2": torch.atan2,
    "hypot": torch.hypot,
    "power of magnitudes": lambda x, y: x.abs() ** y,
    "xlogy": torch.xlogy,
}


@BOTH
@pytest.mark.parametrize("axis", ["lanes", "settings"])
def test_operations_with_one_rounding_are_bitwise_equal(compare, dtype, axis):
    """Arithmetic with a number, rounding, choices and comparisons of every special value."""
    assert compare(EXACT_FUNCTIONS, one_lane_each(dtype), axis=axis).differences() == []


@BOTH
def test_square_root_is_correctly_rounded(compare, dtype):
    """As IEEE 754 requires, and NumPy does; that of torch differs in the last place on some processors."""
    comparison = compare({"sqrt": torch.sqrt}, one_lane_each(dtype))
    with np.errstate(invalid="ignore"):
        comparison.expected = [torch.from_numpy(np.sqrt(one_lane_each(dtype).numpy()))]
    assert comparison.differences() == []


@BOTH
def test_functions_match_torch_to_the_last_place(compare, dtype):
    """NaN and infinities are equal."""
    assert compare(INEXACT_FUNCTIONS, one_lane_each(dtype)).differences(**ULPS[dtype]) == []


@BOTH
def test_composed_functions_match_torch(compare, dtype, sample):
    """For numbers near 1: their operations round a few times."""
    tolerance = {torch.float64: 1e-14, torch.float32: 1e-5}[dtype]
    assert (
        compare(COMPOSED_FUNCTIONS, 2 * sample(9, dtype=dtype)).differences(rtol=tolerance, atol=tolerance)
        == []
    )


@BOTH
def test_binary_operations_with_one_rounding_are_bitwise_equal(compare, dtype):
    """For every pair of special values."""
    assert compare(BINARY_FUNCTIONS, *pairs(dtype)).differences() == []


@BOTH
def test_remainders_are_bitwise_equal(compare, dtype):
    """Except where the quotient overflows: there torch's vector code returns NaN and its scalar code a number."""
    x, y = (side.where(side.abs().nan_to_num(0) < 1e9, 9.25) for side in pairs(dtype))
    y = y.where(y.abs().nan_to_num(1) > 1e-4, 0)
    assert compare(MODULAR_FUNCTIONS, x, y).differences() == []


@BOTH
def test_binary_functions_match_torch_to_the_last_place(compare, dtype):
    """For every pair of special values; NaN and infinities are equal."""
    assert compare(INEXACT_BINARY_FUNCTIONS, *pairs(dtype)).differences(**ULPS[dtype]) == []
