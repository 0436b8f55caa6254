"""Say what a number of a step is called in C++, and of which type it is."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from benchbed.codegen.errors import UnsupportedOperationError

Array = np.ndarray[Any, np.dtype[np.object_]]
"""A tensor of one lane: an array of `Number`, in the tensor's shape."""
Scalar = bool | int | float

UNIFORM = {
    torch.float64: "double",
    torch.float32: "float",
    torch.int64: "int64_t",
    torch.int32: "int32_t",
    torch.uint8: "uint8_t",  # in which torch counts small lengths; no lane holds one
    torch.bool: "bool",
}
WIDE = {
    torch.float64: "f64",
    torch.float32: "f32",
    torch.int64: "i64",
    torch.int32: "i32",
    torch.bool: "mask",
}
"""Vectors with a number for each of the lanes that are stepped together."""
GROUP = "@"
"""Stands in the name of what differs between groups of lanes, where the group's own sign comes."""


@dataclass(frozen=True, slots=True, eq=False)
class Number:
    """A number of a lane: its C++ expression, the same for all lanes or, if `wide`, a vector with one for each."""

    text: str
    dtype: torch.dtype
    wide: bool

    @property
    def type(self) -> str:
        """Its C++ type."""
        return c_type(self.dtype, self.wide)


def c_type(dtype: torch.dtype, wide: bool) -> str:
    """Give the C++ type of a number; raise UnsupportedOperationError for one that has none here."""
    names = WIDE if wide else UNIFORM
    if dtype not in names:
        raise UnsupportedOperationError(f"numbers of {dtype}")
    return names[dtype]


def literal(value: Scalar, dtype: torch.dtype) -> Number:
    """Write a constant as a number of `dtype`."""
    if dtype.is_floating_point:
        value = float(value)
    return Number(f"{c_type(dtype, wide=False)}({_digits(value)})", dtype, wide=False)


def _digits(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return f"INT64_C({value})"
    if math.isnan(value):
        return "NAN"
    if math.isinf(value):
        return "INFINITY" if value > 0 else "-INFINITY"
    return value.hex()


def scalar_array(number: Number) -> Array:
    """Give the array without dimensions that holds one number."""
    array: Array = np.empty((), dtype=object)
    array[()] = number
    return array


class Call(NamedTuple):
    """What an operation is to make."""

    dtype: torch.dtype
    shape: tuple[int, ...]
    common: torch.dtype
    """The type in which its operands are compared."""
