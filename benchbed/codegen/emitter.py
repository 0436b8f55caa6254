"""Emission of C++ statements in which every expression is computed once."""

from collections.abc import Callable, Sequence
from functools import reduce

import numpy as np
import torch

from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.codegen.expressions import (
    GROUP_MARK,
    Array,
    ArrayLike,
    Expression,
    c_type,
    literal,
    scalar_array,
)

MAX_STATEMENTS = 1_200
"""Beyond this, the compiler takes many seconds and spills most values from registers."""


class Emitter:
    """A list of statements `const type t7 = expression;`; equal expressions share a variable."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self._variables: dict[tuple[str, str], Expression] = {}

    def assign(self, text: str, dtype: torch.dtype, is_vector: bool) -> Expression:
        """Return the variable of an expression; raise UnsupportedOperationError above `MAX_STATEMENTS`."""
        type_name = c_type(dtype, is_vector)
        key = text, type_name
        if key not in self._variables:
            if len(self.statements) == MAX_STATEMENTS:
                raise UnsupportedOperationError(f"a step of more than {MAX_STATEMENTS} operations")
            name = f"t{len(self.statements)}{GROUP_MARK if GROUP_MARK in text else ''}"
            self.statements.append(f"const {type_name} {name} = {text};")
            self._variables[key] = Expression(name, dtype, is_vector)
        return self._variables[key]

    def cast(self, value: Expression, dtype: torch.dtype) -> Expression:
        """Convert a number to another type."""
        if value.dtype == dtype:
            return value
        type_name, text = c_type(dtype, value.is_vector), value.text
        if not value.is_vector:
            return self.assign(f"{type_name}({text})", dtype, is_vector=False)
        if dtype == torch.bool:
            return self.assign(f"as_mask({text} != 0)", dtype, is_vector=True)
        if value.dtype == torch.bool:  # a true lane of a mask has all bits set, which is -1
            return self.assign(
                f"{type_name}{{}} - __builtin_convertvector({text}, {type_name})", dtype, is_vector=True
            )
        return self.assign(f"__builtin_convertvector({text}, {type_name})", dtype, is_vector=True)

    def broadcast(self, value: Expression) -> Expression:
        """Return a vector with the value in every lane."""
        if value.is_vector:
            return value
        type_name = c_type(value.dtype, is_vector=True)
        return self.assign(f"broadcast<{type_name}>({value.text})", value.dtype, is_vector=True)

    def apply(
        self, template: str, dtype: torch.dtype, operands: Sequence[Expression], operand_dtype: torch.dtype
    ) -> Expression:
        """Fill operands, cast to `operand_dtype`, into a template such as "{} + {}" with a result of type `dtype`."""
        values = [self.cast(operand, operand_dtype) for operand in operands]
        is_vector = any(value.is_vector for value in values)
        if is_vector:
            values = [self.broadcast(value) for value in values]
        text = template.format(*(value.text for value in values))
        if is_vector and dtype == torch.bool and operand_dtype != torch.bool:
            text = f"as_mask({text})"
        return self.assign(text, dtype, is_vector)

    def elementwise(
        self,
        template: str,
        dtype: torch.dtype,
        operands: Sequence[ArrayLike],
        operand_dtype: torch.dtype | None = None,
    ) -> Array:
        """Apply a template to every element of operands that broadcast; `operand_dtype` is `dtype` by default."""
        common = operand_dtype or dtype
        arrays = [self.array(operand, common) for operand in operands]
        return self.map(lambda *values: self.apply(template, dtype, values, common), *arrays)

    def map(self, function: Callable[..., Expression], *arrays: Array) -> Array:
        """Apply a function of expressions to every element of arrays that broadcast."""
        return np.asarray(np.frompyfunc(function, len(arrays), 1)(*arrays), dtype=object)

    def cast_array(self, operand: ArrayLike, dtype: torch.dtype) -> Array:
        """Convert every element of an operand to `dtype`."""
        return self.map(lambda value: self.cast(value, dtype), self.array(operand, dtype))

    def array(self, operand: ArrayLike, dtype: torch.dtype) -> Array:
        """Return an array unchanged, and a Python number as a literal of `dtype`."""
        if isinstance(operand, np.ndarray):
            return operand
        return scalar_array(literal(operand, dtype))

    def reduce_tree(self, template: str, dtype: torch.dtype, operands: Sequence[Expression]) -> Expression:
        """Combine operands in a balanced tree, which rounds least and has the shortest chain of dependencies."""
        level = list(operands)
        while len(level) > 1:
            level = [
                self.apply(template, dtype, level[i : i + 2], dtype) if i + 1 < len(level) else level[i]
                for i in range(0, len(level), 2)
            ]
        return level[0]

    def dot(self, left: Sequence[Expression], right: Sequence[Expression], dtype: torch.dtype) -> Expression:
        """Sum the products of two rows from left to right."""
        pairs = list(zip(left, right, strict=True))
        first = self.apply("{} * {}", dtype, pairs[0], dtype)
        return reduce(
            lambda total, pair: self.apply("{} * {} + {}", dtype, (*pair, total), dtype), pairs[1:], first
        )
