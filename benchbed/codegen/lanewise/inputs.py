"""C++ for the inputs and outputs of lanes: indices, loads before the first step, loads in each step, and stores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import GROUP_MARK, Array, Expression, c_type
from benchbed.codegen.template import Axis
from benchbed.codegen.trace import InputKind

VARYING_AXES: dict[InputKind, frozenset[Axis]] = {
    "lane": frozenset({"settings", "lanes"}),
    "setting": frozenset({"settings", "lanes"}),
    "seed": frozenset({"lanes"}),
    "step_seed": frozenset({"lanes"}),
    "step": frozenset(),
    "shared": frozenset(),
}
"""The axes along which the lanes of a vector may differ in an input."""
INDEX_ARRAYS: dict[InputKind, str] = {
    "lane": f"lane_{GROUP_MARK}",
    "setting": f"setting_{GROUP_MARK}",
    "seed": f"seed_{GROUP_MARK}",
    "step_seed": f"seed_{GROUP_MARK}",
}
"""The C++ array with the index into an input for each lane of a group."""
MAX_NUMBERS = 2_000
"""Numbers of an input, for a lane."""
LANE_INDICES = (
    f"const int64_t group_{GROUP_MARK} = smaller(group + ('{GROUP_MARK}' - 'a'), end_group - 1);",
    f"int64_t lane_{GROUP_MARK}[W], seed_{GROUP_MARK}[W], setting_{GROUP_MARK}[W];",
    f"lane_indices(group_{GROUP_MARK}, seeds, settings, lane_{GROUP_MARK}, seed_{GROUP_MARK}, setting_{GROUP_MARK});",
)
"""Computes the indices of a group's lanes."""


class LanewiseInput(NamedTuple):
    """An input of a lanewise step."""

    position: int
    kind: InputKind
    value: Tensor
    """As traced; only its shape and type are used."""
    axis: Axis

    @property
    def size(self) -> int:
        """Numbers a lane."""
        return self.value.numel()

    @property
    def is_vector(self) -> bool:
        """Whether the lanes of a vector may differ in it."""
        return self.axis in VARYING_AXES[self.kind]

    @property
    def varies_by_step(self) -> bool:
        """Whether each step has another value, regardless of the lane."""
        return self.kind in {"step", "step_seed"}

    @property
    def type(self) -> str:
        """The C++ type of its numbers."""
        return c_type(self.value.dtype, self.is_vector)

    @property
    def mark(self) -> str:
        """The mark in its variables' names: empty if all groups share it."""
        return "" if self.kind in {"step", "shared"} else GROUP_MARK

    def name(self, index: int) -> str:
        """Return the C++ expression of a number: a variable, or an element of an array that does not change."""
        if self.is_vector or self.varies_by_step:
            return f"x{self.position}{self.mark}_{index}"
        return f"p{self.position}{self.mark}[{index}]"

    def array(self) -> Array:
        """Return its numbers; raise UnsupportedOperationError above `MAX_NUMBERS`, or for a type without C++ name."""
        if self.size > MAX_NUMBERS:
            raise UnsupportedOperationError(f"an input of more than {MAX_NUMBERS} numbers")
        c_type(self.value.dtype, self.is_vector)
        array: Array = np.empty(self.size, dtype=object)
        for index in range(self.size):
            array[index] = Expression(self.name(index), self.value.dtype, self.is_vector)
        return array.reshape(tuple(self.value.shape))


Change = tuple[LanewiseInput, Array]
"""A tensor of the lane and its new value."""


def loads(inputs: Sequence[LanewiseInput]) -> list[str]:
    """Return the loads before the first step: vectors, and pointers to numbers that the lanes of a group share."""
    lines = []
    for source in inputs:
        position, size = source.position, source.size
        if source.varies_by_step:
            continue
        if not source.is_vector:
            offset = "" if source.kind == "shared" else f" + {INDEX_ARRAYS[source.kind]}[0] * {size}"
            lines.append(f"const auto* const p{position}{source.mark} = in{position}{offset};")
            continue
        indices = INDEX_ARRAYS[source.kind]
        declaration = source.type if source.kind == "lane" else f"const {source.type}"
        lines += [
            f"{declaration} {source.name(n)} = load_lanes<{source.type}>(in{position} + {n}, {indices}, {size});"
            for n in range(size)
        ]
    return lines


def step_loads(inputs: Sequence[LanewiseInput]) -> list[str]:
    """Return the loads in each step."""
    lines = []
    for source in inputs:
        position, size = source.position, source.size
        if source.kind == "step":
            lines.append(f"const auto {source.name(0)} = in{position}[step];")
        elif source.kind == "step_seed":
            row = f"in{position} + step * seeds * {size}"
            for n in range(size):
                scalar = f"({row})[seed_{GROUP_MARK}[0] * {size} + {n}]"
                vector = f"gather<{source.type}>({row} + {n}, seed_{GROUP_MARK}, {size})"
                value = vector if source.is_vector else scalar
                lines.append(f"const {source.type} {source.name(n)} = {value};")
    return lines


def updates(changes: Sequence[Change]) -> list[str]:
    """Return the assignments of new values to the lane's variables, after all new values are computed."""
    new_values, assignments = [], []
    for target, array in changes:
        for index, value in enumerate(array.ravel().tolist()):
            vector_type = c_type(value.dtype, is_vector=True)
            variable = f"new{target.position}{GROUP_MARK}_{index}"
            text = value.text if value.is_vector else f"broadcast<{vector_type}>({value.text})"
            new_values.append(f"const {vector_type} {variable} = {text};")
            assignments.append(f"{target.name(index)} = {variable};")
    return new_values + assignments


def stores(changes: Sequence[Change]) -> list[str]:
    """Return the stores of the lanes at a stop."""
    return [
        f"store_lanes({target.name(n)}, out{target.position} + offset * {target.size} + {n}, "
        f"lane_{GROUP_MARK}, {target.size});"
        for target, array in changes
        for n in range(array.size)
    ]
