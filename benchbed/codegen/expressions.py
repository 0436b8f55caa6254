"""C++ expressions of numbers, and arrays of them."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from benchbed.codegen.errors import UnsupportedOperationError

Array = np.ndarray[Any, np.dtype[np.object_]]
"""A tensor of one lane: an array of `Expression` in the tensor's shape."""
Scalar = bool | int | float
ArrayLike = Array | Scalar

SCALAR_TYPES = {
    torch.float64: "double",
    torch.float32: "float",
    torch.int64: "int64_t",
    torch.int32: "int32_t",
    torch.uint8: "uint8_t",  # torch counts small lengths in it; it has no vector type
    torch.bool: "bool",
}
VECTOR_TYPES = {
    torch.float64: "f64",
    torch.float32: "f32",
    torch.int64: "i64",
    torch.int32: "i32",
    torch.bool: "mask",
}
"""Types of `vectors.cpp`: W numbers, one for each lane of a group or for each of W adjacent tensor elements."""
GROUP_MARK = "@"
"""Placeholder in the names of variables that each interleaved group has for itself; the group's letter replaces it."""


@dataclass(frozen=True, slots=True, eq=False)
class Expression:
    """The C++ expression of a number: a scalar, which all lanes share, or a vector with one number a lane."""

    text: str
    dtype: torch.dtype
    is_vector: bool


class TracedCall(NamedTuple):
    """A call of a torch operation, as it was traced."""

    name: str
    dtype: torch.dtype
    """Type of the (first) result."""
    shape: tuple[int, ...]
    """Shape of the (first) result."""
    operand_dtype: torch.dtype
    """Type to which torch promotes the operands before it compares them."""


def c_type(dtype: torch.dtype, is_vector: bool) -> str:
    """Return the C++ type of a number; raise UnsupportedOperationError if it has none."""
    types = VECTOR_TYPES if is_vector else SCALAR_TYPES
    if dtype not in types:
        raise UnsupportedOperationError(f"numbers of {dtype}")
    return types[dtype]


def literal(value: Scalar, dtype: torch.dtype) -> Expression:
    """Return a constant of type `dtype`."""
    type_name = c_type(dtype, is_vector=False)
    if dtype.is_floating_point:
        value = float(value)
    if isinstance(value, bool):
        digits = "true" if value else "false"
    elif isinstance(value, int):
        digits = f"INT64_C({value})"
    elif math.isnan(value):
        digits = "NAN"
    elif math.isinf(value):
        digits = "INFINITY" if value > 0 else "-INFINITY"
    else:
        digits = value.hex()
    return Expression(f"{type_name}({digits})", dtype, is_vector=False)


def scalar_array(expression: Expression) -> Array:
    """Return a zero-dimensional array of one expression."""
    array: Array = np.empty((), dtype=object)
    array[()] = expression
    return array
