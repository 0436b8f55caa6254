"""What is computed number by number is what torch computes, with its special values."""

import math
import operator

import numpy as np
import pytest
import torch
from torch.nn import functional

BOTH = pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
ULPS = {
    torch.float64: {"rtol": 2e-15, "atol": 1e-322},
    torch.float32: {"rtol": 1e-6, "atol": 1e-44},
}
"""How far two libraries' functions may be apart: each within a few units in the last place of the true value, of which
there are 2⁵² and 2²³ in a number; below the normal numbers a unit is the smallest number."""


def specials(dtype):
    """Give numbers at the edges: no number, infinities, zeros, the smallest, the largest, and plain ones."""
    info = torch.finfo(dtype)
    edges = [
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
    plain = [1.0, -1.0, 0.5, -0.5, 1.5, 2.5, -2.5, 2.0, -3.0, 0.1, -7.3, 20.0, 1e-3]
    return torch.tensor(edges + plain, dtype=dtype)


def each(dtype):
    """Give every special value, in a lane of its own: `[1, 23, 1]`."""
    return specials(dtype)[None, :, None]


def pairs(dtype):
    """Give every pair of special values, in lanes of their own: two of `[23, 23, 1]`."""
    values = specials(dtype)
    return tuple(side[..., None].contiguous() for side in torch.meshgrid(values, values, indexing="ij"))


EXACT = {
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
    "not": torch.logical_not,
    "leaky_relu": functional.leaky_relu,
    "hardtanh": functional.hardtanh,
    "relu6": functional.relu6,
    "hardshrink": functional.hardshrink,
    "clamp": lambda x: x.clamp(-1, 1),
    "low": lambda x: x.clamp(min=0.0),
    "high": lambda x: x.clamp(max=-0.0),
    "crossed": lambda x: x.clamp(2, 1),
    "clamp_min": lambda x: x.clamp_min(0.1),
    "clamp_max": lambda x: x.clamp_max(0.1),
    "positive": lambda x: +x,
    "plus": lambda x: x + 1,
    "minus": lambda x: x - 0.1,
    "from": lambda x: 1 - x,
    "times": lambda x: 0.1 * x,
    "times zero": lambda x: 0 * x,
    "over": lambda x: x / 3,
    "under": lambda x: 3 / x,
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
    "numbers": lambda x: torch.where(x > 0, 1.0, -1.0),
    "masked_fill": lambda x: x.masked_fill(x < 0, math.inf),
    "in place": lambda x: x.clone().mul_(2).add_(1),
    "times a truth": lambda x: x * (x > 0),
    "plus a truth": lambda x: (x > 0) + x,
}
FUNCTIONS = {
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
    "2 to the power": lambda x: 2**x,
    "0.3 to the power": lambda x: 0.3**x,
}
MILD = {
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
"""Functions that torch's own kernels compute differently for huge numbers, or by other steps."""
PAIRS = {
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
    "clamp up": lambda x, y: x.clamp(min=y),
    "clamp down": lambda x, y: x.clamp(max=y),
    "both": lambda x, y: (x < y) & (y < 2),
    "either": lambda x, y: (x < y) | ~(y < 2),
    "unlike": lambda x, y: (x < y) ^ (y < 2),
    "truncated": lambda x, y: torch.div(x, y, rounding_mode="trunc"),
    "heaviside": torch.heaviside,
}
MODULAR = {
    "fmod": torch.fmod,
    "remainder": torch.remainder,
    "whole quotient": lambda x, y: x // y,
    "whole": lambda x, y: torch.div(x, y, rounding_mode="floor"),
    "by 0.3": lambda x, y: x % 0.3,
    "of 7": lambda x, y: 7 % y,
}
NEAR = {
    "pow": torch.pow,
    "atan2": torch.atan2,
    "hypot": torch.hypot,
    "power of sizes": lambda x, y: x.abs() ** y,
    "xlogy": torch.xlogy,
}


@BOTH
@pytest.mark.parametrize("axis", ["lanes", "settings"])
def test_what_rounds_once_is_equal_to_the_bit(compare, dtype, axis):
    """Arithmetic with a number, roundings, choices and comparisons of every special value."""
    assert compare(EXACT, each(dtype), axis=axis).differing() == []


@BOTH
def test_a_root_is_rounded_once(compare, dtype):
    """As IEEE 754 has it, and NumPy; torch's own is off in the last place on some processors."""
    compared = compare({"sqrt": torch.sqrt}, each(dtype))
    with np.errstate(invalid="ignore"):
        compared.expected = [torch.from_numpy(np.sqrt(each(dtype).numpy()))]
    assert compared.differing() == []


@BOTH
def test_functions_are_those_of_torch_but_for_the_last_digit(compare, dtype):
    """NaN and infinities are where torch has them."""
    assert compare(FUNCTIONS, each(dtype)).differing(**ULPS[dtype]) == []


@BOTH
def test_functions_of_several_steps(compare, dtype, sample):
    """Of numbers about 1: what they are made of rounds a few times."""
    tolerance = {torch.float64: 1e-14, torch.float32: 1e-5}[dtype]
    assert compare(MILD, 2 * sample(9, dtype=dtype)).differing(rtol=tolerance, atol=tolerance) == []


@BOTH
def test_pairs_of_numbers_are_equal_to_the_bit(compare, dtype):
    """Every special value with every other."""
    assert compare(PAIRS, *pairs(dtype)).differing() == []


@BOTH
def test_what_remains_is_equal_to_the_bit(compare, dtype):
    """But for quotients that overflow, where torch's vectors find no number and its scalars one."""
    one, other = (side.where(side.abs().nan_to_num(0) < 1e9, 9.25) for side in pairs(dtype))
    other = other.where(other.abs().nan_to_num(1) > 1e-4, 0)
    assert compare(MODULAR, one, other).differing() == []


@BOTH
def test_functions_of_two_numbers(compare, dtype):
    """NaN and infinities are where torch has them, for every pair of special values."""
    assert compare(NEAR, *pairs(dtype)).differing(**ULPS[dtype]) == []
