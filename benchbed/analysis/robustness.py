"""Robustness of an optimizer to its learning rate (protocol, rule 9)."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.summary import success_position
from benchbed.interfaces import TrialStatus
from benchbed.plan import EntrantPlan
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scores import lower_median

FACTOR = 2.0
"""A rate is good if it needs at most this many times the calls of the best one."""


class Robustness(NamedTuple):
    """Share of the shared learning-rate grid on which an optimizer works."""

    decades: float
    """Decades of good rates, see `good_decades`; NaN without a target that defines good rates."""
    share_diverged: float
    """Share of the trials on the grid, in [0, 1], that diverged; NaN where no learning rate was tuned."""


UNKNOWN = Robustness(math.nan, math.nan)


def robustness_of(states: Iterable[PairingState], tuning: pd.DataFrame) -> dict[tuple[str, str], Robustness]:
    """Compute the robustness of every optimizer on every problem, by the labels of problem and optimizer.

    Only the grid that all optimizers share counts, without its extensions for single optimizers, so that the numbers
    are comparable. An optimizer is left out if it has no learning rate to tune, or lacks a trial on that grid.
    """
    grouped = dict(iter(tuning.groupby(["problem", "optimizer"], sort=False)))
    robustness = {}
    for state in states:
        for entrant in state.pairing.entrants:
            labels = (state.pairing.problem.label, entrant.label)
            if entrant.tunable and "tuned" in state.plan.tracks:
                trials = grouped.get(labels, tuning.iloc[:0])
                if (on_grid := _on_shared_grid(state, entrant, trials)) is not None:
                    robustness[labels] = on_grid
    return robustness


def good_decades(calls: np.ndarray, rates_per_decade: int) -> float:
    """Compute the decades of good rates from `calls: [rates, seeds]` to the success target, +inf where not reached.

    A rate is good if its lower-median calls are at most twice those of the best rate. Every point of the grid
    represents the 1 / `rates_per_decade` decades around it, so the result is the number of good points times the
    spacing; 0 if no rate reaches the target in half of its trials. The good rates need not be neighbours: the result
    measures how much of the axis works, and with a few tuning seeds a single unlucky point must not discard all good
    points beyond it.
    """
    medians = np.array([lower_median(of_rate) for of_rate in calls])
    is_good = np.isfinite(medians) & (medians <= FACTOR * medians.min(initial=math.inf))
    return float(is_good.sum() / rates_per_decade)


def _on_shared_grid(state: PairingState, entrant: EntrantPlan, trials: pd.DataFrame) -> Robustness | None:
    plan, problem = state.plan, state.pairing.problem
    keys = [state.trial_keys(entrant, entrant.at(rate), "tuning") for rate in plan.rates]
    if not set(trials["trial_key"]).issuperset(key for of_rate in keys for key in of_rate):
        return None
    status = dict(zip(trials["trial_key"], trials["status"], strict=True))
    # The share of trials, not of rates: it has smaller steps with few seeds, and needs no majority of seeds.
    diverged = float(np.mean([status[key] == TrialStatus.DIVERGED for of_rate in keys for key in of_rate]))
    if not problem.has_optimum:
        return Robustness(math.nan, diverged)
    calls_to_target = dict(zip(trials["trial_key"], trials["calls_to_target"], strict=True))
    position = success_position(problem.targets, problem.success_target)
    calls = np.array([[calls_to_target[key][position] for key in of_rate] for of_rate in keys], dtype=float)
    return Robustness(good_decades(calls, plan.rates_per_decade), diverged)
