"""Selection of a setting by its tuning trials (protocol, rule 7)."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchbed.tuning.outcomes import Outcome, lower_median


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
    best = _best_positions([outcomes[rate] for rate in rates])
    rate = rates[min(best, key=lambda position: (_decades(rates[position], middle), position))]
    has_edge = len(best) == 1 and len(rates) > 1
    return SelectedRate(rate, (rate == rates[-1]) - (rate == rates[0]) if has_edge else 0, len(best) > 1)


def choose_point(outcomes: Sequence[Sequence[Outcome]], rates: Sequence[float], middle: float) -> int:
    """Choose a point of a search space by the same rule; `rates` are the points' learning rates, NaN without one.

    The first of several points that tie in everything wins.
    """
    best = _best_positions(outcomes)
    return min(best, key=lambda position: (_decades(rates[position], middle), position))


def _best_positions(outcomes: Sequence[Sequence[Outcome]]) -> list[int]:
    """Return the positions of the settings with the highest mean score and, of these, the smallest median gap."""
    ranks = []
    for of_setting in outcomes:
        score = float(np.mean([outcome.score for outcome in of_setting]))
        gap = lower_median(np.array([outcome.gap for outcome in of_setting]))
        # Equal scores may have means that differ in the last bits; without an optimum only the gap counts.
        ranks.append((0.0 if math.isnan(score) else -round(score, 12), gap))
    best = min(ranks)
    return [position for position, rank in enumerate(ranks) if rank == best]


def _decades(rate: float, middle: float) -> float:
    """Return the distance of a rate from the middle, rounded since the rates of the grid have 12 digits."""
    return 0.0 if math.isnan(rate) else round(abs(math.log10(rate / middle)), 9)
