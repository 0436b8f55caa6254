"""List the calls at which every trial is measured, whoever takes part (protocol, rule 4)."""

import math

DENSE_CALLS = 10
PER_DECADE = 20
ROUNDING = 1e-9
"""Relative error that sums and quotients of fractional prices stay below."""


def checkpoint_calls(budget: int) -> list[int]:
    """List every call up to 10, then 20 a decade, and the budget."""
    decades = max(0, math.ceil(PER_DECADE * math.log10(max(budget, 1) / DENSE_CALLS)))
    spaced = [round(DENSE_CALLS * 10 ** (k / PER_DECADE)) for k in range(1, decades + 1)]
    dense = range(1, min(DENSE_CALLS, budget) + 1)
    return sorted({*dense, *(calls for calls in spaced if calls <= budget), budget})
