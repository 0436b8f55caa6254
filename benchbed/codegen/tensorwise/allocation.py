"""Allocation of a lane's tensors: buffers whose live ranges do not overlap share memory."""

import sys
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.codegen.expressions import SCALAR_TYPES, Scalar, c_type

ALIGNMENT = 64
"""Bytes of a cache line, and of the widest vector register."""


class StridedMemory(NamedTuple):
    """A tensor in memory."""

    base: str
    """The C++ pointer from which its storage offset counts."""
    view: Tensor
    """Its shape, strides, offset and type as a tensor on the device "meta", on which torch computes views."""

    @property
    def type(self) -> str:
        """The C++ type of its numbers."""
        return c_type(self.view.dtype, is_vector=False)

    def expanded_strides(self, shape: tuple[int, ...]) -> list[int]:
        """Return its strides when broadcast to `shape`, along the dimensions that are longer than 1."""
        expanded = self.view.expand(shape)
        return [stride for size, stride in zip(shape, expanded.stride(), strict=True) if size > 1]

    def address(self, *offsets: str) -> str:
        """Return the C++ address at the sum of `offsets`."""
        return " + ".join([self.base, str(self.view.storage_offset()), *offsets])


class UniformValue(NamedTuple):
    """A tensor that has the same value everywhere and is not stored."""

    value: Scalar

    @property
    def dtype(self) -> torch.dtype:
        """The type of tensor that Python's type stands for."""
        return {bool: torch.bool, int: torch.int64, float: torch.float64}[type(self.value)]


class _Buffer:
    def __init__(self, dtype: torch.dtype, size: int, time: int) -> None:
        self.dtype, self.bytes = dtype, -(-size * dtype.itemsize // ALIGNMENT) * ALIGNMENT
        self.first_use = self.last_use = time


class Workspace:
    """The buffers of a step with their live ranges, in units of emitted blocks of statements."""

    def __init__(self) -> None:
        self._buffers: dict[str, _Buffer] = {}
        self._time = 0

    def allocate(
        self, dtype: torch.dtype, shape: Iterable[int], is_persistent: bool = False
    ) -> StridedMemory:
        """Create the buffer of a contiguous tensor, which keeps its content between steps if it `is_persistent`."""
        view = torch.empty(tuple(shape), dtype=dtype, device="meta")
        name = f"b{len(self._buffers)}"
        self._buffers[name] = _Buffer(dtype, max(1, view.numel()), self._time)
        if is_persistent:
            self._buffers[name].last_use = sys.maxsize
        return StridedMemory(name, view)

    def advance(self, operands: Iterable[StridedMemory]) -> None:
        """Extend the live ranges of the buffers that a block of statements uses, and go to the next block."""
        for memory in operands:
            if memory.base in self._buffers:
                buffer = self._buffers[memory.base]
                buffer.last_use = max(self._time, buffer.last_use)
        self._time += 1

    def layout(self) -> tuple[list[str], int]:
        """Return the declarations of all buffers within one block of memory, and its size in bytes.

        Each buffer goes to the lowest offset that is free during its live range.
        """
        allocated: list[tuple[int, _Buffer]] = []
        declarations = []
        for name, buffer in self._buffers.items():
            overlapping = sorted(
                (start, neighbour.bytes)
                for start, neighbour in allocated
                if neighbour.first_use <= buffer.last_use and buffer.first_use <= neighbour.last_use
            )
            offset = 0
            for start, size in overlapping:
                if offset + buffer.bytes <= start:
                    break
                offset = max(offset, start + size)
            allocated.append((offset, buffer))
            type_name = SCALAR_TYPES[buffer.dtype]
            declarations.append(
                f"{type_name}* const {name} = reinterpret_cast<{type_name}*>(memory + {offset});"
            )
        return declarations, max((offset + buffer.bytes for offset, buffer in allocated), default=0)
