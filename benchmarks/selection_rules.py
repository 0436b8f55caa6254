"""Choose a learning rate from tuning trials: by the mean score, as benchbed does, and by other rules."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.scores import lower_median
from benchbed.tuning.selection import choose_rate


class Trial(NamedTuple):
    """A trial's ending, and its calls to each target, +inf where not reached, the hardest last."""

    outcome: Outcome
    calls: tuple[float, ...]


Tried = Mapping[float, Sequence[Trial]]
"""The trials of each learning rate."""


def by_score(tuning: Tried, middle: float) -> float:
    """Choose as benchbed does."""
    tried = {rate: [trial.outcome for trial in trials] for rate, trials in tuning.items()}
    return choose_rate(tried, middle).learning_rate


def by_calls(tuning: Tried, middle: float) -> float:
    """Choose the fewest median calls to the hardest target of the problem; equal calls: the smaller median gap."""
    return least({rate: (calls_of(trials, -1), gap_of(trials)) for rate, trials in tuning.items()}, middle)


def by_reached(tuning: Tried, middle: float) -> float:
    """Choose the fewest median calls to the hardest target that any rate reaches in half of its trials."""
    targets = range(len(next(iter(tuning.values()))[0].calls))
    reached = [at for at in targets if any(calls_of(trials, at) < math.inf for trials in tuning.values())]
    hardest = reached[-1] if reached else -1
    return least(
        {rate: (calls_of(trials, hardest), gap_of(trials)) for rate, trials in tuning.items()}, middle
    )


def by_gap(tuning: Tried, middle: float) -> float:
    """Choose the smallest median final gap, non-finite last."""
    return least({rate: (gap_of(trials),) for rate, trials in tuning.items()}, middle)


Rule = Callable[[Tried, float], float]
RULES: dict[str, Rule] = {"score": by_score, "calls": by_calls, "reached": by_reached, "gap": by_gap}


def least(merits: Mapping[float, tuple[float, ...]], middle: float) -> float:
    """Give the rate of least merit; among equal ones that nearest in decades to the middle, then the smaller."""
    return min(merits, key=lambda rate: (merits[rate], round(abs(math.log10(rate / middle)), 9), rate))


def calls_of(trials: Sequence[Trial], target: int) -> float:
    """Give the median calls to a target."""
    return lower_median(np.array([trial.calls[target] for trial in trials]))


def gap_of(trials: Sequence[Trial]) -> float:
    """Give the median final gap."""
    return lower_median(np.array([trial.outcome.gap for trial in trials]))


def score_of(trials: Sequence[Trial]) -> float:
    """Give the mean score."""
    return float(np.mean([trial.outcome.score for trial in trials]))
