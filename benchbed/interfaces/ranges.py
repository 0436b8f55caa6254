"""Say where a hyperparameter is searched, and which values are accepted."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class LogUniform:
    """Search a hyperparameter between `low` and `high` on a logarithmic scale; any finite value ≥ 0 is accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Tell whether `value` lies in the domain, which is wider than the search range."""
        return math.isfinite(value) and value >= 0


@dataclass(frozen=True)
class Uniform:
    """Search a hyperparameter between `low` and `high` on a linear scale; any finite value is accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Tell whether `value` lies in the domain, which is wider than the search range."""
        return math.isfinite(value)


@dataclass(frozen=True)
class OneMinusLogUniform:
    """Search 1 − value between `low` and `high` on a logarithmic scale (decay rates); 0 ≤ value < 1 is accepted."""

    low: float
    high: float

    def accepts(self, value: float) -> bool:
        """Tell whether `value` lies in the domain, which is wider than the search range."""
        return 0 <= value < 1
