"""Comparisons, choices, logic and conversions promote types as torch does."""

import operator

import pytest
import torch

pytestmark = pytest.mark.slow

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


def pairs(first_type, second_type):
    """Return all pairs of four numbers of two types, each in its own lane: two of `[4, 4, 1]`."""
    values = torch.tensor([-2.0, 0.0, 1.0, 3.0])
    first, second = torch.meshgrid(values, values, indexing="ij")
    return first[..., None].to(TYPES[first_type]), second[..., None].to(TYPES[second_type])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32], ids=["double", "single"])
def test_conversions_between_all_types_match_torch(compare, dtype):
    """Truncation, rounding, truth, and NaN, with masks as wide as doubles and as singles."""
    values = torch.tensor([-1.75, -0.0, 0.1, 2.5, 1e9, -1.0, 0.3333333333])[None, :, None].to(dtype)
    functions = {
        f"{source} to {target}": lambda x, source=source, target=target: x.to(TYPES[source]).to(TYPES[target])
        for source in TYPES
        for target in TYPES
    }
    non_finite = {
        f"non-finite to {name}": lambda x, name=name: (x / 0).to(TYPES[name])
        for name in ("double", "single", "bool")
    }
    assert compare({**functions, **non_finite}, values).differences() == []


@pytest.mark.parametrize("second_type", TYPES)
@pytest.mark.parametrize("first_type", ["double", "single"])
def test_operands_are_promoted_as_in_torch(compare, first_type, second_type):
    """In sums, products, quotients, comparisons, extremes, choices and logic."""
    assert compare(OPERATORS, *pairs(first_type, second_type)).differences() == []


@pytest.mark.parametrize("axis", ["lanes", "settings"])
@pytest.mark.parametrize(
    ("first_type", "second_type"), [("long", "long"), ("long", "int"), ("long", "bool"), ("bool", "bool")]
)
def test_operations_of_integers_and_bools_match_torch(compare, first_type, second_type, axis):
    """A true lane of a mask is −1, which no result may show."""
    x, y = pairs(first_type, second_type)
    functions = {
        **{name: lambda _, x, y, f=function: f(x, y) for name, function in OPERATORS.items()},
        "bitwise and": lambda _, x, y: x & y,
        "bitwise or": lambda _, x, y: x | y,
        "bitwise xor": lambda _, x, y: x ^ y,
        "bitwise not": lambda _, x, y: ~x,
        "sum of bools": lambda _, x, y: torch.stack([x < y, x > 0], -1).sum(-1),
        "sign": lambda _, x, y: x.sign(),
        "amax of bools": lambda _, x, y: torch.stack([x < y, x > 0], -1).amax(-1),
        "amin of bools": lambda _, x, y: torch.stack([x < y, x > 0], -1).amin(-1),
        "square": lambda _, x, y: x**2,
        "root": lambda _, x, y: (x * x).sqrt(),
        "plus 1": lambda _, x, y: x + 1,
        "abs": lambda _, x, y: (x + 0).abs(),
        "above ½": lambda _, x, y: x > 0.5,
        "half": lambda _, x, y: x * 0.5,
        "ceil": lambda _, x, y: (x + 0).ceil(),
        "isinf": lambda _, x, y: x.isinf(),
        "isnan": lambda _, x, y: x.isnan(),
        "clamp": lambda _, x, y: (x + 0).clamp(0, 2),
        "signbit": lambda _, x, y: x.signbit(),
    }
    if first_type == "bool":  # torch has no absolute value, bounds or rounding of bools
        functions = {name: f for name, f in functions.items() if name not in {"abs", "clamp", "ceil"}}
    first_input = x.double()  # its type determines the vector width
    assert compare(functions, first_input, x, y, axis=axis).differences() == []


def test_scaled_sums_match_torch(compare, sample):
    """`alpha`, `value` and `weight`, which torch's vector code may fuse with the sum in a single rounding."""
    functions = {
        "add": lambda x, y: torch.add(x, y, alpha=0.3),
        "sub": lambda x, y: torch.sub(x, y, alpha=2),
        "rsub": lambda x, y: torch.rsub(x, y, alpha=0.3),
        "lerp": lambda x, y: torch.lerp(x, y, 0.3),
        "lerp by a tensor": lambda x, y: torch.lerp(x, y, y),
        "lerp by 0.9": lambda x, y: torch.lerp(x, y, 0.9),
        "addcmul": lambda x, y: torch.addcmul(x, x, y, value=0.3),
        "add bools": lambda x, y: torch.add(x > 0, y > 0),
        "addcdiv": lambda x, y: torch.addcdiv(x, x, y, value=-0.3),
        "addcdiv_": lambda x, y: x.clone().mul_(0.9).addcdiv_(x, y.square().add_(1), value=-0.3),
    }
    assert compare(functions, sample(4), sample(4, seed=1)).differences(rtol=1e-14, atol=1e-14) == []
