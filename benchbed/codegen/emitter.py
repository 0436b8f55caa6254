"""Write the statements of a step, each once."""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
import torch

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import (
    GROUP,
    Array,
    Number,
    Scalar,
    c_type,
    literal,
    scalar_array,
)

MOST_STATEMENTS = 1_200
"""Beyond this a compiler takes many seconds, and the registers hold too small a part of it to gain anything."""


class Writer:
    """Collects statements; what is computed twice is written once."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self._known: dict[tuple[str, str], Number] = {}

    def number(self, text: str, dtype: torch.dtype, wide: bool) -> Number:
        """Give the number that an expression makes; raise UnsupportedOperationError if a step becomes too long."""
        kind = c_type(dtype, wide)
        key = text, kind
        if key not in self._known:
            if len(self.statements) == MOST_STATEMENTS:
                raise UnsupportedOperationError(f"a step of more than {MOST_STATEMENTS} operations")
            name = f"t{len(self.statements)}{GROUP if GROUP in text else ''}"
            self.statements.append(f"const {kind} {name} = {text};")
            self._known[key] = Number(name, dtype, wide)
        return self._known[key]

    def cast(self, number: Number, dtype: torch.dtype) -> Number:
        """Give the number in another type."""
        if number.dtype == dtype:
            return number
        kind, text = c_type(dtype, number.wide), number.text
        if not number.wide:
            return self.number(f"{kind}({text})", dtype, wide=False)
        if dtype == torch.bool:
            return self.number(f"as_mask({text} != 0)", dtype, wide=True)
        if number.dtype == torch.bool:  # all bits of a lane that is true are set, which is -1
            return self.number(f"{kind}{{}} - __builtin_convertvector({text}, {kind})", dtype, wide=True)
        return self.number(f"__builtin_convertvector({text}, {kind})", dtype, wide=True)

    def widen(self, number: Number) -> Number:
        """Give the number for each of the lanes."""
        if number.wide:
            return number
        kind = c_type(number.dtype, wide=True)
        return self.number(f"widen<{kind}>({number.text})", number.dtype, wide=True)

    def one(self, form: str, dtype: torch.dtype, numbers: Sequence[Number], common: torch.dtype) -> Number:
        """Apply `form`, such as "{} + {}", to numbers of the type `common`; the outcome has `dtype`."""
        given = [self.cast(number, common) for number in numbers]
        wide = any(number.wide for number in given)
        if wide:
            given = [self.widen(number) for number in given]
        text = form.format(*(number.text for number in given))
        if wide and dtype == torch.bool and common != torch.bool:
            text = f"as_mask({text})"
        return self.number(text, dtype, wide)

    def each(
        self,
        form: str,
        dtype: torch.dtype,
        operands: Sequence[Array | Scalar],
        common: torch.dtype | None = None,
    ) -> Array:
        """Do so for every element of arrays that broadcast."""
        of = common or dtype
        arrays = [self.array(operand, of) for operand in operands]
        return self.mapped(lambda *numbers: self.one(form, dtype, numbers, of), *arrays)

    def mapped(self, function: Callable[..., Number], *arrays: Array) -> Array:
        """Apply a function of numbers to every element of arrays that broadcast."""
        return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), dtype=object)

    def array(self, operand: Array | Scalar, dtype: torch.dtype) -> Array:
        """Give an operand as an array; a constant becomes one of `dtype`."""
        if isinstance(operand, np.ndarray):
            return operand
        return scalar_array(literal(operand, dtype))

    def folded(self, form: str, dtype: torch.dtype, numbers: Sequence[Number]) -> Number:
        """Combine numbers pairwise, as a tree: the fewest roundings, and the fewest that wait for one another."""
        level = list(numbers)
        while len(level) > 1:
            pairs = [
                self.one(form, dtype, level[at : at + 2], dtype) if at + 1 < len(level) else level[at]
                for at in range(0, len(level), 2)
            ]
            level = pairs
        return level[0]

    def dot(self, left: Sequence[Number], right: Sequence[Number], dtype: torch.dtype) -> Number:
        """Sum the products of two rows."""
        pairs = list(zip(left, right, strict=True))
        first = self.one("{} * {}", dtype, pairs[0], dtype)
        return reduce(
            lambda total, pair: self.one("{} * {} + {}", dtype, (*pair, total), dtype), pairs[1:], first
        )
