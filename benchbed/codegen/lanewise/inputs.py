"""Write how a program gets at a step's inputs: pointers, loads before the first step, loads in each, and stores."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import GROUP, UNIFORM, Array, Number, c_type
from benchbed.codegen.template import Axis
from benchbed.codegen.trace import InputKind

VARIES: dict[InputKind, frozenset[Axis]] = {
    "lane": frozenset({"settings", "lanes"}),
    "setting": frozenset({"settings", "lanes"}),
    "seed": frozenset({"lanes"}),
    "step_seed": frozenset({"lanes"}),
    "step": frozenset(),
    "shared": frozenset(),
}
"""The axes along which an input differs from lane to lane."""
INDEX: dict[InputKind, str] = {"lane": "lane", "setting": "setting", "seed": "seed", "step_seed": "seed"}
"""The places by which a group's lanes find their parts of an input."""
MOST_NUMBERS = 2_000
"""Of an input, for a lane."""
PLACES = (
    f"int64_t lane{GROUP}[W], seed{GROUP}[W], setting{GROUP}[W];",
    f"place(least(group + ('{GROUP}' - 'a'), last - 1), seeds, settings, lane{GROUP}, seed{GROUP}, setting{GROUP});",
)
"""Find the lanes of a group."""


class Input(NamedTuple):
    """A step's input as the program sees it."""

    position: int
    role: InputKind
    value: Tensor
    """As it was traced: a shape and a type."""
    axis: Axis

    @property
    def size(self) -> int:
        """Numbers a lane."""
        return self.value.numel()

    @property
    def wide(self) -> bool:
        """Whether lanes that are stepped together may differ in it."""
        return self.axis in VARIES[self.role]

    @property
    def changes(self) -> bool:
        """Whether it is another in each step, whatever the step does."""
        return self.role in {"step", "step_seed"}

    @property
    def type(self) -> str:
        """The C++ type of its numbers."""
        return c_type(self.value.dtype, self.wide)

    @property
    def sign(self) -> str:
        """Tells one group's from another's."""
        return "" if self.role in {"step", "shared"} else GROUP

    def name(self, place: int) -> str:
        """Give the expression of a number: a variable, or where what does not change lies in memory."""
        kind = "x" if self.wide or self.changes else "p"
        return (
            f"x{self.position}{self.sign}_{place}" if kind == "x" else f"p{self.position}{self.sign}[{place}]"
        )

    def array(self) -> Array:
        """Give its numbers.

        Raises UnsupportedOperationError if they are too many.
        """
        if self.size > MOST_NUMBERS:
            raise UnsupportedOperationError(f"an input of more than {MOST_NUMBERS} numbers")
        c_type(self.value.dtype, self.wide)
        array: Array = np.empty(self.size, dtype=object)
        for place in range(self.size):
            array[place] = Number(self.name(place), self.value.dtype, self.wide)
        return array.reshape(tuple(self.value.shape))


Change = tuple[Input, Array]
"""A lane's tensor, and what a step makes of it."""


def pointers(read: Sequence[Input], changed: Sequence[Change]) -> list[str]:
    """Give the arrays that are read and written their types."""
    lines = []
    for number, given in enumerate(read):
        kind = UNIFORM[given.value.dtype]
        lines.append(f"const {kind}* const g{given.position} = static_cast<const {kind}*>(given[{number}]);")
    for number, (given, _) in enumerate(changed):
        kind = UNIFORM[given.value.dtype]
        lines.append(f"{kind}* const m{given.position} = static_cast<{kind}*>(made[{number}]);")
    return lines


def loads(read: Sequence[Input]) -> list[str]:
    """Load what holds for all steps: vectors, and pointers to what a group's lanes share."""
    lines = []
    for given in read:
        at, size = given.position, given.size
        if given.changes:
            continue
        if not given.wide:
            offset = "" if given.role == "shared" else f" + {INDEX[given.role]}{GROUP}[0] * {size}"
            lines.append(f"const auto* const p{at}{given.sign} = g{at}{offset};")
            continue
        kind, index = given.type, f"{INDEX[given.role]}{GROUP}"
        declared = kind if given.role == "lane" else f"const {kind}"
        lines += [
            f"{declared} {given.name(n)} = load<{kind}>(g{at} + {n}, {index}, {size});" for n in range(size)
        ]
    return lines


def loads_of_a_step(read: Sequence[Input]) -> list[str]:
    """Load what differs between the steps."""
    lines = []
    for given in read:
        at, size = given.position, given.size
        if given.role == "step":
            lines.append(f"const auto {given.name(0)} = g{at}[step];")
        elif given.role == "step_seed":
            here = f"g{at} + step * seeds * {size}"
            for n in range(size):
                one = f"({here})[seed{GROUP}[0] * {size} + {n}]"
                several = f"gather<{given.type}>({here} + {n}, seed{GROUP}, {size})"
                lines.append(f"const {given.type} {given.name(n)} = {several if given.wide else one};")
    return lines


def moves(changed: Sequence[Change]) -> list[str]:
    """Give every number that a step changes its new value, once all are known."""
    made, moved = [], []
    for given, array in changed:
        for place, number in enumerate(array.ravel().tolist()):
            kind, new = c_type(number.dtype, wide=True), f"new{given.position}{GROUP}_{place}"
            value = number.text if number.wide else f"widen<{kind}>({number.text})"
            made.append(f"const {kind} {new} = {value};")
            moved.append(f"{given.name(place)} = {new};")
    return made + moved


def stores(changed: Sequence[Change]) -> list[str]:
    """Write what the lanes have become at a stop."""
    return [
        f"store({given.name(n)}, m{given.position} + ahead * {given.size} + {n}, lane{GROUP}, {given.size});"
        for given, array in changed
        for n in range(array.size)
    ]
