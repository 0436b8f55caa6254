"""Rules that select a learning rate from tuning trials: the highest score, as in benchbed, and others."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchbed.tuning.outcomes import Outcome, lower_median
from benchbed.tuning.selection import choose_rate


class Trial(NamedTuple):
    """Outcome of a trial, and its calls to each target (+inf if not reached), the hardest target last."""

    outcome: Outcome
    calls: tuple[float, ...]


TuningTrials = Mapping[float, Sequence[Trial]]
"""The trials of each learning rate."""


def by_score(tuning: TuningTrials, middle: float) -> float:
    """Select the highest mean score, as benchbed does."""
    outcomes = {rate: [trial.outcome for trial in trials] for rate, trials in tuning.items()}
    return choose_rate(outcomes, middle).learning_rate


def by_calls(tuning: TuningTrials, middle: float) -> float:
    """Select the fewest median calls to the hardest target of the problem; for equal calls the smaller median gap."""
    return least({rate: (calls_of(trials, -1), gap_of(trials)) for rate, trials in tuning.items()}, middle)


def by_reached(tuning: TuningTrials, middle: float) -> float:
    """Select the fewest median calls to the hardest target that some rate reaches in half of its trials."""
    targets = range(len(next(iter(tuning.values()))[0].calls))
    reached = [at for at in targets if any(calls_of(trials, at) < math.inf for trials in tuning.values())]
    hardest = reached[-1] if reached else -1
    return least(
        {rate: (calls_of(trials, hardest), gap_of(trials)) for rate, trials in tuning.items()}, middle
    )


def by_gap(tuning: TuningTrials, middle: float) -> float:
    """Select the smallest median final gap; a gap that is not finite comes last."""
    return least({rate: (gap_of(trials),) for rate, trials in tuning.items()}, middle)


SelectionRule = Callable[[TuningTrials, float], float]
RULES: dict[str, SelectionRule] = {"score": by_score, "calls": by_calls, "reached": by_reached, "gap": by_gap}


def least(values: Mapping[float, tuple[float, ...]], middle: float) -> float:
    """Return the rate with the least value; among equal ones the closest to the middle in decades, then the smaller."""
    return min(values, key=lambda rate: (values[rate], round(abs(math.log10(rate / middle)), 9), rate))


def calls_of(trials: Sequence[Trial], target: int) -> float:
    """Compute the median calls to a target."""
    return lower_median(np.array([trial.calls[target] for trial in trials]))


def gap_of(trials: Sequence[Trial]) -> float:
    """Compute the median final gap."""
    return lower_median(np.array([trial.outcome.gap for trial in trials]))


def score_of(trials: Sequence[Trial]) -> float:
    """Compute the mean score."""
    return float(np.mean([trial.outcome.score for trial in trials]))
