"""Say how carefully an optimizer's learning rate must be chosen (protocol, rule 9)."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.summary import success_position
from benchbed.interfaces import TrialStatus
from benchbed.plan import EntrantPlan, Pairing, Plan
from benchbed.tuning.candidates import tuning_keys
from benchbed.tuning.scores import lower_median

FACTOR = 2.0
"""A rate is good if it needs at most this many times the calls of the best one."""


class Robustness(NamedTuple):
    """How much of the shared learning-rate grid serves an optimizer."""

    decades: float
    """Decades of good rates, see `good_decades`; NaN where no target says what is good."""
    share_diverged: float
    """Share of the trials on the grid, in [0, 1], that diverged; NaN where no learning rate was tuned."""


UNKNOWN = Robustness(math.nan, math.nan)


def robustness_of(
    plan: Plan, pairings: Iterable[Pairing], tuning: pd.DataFrame
) -> dict[tuple[str, str], Robustness]:
    """Give the robustness of every optimizer on every problem, by the labels of both.

    Only the grid that all optimizers share is looked at, never a decade by which one of them extended its own: so the
    numbers compare. What has no learning rate to tune, or lacks a trial on that grid, is left out.
    """
    if "tuned" not in plan.tracks:
        return {}
    grouped = dict(iter(tuning.groupby(["problem", "optimizer"], sort=False)))
    found = {
        labels: _robustness(plan, pairing, entrant, grouped.get(labels, tuning.iloc[:0]))
        for pairing in pairings
        for entrant in pairing.entrants
        if entrant.tunable and (labels := (pairing.problem.label, entrant.label))
    }
    return {labels: robustness for labels, robustness in found.items() if robustness is not None}


def good_decades(calls: np.ndarray, rates_per_decade: int) -> float:
    """Give the decades of good rates from `calls: [rates, seeds]` to the success target, +inf where not reached.

    A rate is good if its lower-median calls are at most twice those of the best rate. Every point of the grid stands
    for the 1 / `rates_per_decade` decades around it, so this is the number of good points times the spacing; 0 if no
    rate reaches the target in half of its trials. The good rates need not be neighbours: what is measured is how much
    of the axis works, a gap within it is not counted anyway, and with a few tuning seeds a single unlucky point must
    not throw away all that lies beyond it.
    """
    medians = np.array([lower_median(of_rate) for of_rate in calls])
    good = np.isfinite(medians) & (medians <= FACTOR * medians.min(initial=math.inf))
    return float(good.sum() / rates_per_decade)


def _robustness(plan: Plan, pairing: Pairing, entrant: EntrantPlan, rows: pd.DataFrame) -> Robustness | None:
    keys = [tuning_keys(plan, pairing, entrant, rate) for rate in plan.rates]
    if not set(rows["trial_key"]).issuperset(key for of_rate in keys for key in of_rate):
        return None
    status = dict(zip(rows["trial_key"], rows["status"], strict=True))
    # Of trials, not of rates: with few seeds it moves in smaller steps, and no majority is needed.
    diverged = float(np.mean([status[key] == TrialStatus.DIVERGED for of_rate in keys for key in of_rate]))
    if not pairing.problem.has_optimum:
        return Robustness(math.nan, diverged)
    reached = dict(zip(rows["trial_key"], rows["calls_to_target"], strict=True))
    position = success_position(pairing.problem.targets, pairing.problem.success_target)
    calls = np.array([[reached[key][position] for key in of_rate] for of_rate in keys], dtype=float)
    return Robustness(good_decades(calls, plan.rates_per_decade), diverged)
