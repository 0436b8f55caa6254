"""Selection of a setting by its tuning trials (protocol, rule 7)."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchbed.tuning.outcomes import Outcome


class SelectedRate(NamedTuple):
    """The learning rate that won."""

    learning_rate: float
    on_edge: int
    """−1 or 1 if it won without a tie at the lower or upper end of the grid; 0 otherwise."""
    is_tied: bool = False
    """Another rate is as good."""


def choose_rate(outcomes: Mapping[float, Sequence[Outcome]], middle: float) -> SelectedRate:
    """Choose a learning rate by the `outcomes` of its tuning trials, one a seed.

    The highest mean score wins; equal scores: the smaller median final gap, non-finite last; then the rate nearest,
    in decades, to `middle`, the middle of the grid (the smaller of two at the same distance). A winner of this last tie
    does not count as a winner on the edge.
    """
    rates = sorted(outcomes)
    # A rate beside the grid may have fewer seeds than the others.
    merits = [tuple(map(float, np.ravel(_merits(*scores_and_gaps([outcomes[rate]]))))) for rate in rates]
    best_merit = min(merits)
    best = [position for position, merit in enumerate(merits) if merit == best_merit]
    rate = rates[min(best, key=lambda position: (distance_from_middle(rates[position], middle), position))]
    has_edge = len(best) == 1 and len(rates) > 1
    return SelectedRate(rate, (rate == rates[-1]) - (rate == rates[0]) if has_edge else 0, len(best) > 1)


def rank_points(scores: np.ndarray, gaps: np.ndarray, distances: Sequence[float]) -> np.ndarray:
    """Rank the points of a search space by the same rule: their positions, the best one first.

    `scores` and `gaps` are `[points, seeds]`, and `distances` those of the learning rates from the middle of the grid.
    Of several points that tie in everything the first leads.
    """
    loss, gap = _merits(scores, gaps)
    return np.lexsort(np.array([distances, gap, loss]))  # the last key decides first, and the sort is stable


def scores_and_gaps(outcomes: Sequence[Sequence[Outcome]]) -> tuple[np.ndarray, np.ndarray]:
    """Return the scores and final gaps of settings with equally many seeds, each `[settings, seeds]`."""
    pairs = np.array([[(outcome.score, outcome.gap) for outcome in of_setting] for of_setting in outcomes])
    return pairs[..., 0], pairs[..., 1]


def distance_from_middle(rate: float, middle: float) -> float:
    """Return the distance in decades, rounded since the rates of the grid have 12 digits; 0 if `rate` is NaN."""
    return 0.0 if math.isnan(rate) else round(abs(math.log10(rate / middle)), 9)


def _merits(scores: np.ndarray, gaps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return minus the mean score and the lower median gap of each setting, from `[settings, seeds]`."""
    mean = scores.mean(axis=1)
    # Equal scores may have means that differ in the last bits; without an optimum only the gap counts.
    loss = np.where(np.isnan(mean), 0.0, -np.round(mean, 12))
    return loss, np.sort(gaps, axis=1)[:, (gaps.shape[1] - 1) // 2]
