"""Bound success rates, median calls and mean scores by 95 % intervals (protocol, rule 10)."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special  # not `stats`, which takes most of a second to import

TAIL = 0.025
"""Share of cases that may lie beyond each end of an interval."""
TIE = 1e-9  # protocol, rule 11
"""Scores that differ by less are equal."""
DRAWS = 2_000
"""Resamples of a bootstrap interval."""
RESAMPLING = 10
"""Seed of the resamples: with the number of seeds and the problem's position it fixes them, whoever takes part."""
ENOUGH_SEEDS = 20
"""Below this many seeds an interval is indicative."""
FEW = 3
"""If at least one and at most this many seeds differ from a value that all others share, likewise."""


class CallsInterval(NamedTuple):
    """Limits of the median calls, +inf where the target was not reached often enough, and the attained level.

    All are NaN where there is no interval.
    """

    low: float
    high: float
    level: float


class ScoreInterval(NamedTuple):
    """Limits of a mean score, NaN where nothing was resampled, and whether they may only be taken as a hint."""

    low: float
    high: float
    is_indicative: bool


def success_interval(successes: int, trials: int) -> tuple[float, float]:
    """Give Wilson's interval of a success rate, the rates p̂ for which |p̂ − p| is at most z √(p (1 − p) / n).

    NaN without trials. Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical
    inference.
    """
    if not trials:
        return math.nan, math.nan
    z, failures = float(special.ndtri(1 - TAIL)), trials - successes
    half = z * math.sqrt(successes * failures / trials + z**2 / 4)
    low, high = (successes + z**2 / 2 + sign * half for sign in (-1, 1))
    total = trials + z**2
    # All or none leave one limit at the rate itself, which rounding would miss.
    return low / total if successes else 0.0, high / total if failures else 1.0


def calls_interval(calls: np.ndarray) -> CallsInterval:
    """Give the interval of the median of `calls: [seeds]`, +inf where not reached; NaN below two seeds.

    Below 6 seeds no pair of ranks attains 95 %: the range is given, with the level that it does attain. That of a
    single seed attains the level 0, which is no interval.
    """
    if len(calls) < 2:
        return CallsInterval(math.nan, math.nan, math.nan)
    low, high, level = median_ranks(len(calls))
    ordered = np.sort(calls)
    return CallsInterval(float(ordered[low - 1]), float(ordered[high - 1]), level)


def median_ranks(n: int) -> tuple[int, int, float]:
    """Give the ranks, counted from 1, between which the median of n lies, and how often it does.

    How many of n values are at or below the median is binomial (n, ½): the ranks l and n + 1 − l bound it with
    probability P(l ≤ B ≤ n − l), exactly for continuous values and at least so for others. Source: H. A. David and
    H. N. Nagaraja (2003), Order Statistics, section 7.1.
    """
    below = special.bdtr(np.arange(n + 1), n, 0.5)  # P(B ≤ k)
    low = max(1, int(np.searchsorted(below, TAIL)))
    return low, n + 1 - low, float(below[n - low] - below[low - 1])


def score_interval(scores: np.ndarray) -> ScoreInterval:
    """Give the interval of the mean of `scores: [seeds]`; no interval (NaN) for one trial, which has no spread."""
    return overall_interval([scores])


def overall_interval(scores: Sequence[np.ndarray]) -> ScoreInterval:
    """Give the interval of the mean over problems of the mean of each one's scores `[seeds]`.

    A single trial beside problems with several stands for every seed and adds no spread. Indicative below 20
    seeds, or when on any problem all seeds but one, two or three share one value: how many such seeds there are
    in the long run is then hardly known. Where there is no interval there is nothing to be indicative.
    """
    low, high = bootstrap_limits(scores)
    resampled = [of_problem for of_problem in scores if len(of_problem) > 1]
    is_indicative = any(_is_indicative(of_problem) for of_problem in resampled)
    return ScoreInterval(float(low), float(high), is_indicative)


def bootstrap_limits(values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Give the limits `[...]` of the mean over problems of the mean over seeds of each one's `[..., seeds]`.

    The expanded percentile bootstrap: seeds are resampled within each problem, by the same draws for all leading
    dimensions and at every call; equal values have limits of no width. NaN if no problem has two seeds.
    Source: T. Hesterberg (2015), What teachers should know about the bootstrap (arXiv:1411.5279),
    the expanded percentile interval.
    Deviation: with several problems, n is the fewest seeds of any that has two; their spreads are pooled, so this
    is a little wide.
    """
    seeds = [of_problem.shape[-1] for of_problem in values if of_problem.shape[-1] > 1]
    if not seeds:
        nothing = np.full(values[0].shape[:-1], np.nan)
        return nothing, nothing
    means = np.mean(
        [_resampled_means(of_problem, position) for position, of_problem in enumerate(values)], axis=0
    )
    tail = expanded_tail(min(seeds))
    low, high = np.quantile(means, [tail, 1 - tail], axis=-1)
    return low, high


def expanded_tail(n: int) -> float:
    """Give Φ(√(n/(n−1)) · t_{n−1, .025}): a bootstrap of n values is too narrow by √((n−1)/n), and knows no t."""
    return float(special.ndtr(math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, TAIL)))


def _resampled_means(values: np.ndarray, position: int) -> np.ndarray:
    """Give the means `[..., draws]` of resampled `values: [..., seeds]`."""
    # Measured from the first value, equal ones have equal means to the bit. A product for each vector, instead of one
    # for all, leaves the last bit independent of what else is resampled.
    first = values[..., :1]
    return np.asarray(first + (_weights(values.shape[-1], position) @ (values - first)[..., None])[..., 0])


@lru_cache(maxsize=64)
def _weights(n: int, position: int) -> np.ndarray:
    """Give the share of each seed in each resample, `[draws, seeds]`."""
    generator = np.random.default_rng([RESAMPLING, n, position])
    weights = generator.multinomial(n, np.full(n, 1 / n), size=DRAWS) / n
    weights.flags.writeable = False
    return weights


def _is_indicative(scores: np.ndarray) -> bool:
    # The median is the shared value, if there is one: it belongs to all but three of at least 20.
    apart = int(np.sum(np.abs(scores - np.median(scores)) > TIE))
    return len(scores) < ENOUGH_SEEDS or 1 <= apart <= FEW
