"""Search ranges of hyperparameters, with the values that are accepted."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class _Range:
    """Range searched from `low` to `high`; finite values are accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Return whether `value` is valid; the domain is wider than the search range."""
        return math.isfinite(value)


class LogUniform(_Range):
    """Range searched from `low` to `high` on a logarithmic scale; finite values ≥ 0 are accepted."""

    def accepts(self, value: float) -> bool:
        """Return whether `value` is valid; the domain is wider than the search range."""
        return math.isfinite(value) and value >= 0


class Uniform(_Range):
    """Range searched from `low` to `high` on a linear scale; finite values are accepted."""


class OneMinusLogUniform(_Range):
    """Range of 1 − value (a decay rate) from `low` to `high` on a logarithmic scale; accepts 0 ≤ value < 1."""

    def accepts(self, value: float) -> bool:
        """Return whether `value` is valid; the domain is wider than the search range."""
        return 0 <= value < 1


@dataclass(frozen=True)
class Choice:
    """Values that a search tries, such as the words of a static parameter: `Annotated[str, Choice(("a", "b"))]`.

    In a selector a list of the parameter replaces these values. The tracks without a search take its first one.
    """

    values: tuple[Any, ...]

    def accepts(self, value: float) -> bool:
        """Return whether a number is valid; the search tries the listed ones only."""
        return math.isfinite(value)
