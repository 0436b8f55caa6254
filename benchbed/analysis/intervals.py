"""Intervals of 95 % of success rates, median calls and mean scores (protocol, rule 10)."""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import special  # importing `stats` takes most of a second

from benchbed.analysis.strata import IndependentSample, Sampling, samples_of

TAIL = 0.025
"""Share of cases beyond each end of an interval."""
TIE = 1e-9
"""Scores that differ by less are equal (protocol, rule 11)."""
DRAWS = 2_000
"""Resamples of a bootstrap interval."""
RESAMPLING = 10
"""Seed of the resamples, which depend on it, the number of seeds and the position of the problem only."""
ENOUGH_SEEDS = 20
"""Below this many seeds an interval is indicative."""
_MOST_NUMBERS = 1 << 22
"""Numbers of a block of resamples: as floats, all resamples of many seeds would take gigabytes."""
FEW = 3
"""An interval is indicative too if at least one and at most this many seeds differ from the value of all others."""


class MedianInterval(NamedTuple):
    """Limits of a median, +inf where too many values are, and the attained level.

    All are NaN if there is no interval.
    """

    low: float
    high: float
    level: float


class ScoreInterval(NamedTuple):
    """Limits of a mean score, NaN if there was nothing to resample, and whether they are indicative only."""

    low: float
    high: float
    is_indicative: bool


def success_interval(successes: int, trials: int) -> tuple[float, float]:
    """Compute Wilson's interval of a success rate p̂: the rates p with |p̂ − p| ≤ z √(p (1 − p) / n).

    NaN without trials. Source: E. B. Wilson (1927), Probable inference, the law of succession, and statistical
    inference.
    """
    if not trials:
        return math.nan, math.nan
    z, failures = float(special.ndtri(1 - TAIL)), trials - successes
    half_width = z * math.sqrt(successes * failures / trials + z**2 / 4)
    low, high = (successes + z**2 / 2 + sign * half_width for sign in (-1, 1))
    total = trials + z**2
    # If none or all succeed, one limit is exactly 0 or 1, which rounding would miss.
    return low / total if successes else 0.0, high / total if failures else 1.0


def median_interval(values: np.ndarray) -> MedianInterval:
    """Compute the interval of the median of `values: [seeds]`, which may be +inf; NaN below two seeds.

    Below 6 seeds no pair of ranks attains 95 %: the interval is the range, with the level that it attains. The range
    of a single seed attains level 0, which is not an interval.
    """
    if len(values) < 2:
        return MedianInterval(math.nan, math.nan, math.nan)
    low, high, level = median_ranks(len(values))
    ordered = np.sort(values)
    return MedianInterval(float(ordered[low - 1]), float(ordered[high - 1]), level)


def median_ranks(n: int) -> tuple[int, int, float]:
    """Compute the ranks, counted from 1, that bound the median of n values, and the level of this interval.

    The number B of values at or below the median is binomial (n, ½): the ranks l and n + 1 − l bound the median with
    probability P(l ≤ B ≤ n − l), exactly for continuous values and with at least this probability for others.
    Source: H. A. David and H. N. Nagaraja (2003), Order Statistics, section 7.1.
    """
    below = special.bdtr(np.arange(n + 1), n, 0.5)  # P(B ≤ k)
    low = max(1, int(np.searchsorted(below, TAIL)))
    return low, n + 1 - low, float(below[n - low] - below[low - 1])


