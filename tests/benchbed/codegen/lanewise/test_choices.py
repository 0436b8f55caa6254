"""Numbers of several types meet as torch lets them meet: comparisons, choices, logic and conversions."""

import operator

import pytest
import torch

TYPES = {
    "double": torch.float64,
    "single": torch.float32,
    "long": torch.int64,
    "int": torch.int32,
    "bool": torch.bool,
}
OPERATORS = {
    "+": operator.add,
    "*": operator.mul,
    "/": operator.truediv,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "and": torch.logical_and,
    "or": torch.logical_or,
    "xor": torch.logical_xor,
    "where": lambda x, y: torch.where(x == y, x, y),
}


def pairs(one, other):
    """Give every pair of four numbers of two types, each in a lane of its own: `[4, 4, 1]`."""
    values = torch.tensor([-2.0, 0.0, 1.0, 3.0])
    first, second = torch.meshgrid(values, values, indexing="ij")
    return first[..., None].to(TYPES[one]), second[..., None].to(TYPES[other])


@pytest.mark.parametrize("first", [torch.float64, torch.float32], ids=["double", "single"])
def test_every_type_becomes_every_other(compare, first):
    """What is cut off, rounded, or becomes true, also NaN; the width of a mask is that of a double or a single."""
    values = torch.tensor([-1.75, -0.0, 0.1, 2.5, 1e9, -1.0, 0.3333333333])[None, :, None].to(first)
    functions = {
        f"{one} to {other}": lambda x, one=one, other=other: x.to(TYPES[one]).to(TYPES[other])
        for one in TYPES
        for other in TYPES
    }
    unusual = {name: lambda x, name=name: (x / 0).to(TYPES[name]) for name in ("double", "single", "bool")}
    assert compare({**functions, **unusual}, values).differing() == []


@pytest.mark.parametrize("other", TYPES)
@pytest.mark.parametrize("one", ["double", "single"])
def test_types_are_promoted_as_torch_promotes_them(compare, one, other):
    """In sums, products, quotients, comparisons, extremes, choices and logic."""
    assert compare(OPERATORS, *pairs(one, other)).differing() == []


@pytest.mark.parametrize("axis", ["lanes", "settings"])
@pytest.mark.parametrize(
    ("one", "other"), [("long", "long"), ("long", "int"), ("long", "bool"), ("bool", "bool")]
)
def test_whole_numbers_and_truths(compare, one, other, axis):
    """In a vector a true lane is −1, which must show nowhere."""
    x, y = pairs(one, other)
    functions = {name: lambda _, x, y, f=function: f(x, y) for name, function in OPERATORS.items()}
    functions |= {
        "both": lambda _, x, y: x & y,
        "either": lambda _, x, y: x | y,
        "not both": lambda _, x, y: x ^ y,
    }
    functions |= {
        "none": lambda _, x, y: ~x,
        "sum": lambda _, x, y: torch.stack([x < y, x > 0], -1).sum(-1),
        "sign": lambda _, x, y: x.sign(),
    }
    functions |= {
        "extreme": lambda _, x, y: torch.stack([x < y, x > 0], -1).amax(-1),
        "least": lambda _, x, y: torch.stack([x < y, x > 0], -1).amin(-1),
    }
    functions |= {
        "square": lambda _, x, y: x**2,
        "root": lambda _, x, y: (x * x).sqrt(),
        "count": lambda _, x, y: x + 1,
    }
    functions |= {
        "abs": lambda _, x, y: (x + 0).abs(),
        "above ½": lambda _, x, y: x > 0.5,
        "half": lambda _, x, y: x * 0.5,
    }
    functions |= {
        "up": lambda _, x, y: (x + 0).ceil(),
        "isinf": lambda _, x, y: x.isinf(),
        "nan": lambda _, x, y: x.isnan(),
    }
    functions |= {"clamp": lambda _, x, y: (x + 0).clamp(0, 2), "negative": lambda _, x, y: x.signbit()}
    if one == "bool":  # torch has no absolute value and no bounds of truths
        functions = {name: f for name, f in functions.items() if name not in {"abs", "clamp", "up"}}
    double = x.double()  # says how many lanes a register holds
    assert compare(functions, double, x, y, axis=axis).differing() == []


def test_factors_of_sums(compare, sample):
    """`alpha`, `value` and `weight`, which torch's vectors may join with the sum in a single rounding."""
    functions = {
        "add": lambda x, y: torch.add(x, y, alpha=0.3),
        "sub": lambda x, y: torch.sub(x, y, alpha=2),
        "rsub": lambda x, y: torch.rsub(x, y, alpha=0.3),
        "lerp": lambda x, y: torch.lerp(x, y, 0.3),
        "lerp by a tensor": lambda x, y: torch.lerp(x, y, y),
        "lerp far": lambda x, y: torch.lerp(x, y, 0.9),
        "addcmul": lambda x, y: torch.addcmul(x, x, y, value=0.3),
        "truths": lambda x, y: torch.add(x > 0, y > 0),
        "addcdiv": lambda x, y: torch.addcdiv(x, x, y, value=-0.3),
        "addcdiv_": lambda x, y: x.clone().mul_(0.9).addcdiv_(x, y.square().add_(1), value=-0.3),
    }
    assert compare(functions, sample(4), sample(4, seed=1)).differing(rtol=1e-14, atol=1e-14) == []
