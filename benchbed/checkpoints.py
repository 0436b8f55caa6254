"""Checkpoints: the calls and steps at which every trial is measured, for every optimizer (protocol, rule 4)."""

import math

DENSE_CALLS = 10
PER_DECADE = 20
ROUNDING = 1e-9
"""Bound on the relative rounding error of sums and quotients of fractional prices."""


def checkpoint_calls(budget: int) -> list[int]:
    """List every call up to 10, then 20 calls a decade, and the budget."""
    decades = max(0, math.ceil(PER_DECADE * math.log10(max(budget, 1) / DENSE_CALLS)))
    spaced = [round(DENSE_CALLS * 10 ** (k / PER_DECADE)) for k in range(1, decades + 1)]
    dense = range(1, min(DENSE_CALLS, budget) + 1)
    return sorted({*dense, *(calls for calls in spaced if calls <= budget), budget})


def checkpoint_steps(budget: int, calls_per_step: float, every_step: bool = False) -> list[int]:
    """List the steps after which to measure: the first to reach each checkpoint, and the last affordable one."""
    last = affordable_steps(budget, calls_per_step)
    if every_step:
        return list(range(1, last + 1))
    steps = {math.ceil(calls / calls_per_step * (1 - ROUNDING)) for calls in checkpoint_calls(budget)}
    return sorted({step for step in steps if step <= last} | ({last} if last else set()))


def affordable_steps(budget: int, calls_per_step: float) -> int:
    """Return the number of steps that a budget pays for in full."""
    return int(affordable_calls(budget) / calls_per_step)


def affordable_calls(budget: int) -> float:
    """Return the budget with a margin for rounding: 750 steps of 4/3 calls sum to slightly more than 1000."""
    return budget * (1 + ROUNDING)