def overall_interval(
    scores: Sequence[np.ndarray], samplings: Sequence[Sampling] = (), shift: np.ndarray | None = None
) -> ScoreInterval:
    """Compute the interval of the mean over problems of the mean of each problem's scores `[seeds]`.

    A single trial beside problems with several represents every seed and adds no variance. The interval is indicative
    below 20 seeds, or if on any problem one, two or three seeds differ from the value that all others share: then the
    frequency of such seeds is hardly known. Without an interval it is not indicative.
    """
    low, high = bootstrap_limits(samples_of(scores, samplings), shift)
    is_indicative = False
    for of_problem in scores:
        if len(of_problem) > 1:
            # The median is the shared value, if there is one: all but three of at least 20 seeds have it.
            different = int(np.sum(np.abs(of_problem - np.median(of_problem)) > TIE))
            is_indicative |= len(of_problem) < ENOUGH_SEEDS or 1 <= different <= FEW
    low, high = np.clip([low, high], 0.0, 1.0)  # a shift may leave the range of scores
    return ScoreInterval(float(low), float(high), is_indicative)


def bootstrap_limits(
    samples: Sequence[IndependentSample], shift: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the limits `[...]` of the weighted sum of the means of `samples`, each `[..., seeds]`.

    The expanded percentile bootstrap: seeds are resampled within each sample, with the same draws for all leading
    dimensions and in every call; equal values have limits of zero width. NaN if no sample has two seeds.
    `shift: [..., DRAWS]` is added to the resampled means, see `selection_shifts`.
    Source: T. Hesterberg (2015), What teachers should know about the bootstrap (arXiv:1411.5279),
    the expanded percentile interval.
    Deviation: with several samples, n is the smallest number of seeds of those with two or more; their variances are
    pooled, so the interval is slightly wide.
    """
    seeds = [sample.values.shape[-1] for sample in samples if sample.values.shape[-1] > 1]
    if not seeds:
        undefined = np.full(samples[0].values.shape[:-1], np.nan)
        return undefined, undefined
    means = [resampled_means(values, position) for position, (values, _) in enumerate(samples)]
    return limits_of_means(means, [sample.weight for sample in samples], min(seeds), shift)


def resampled_means(values: np.ndarray, position: int) -> np.ndarray:
    """Return the means of each resample of `values: [..., seeds]` of the sample at a position: `[..., DRAWS]`.

    Relative to the first value, equal values have means that are equal to the bit. One product for each vector,
    instead of one for all, makes the last bit independent of the other vectors.
    """
    first, seeds = values[..., :1], values.shape[-1]
    centered = (values - first)[..., None]
    counts, draws = _counts(seeds, position), max(1, _MOST_NUMBERS // seeds)
    blocks = [(counts[start : start + draws] / seeds) @ centered for start in range(0, DRAWS, draws)]
    products = np.concatenate(blocks, axis=-2)
    return np.asarray(first + products[..., 0])


def limits_of_means(
    means: Sequence[np.ndarray], weights: Sequence[float], seeds: int, shift: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the limits `[...]` of the weighted sum of resampled means, each `[..., DRAWS]`; see `bootstrap_limits`.

    `seeds` is the smallest number of seeds of a sample.
    """
    tail = expanded_tail(seeds)
    mean = np.average(means, axis=0, weights=weights)
    mean = mean if shift is None else mean + shift
    low, high = np.quantile(mean, [tail, 1 - tail], axis=-1)
    return low, high


def expanded_tail(n: int) -> float:
    """Compute the tail probability Φ(√(n/(n−1)) · t_{n−1, .025}) of the expanded percentile interval.

    It corrects the bootstrap of n values, which is too narrow by the factor √((n−1)/n) and uses the normal
    distribution instead of Student's.
    """
    return float(special.ndtr(math.sqrt(n / (n - 1)) * special.stdtrit(n - 1, TAIL)))


@lru_cache(maxsize=64)
def _counts(seeds: int, position: int) -> np.ndarray:
    """Return how often each resample contains each seed, `[draws, seeds]`: by their law, never 256 times."""
    generator = np.random.default_rng([RESAMPLING, seeds, position])
    counts = np.empty((DRAWS, seeds), dtype=np.uint8)
    draws = max(1, _MOST_NUMBERS // seeds)
    for start in range(0, DRAWS, draws):
        block = counts[start : start + draws]
        block[:] = generator.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(block))
    return counts
