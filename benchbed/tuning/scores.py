"""Scores of trials, computed from their calls to target (protocol, rule 8)."""

import math

import numpy as np

DECADES = 4
"""The score considers at most this many decades of calls below the budget."""


def trial_scores(calls_to_target: np.ndarray, budget: int) -> np.ndarray:
    """Compute the score in [0, 1] of each trial from `calls_to_target: [..., targets]`, +inf where not reached.

    The mean over targets of max(0, 1 − ln(T/L)/ln(budget/L)), L = max(1, budget/10⁴) and T at least L: the area
    under the empirical distribution of calls on a logarithmic axis from L to the budget. NaN without targets.
    """
    if calls_to_target.shape[-1] == 0:
        return np.full(calls_to_target.shape[:-1], np.nan)
    lowest = max(1.0, budget / 10**DECADES)
    if budget <= lowest:  # the budget is a single call
        return np.asarray((calls_to_target <= budget).mean(axis=-1))
    spent = np.log(np.maximum(calls_to_target, lowest) / lowest) / math.log(budget / lowest)
    return np.asarray(np.maximum(0.0, 1.0 - spent).mean(axis=-1))


def lower_median(values: np.ndarray) -> float:
    """Return the ⌈n/2⌉-th smallest of `values: [n]`, NaN if n = 0: finite exactly if half of them are finite."""
    if not len(values):
        return math.nan
    return float(np.sort(values)[(len(values) - 1) // 2])
