"""Choose a learning rate by the tuning trials (protocol, rule 7)."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.scores import lower_median


class Choice(NamedTuple):
    """The learning rate that won, and what must be said about it."""

    learning_rate: float
    on_edge: int
    """−1 or 1 if it won, clearly, at the lower or upper end of the grid; 0 otherwise."""


def choose_rate(tried: Mapping[float, Sequence[Outcome]], middle: float) -> Choice:
    """Choose among `tried`, a learning rate's outcomes on the tuning seeds.

    The highest mean score wins; equal scores: the smaller median final gap, non-finite last; then the rate nearest,
    in decades, to `middle`, the middle of the grid (the smaller of two as near). Such a last tie is no win on the edge.
    """
    merits = {rate: _merit(outcomes) for rate, outcomes in tried.items()}
    best = min(merits.values())
    winners = sorted(rate for rate, merit in merits.items() if merit == best)
    # The grid's rates are rounded to 12 digits: of two as near, the last digit must not decide.
    rate = min(winners, key=lambda winner: (round(abs(math.log10(winner / middle)), 9), winner))
    edge = (rate == max(tried)) - (rate == min(tried)) if len(winners) == 1 and len(tried) > 1 else 0
    return Choice(rate, edge)


def choose_point(tried: Sequence[Sequence[Outcome]], rates: Sequence[float], middle: float) -> int:
    """Choose among points of a search space, by the same rule; `rates` are their learning rates, NaN without one.

    Points that tie to the last are as good as each other: the first of them is chosen.
    """
    merits = [_merit(outcomes) for outcomes in tried]
    best = min(merits)
    winners = [position for position, merit in enumerate(merits) if merit == best]
    return min(winners, key=lambda position: (_decades(rates[position], middle), position))


def _decades(rate: float, middle: float) -> float:
    return 0.0 if math.isnan(rate) else round(abs(math.log10(rate / middle)), 9)


def _merit(outcomes: Sequence[Outcome]) -> tuple[float, float]:
    score = float(np.mean([outcome.score for outcome in outcomes]))
    median_gap = lower_median(np.array([outcome.gap for outcome in outcomes]))
    # Rounding in a mean of equal numbers must not decide; without an optimum only the gap counts.
    return (0.0 if math.isnan(score) else -round(score, 12), median_gap)
