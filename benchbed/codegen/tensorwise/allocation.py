"""Say where the tensors of a lane lie, and let those share memory that are not needed at the same time."""

import sys
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.codegen.expressions import UNIFORM, Scalar, c_type

ALIGNMENT = 64
"""Bytes of a line of the cache, and of the widest register."""


class Memory(NamedTuple):
    """A tensor that lies in memory."""

    base: str
    """The C++ pointer to which its offset is added."""
    view: Tensor
    """On torch's device "meta": shape, strides, offset and type without numbers, on which torch works out views."""

    @property
    def type(self) -> str:
        """The C++ type of its numbers."""
        return c_type(self.view.dtype, wide=False)

    def strides_over(self, shape: tuple[int, ...]) -> list[int]:
        """Give its strides along the dimensions of `shape`, to which it broadcasts, that are longer than 1."""
        wide = self.view.expand(shape)
        return [stride for size, stride in zip(shape, wide.stride(), strict=True) if size > 1]

    def at(self, *offsets: str) -> str:
        """Give the expression of the address at some offsets."""
        return " + ".join([self.base, str(self.view.storage_offset()), *offsets])


class Constant(NamedTuple):
    """A tensor that is one number everywhere."""

    value: Scalar

    @property
    def dtype(self) -> torch.dtype:
        """What Python takes it for."""
        kinds = {bool: torch.bool, int: torch.int64, float: torch.float64}
        return kinds[type(self.value)]


class _Buffer:
    def __init__(self, dtype: torch.dtype, size: int, now: int) -> None:
        self.dtype, self.bytes = dtype, -(-size * dtype.itemsize // ALIGNMENT) * ALIGNMENT
        self.first = self.last = now


class Workspace:
    """The buffers of a step: each is made at a moment, counted by what was written before, and read until another."""

    def __init__(self) -> None:
        self._buffers: dict[str, _Buffer] = {}
        self._now = 0

    def make(self, dtype: torch.dtype, shape: Iterable[int], forever: bool = False) -> Memory:
        """Make a buffer for a contiguous tensor; one that is there from step to step if it is `forever`."""
        view = torch.empty(tuple(shape), dtype=dtype, device="meta")
        name = f"b{len(self._buffers)}"
        self._buffers[name] = _Buffer(dtype, max(1, view.numel()), self._now)
        if forever:
            self._buffers[name].last = sys.maxsize
        return Memory(name, view)

    def tick(self, touched: Iterable[Memory]) -> None:
        """Note that these were needed now, and that something else comes."""
        for memory in touched:
            if memory.base in self._buffers:
                buffer = self._buffers[memory.base]
                buffer.last = max(self._now, buffer.last)
        self._now += 1

    def place(self) -> tuple[list[str], int]:
        """Give the declarations of all buffers within one block of memory, and its bytes."""
        placed: list[tuple[int, _Buffer]] = []
        lines = []
        for name, buffer in self._buffers.items():
            others = sorted(
                (offset, other.bytes)
                for offset, other in placed
                if other.first <= buffer.last and buffer.first <= other.last
            )
            offset = 0
            for start, size in others:
                if offset + buffer.bytes <= start:
                    break
                offset = max(offset, start + size)
            placed.append((offset, buffer))
            kind = UNIFORM[buffer.dtype]
            lines.append(f"{kind}* const {name} = reinterpret_cast<{kind}*>(memory + {offset});")
        return lines, max((offset + buffer.bytes for offset, buffer in placed), default=0)
