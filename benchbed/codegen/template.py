"""Assembly of a source: the C++ that all sources share, the C++ of one form, and the generated statements."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from string import Template
from typing import Literal, NamedTuple

import torch

from benchbed.codegen.expressions import c_type

Axis = Literal["settings", "lanes"]
"""The lanes that a vector may hold: settings of one seed, or any lanes."""


class LaneGroups(NamedTuple):
    """The division of the lanes `[seeds, settings]` into groups, each of which is computed in one vector."""

    axis: Axis
    width: int
    """Lanes in a group; 1 where lanes are computed one after another."""

    def total(self, seeds: int, settings: int) -> int:
        """Return the number of groups; the last one of a row may be incomplete."""
        if self.axis == "settings":
            return seeds * -(-settings // self.width)
        return -(-seeds * settings // self.width)


class GeneratedSource(NamedTuple):
    """The C++ source of a step."""

    form: Literal["lanewise", "tensorwise"]
    text: str
    reads: list[int]
    """Positions of the inputs that the function reads, in the order of its argument `inputs`."""
    changes: list[int]
    """Positions of the lane's tensors that the function writes to `outputs`; it leaves the others unchanged."""
    operations: int
    """Estimated vector operations in a step."""
    groups: LaneGroups
    flags: tuple[str, ...] = ()
    """Compiler flags beside those of all sources."""
    called_operations: tuple[str, ...] = ()
    """Operations of torch that it calls, which may start threads of their own."""


def fill_template(
    template: str,
    width: int,
    reads: Mapping[int, torch.dtype],
    changes: Mapping[int, torch.dtype],
    **fields: object,
) -> str:
    """Return `vectors.cpp` followed by `template`, both filled in.

    `reads` and `changes` are the types of tensors by position; the field `pointers` declares a typed pointer
    `in<position>` or `out<position>` to each.
    """
    pointers = []
    for prefix, argument, qualifier, tensors in (
        ("in", "inputs", "const ", reads),
        ("out", "outputs", "", changes),
    ):
        for index, (position, dtype) in enumerate(tensors.items()):
            pointer = f"{qualifier}{c_type(dtype, is_vector=False)}*"
            pointers.append(
                f"{pointer} const {prefix}{position} = static_cast<{pointer}>({argument}[{index}]);"
            )
    # A mask has the width of the numbers that a step mostly compares.
    mask = "i64" if torch.float64 in changes.values() else "i32"
    text = read_template("vectors.cpp") + read_template(template)
    return Template(text).substitute(fields, width=width, mask=mask, pointers=indent(2, pointers))


def read_template(name: str) -> str:
    """Return the text of a C++ file of this package."""
    return files("benchbed.codegen").joinpath(*name.split("/")).read_text("utf-8")


def indent(columns: int, lines: Iterable[str]) -> str:
    """Join lines, each after `columns` spaces."""
    return "\n".join(" " * columns + line for line in lines)
