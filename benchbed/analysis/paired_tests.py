"""Paired tests of the scores of many pairs of optimizers, within bounded memory (protocol, rule 11)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import special  # importing `stats` takes most of a second

from benchbed.analysis.intervals import DRAWS, TIE, bootstrap_limits, limits_of_means, resampled_means
from benchbed.analysis.strata import IndependentSample, Sampling, samples_of

POWER = 0.8
"""Share of repetitions in which a noticeable difference is significant."""
_MANY_SEEDS = 100
"""With more seeds, resampling the difference of each pair would take most of the time of a study."""
_MOST_NUMBERS = 4_000_000
"""Numbers in one array of a comparison."""


class Selection(NamedTuple):
    """Shifts of differences by the choice of settings, `[pairs, DRAWS]`, and the number of seeds that chose them."""

    shifts: np.ndarray
    tuning_seeds: int


class StandardError(NamedTuple):
    """Standard errors of means of differences, `[pairs]`, and their degrees of freedom."""

    error: np.ndarray
    degrees: np.ndarray


def standard_error(samples: Sequence[IndependentSample], selection: Selection | None = None) -> StandardError:
    """Compute the standard error of the weighted sum of the means of `samples: [pairs, seeds]`.

    The samples are independent, so the variances of their means add up; the degrees of freedom are those of Welch and
    Satterthwaite, and a sample of which all differences are equal adds none. NaN without a sample of two seeds. The
    mean square of the shifts of `selection` is one more variance, with the degrees of freedom of the tuning seeds.
    Source: B. L. Welch (1947), The generalization of "Student's" problem when several different population
    variances are involved.
    """
    sampled = [sample for sample in samples if sample.values.shape[-1] > 1]
    if not sampled:
        return StandardError(*np.full((2, *samples[0].values.shape[:-1]), np.nan))
    terms = [weight**2 * np.var(values, axis=-1, ddof=1) / values.shape[-1] for values, weight in sampled]
    seeds = [values.shape[-1] for values, _ in sampled]
    if selection is not None:
        terms.append(np.square(selection.shifts).mean(axis=-1))
        # A single seed chooses the same setting in every resample.
        seeds.append(max(2, selection.tuning_seeds))
    variances, degrees_of_sample = np.array(terms), np.array(seeds)[:, None] - 1
    total = variances.sum(axis=0)
    shares = variances / np.where(total > 0, total, 1.0)
    degrees = 1 / np.where(total > 0, (shares**2 / degrees_of_sample).sum(axis=0), 1.0)
    return StandardError(np.sqrt(total), degrees)


def paired_t_test(samples: Sequence[IndependentSample], selection: Selection | None = None) -> np.ndarray:
    """Compute the p value `[pairs]` that the weighted sum of the means of `samples: [pairs, seeds]` is 0.

    For one sample this is `scipy.stats.ttest_1samp`; SciPy has no stratified form. Differences that are all equal have
    p = 0, or p = 1 if they are 0; the p value of a single seed is NaN. `selection` adds to the variance, see
    `standard_error`.
    """
    means = [values.mean(axis=-1) for values, _ in samples]
    mean = np.average(means, axis=0, weights=[weight for _, weight in samples])
    error, degrees = standard_error(samples, selection)
    varies = (error > 0) | np.isnan(mean)
    statistic = np.where(
        varies,
        mean / np.where(varies, error, 1.0),
        np.where(mean == 0, 0.0, np.copysign(np.inf, mean)),
    )
    p_values = 2 * special.stdtr(degrees, -np.abs(statistic))
    return np.where(np.isnan(error), np.nan, p_values)


def noticeable_difference(
    samples: Sequence[IndependentSample], level: float, selection: Selection | None = None
) -> np.ndarray:
    """Compute the smallest difference `[pairs]` that a two-sided test at `level` notices in 80 % of repetitions.

    It is (t₁₋level/₂ + t.₈) times the standard error, the usual approximation of the noncentral t distribution; NaN if
    all differences are equal, which does not show how much others would vary.
    Source: J. Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, section 2.4.
    """
    error, degrees = standard_error(samples, selection)
    quantiles = special.stdtrit(degrees, 1 - level / 2) + special.stdtrit(degrees, POWER)
    return np.where(error > TIE, quantiles * error, np.nan)


def sign_test(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Compute the exact two-sided p value of each number of wins and losses; 1 without any.

    For even odds `scipy.stats.binomtest`, which takes one case at a time, is twice the smaller tail of the binomial.
    """
    return np.asarray(np.minimum(1.0, 2 * special.bdtr(np.minimum(wins, losses), wins + losses, 0.5)))


class PairedScores:
    """The scores of a table, of which some pairs of optimizers are compared at a time, within bounded memory."""

    def __init__(self, problems: Sequence[Sequence[np.ndarray]], samplings: Sequence[Sampling]) -> None:
        """`problems` contain the scores `[seeds]` of each optimizer, or a single one that represents every seed."""
        self._samplings = samplings
        # Of each problem `[optimizers, seeds]`.
        self._scores = [np.array(np.broadcast_arrays(*vectors)) for vectors in problems]
        self._seeds = [np.array([len(vector) for vector in vectors]) for vectors in problems]
        self._resampled: list[np.ndarray] | None = None
        """With many seeds: the resampled means of each optimizer, of each sample `[optimizers, DRAWS]`."""

    @property
    def pairs_at_once(self) -> int:
        """Pairs that are compared at a time."""
        numbers_of_pair = max(DRAWS, *(int(scores.shape[1]) for scores in self._scores))
        return max(1, _MOST_NUMBERS // numbers_of_pair)

    def compare(
        self, first: np.ndarray, second: np.ndarray, selection: Selection, with_intervals: bool
    ) -> np.ndarray:
        """Return mean difference, limits, p value, share of wins and p value of the sign test: `[6, pairs]`."""
        differences, distinct = [], []
        for scores, seeds in zip(self._scores, self._seeds, strict=True):
            difference = scores[first] - scores[second]
            # A single score is repeated for the seeds of others; the repetitions of two single scores do not count.
            distinct.append(np.arange(seeds.max()) < np.maximum(seeds[first], seeds[second])[:, None])
            differences.append(np.where(np.abs(difference) < TIE, 0.0, difference))  # [pairs, seeds]
        samples = samples_of(differences, self._samplings)
        signs = [
            np.where(is_distinct.values > 0, np.sign(sample.values), 0)
            for sample, is_distinct in zip(samples, samples_of(distinct, self._samplings), strict=True)
        ]
        wins, losses = (np.sum([(each == sign).sum(axis=-1) for each in signs], axis=0) for sign in (1, -1))
        limits = np.full((2, len(first)), np.nan)
        if with_intervals:
            limits = np.array(self._limits(first, second, samples, selection.shifts))
        return np.array(
            [
                _mean_over_problems(differences),
                *limits,
                paired_t_test(samples, selection),
                _mean_over_problems([(np.sign(of_problem) + 1) / 2 for of_problem in differences]),
                sign_test(wins, losses),
            ]
        )

    def _limits(
        self,
        first: np.ndarray,
        second: np.ndarray,
        samples: Sequence[IndependentSample],
        shifts: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        seeds = [sample.values.shape[-1] for sample in samples]
        if max(seeds) <= _MANY_SEEDS or min(seeds) < 2:
            return bootstrap_limits(samples, shifts)
        # The resampled mean of a difference is the difference of resampled means, of which there are fewer.
        if self._resampled is None:
            of_optimizers = samples_of(self._scores, self._samplings)
            self._resampled = [
                resampled_means(values, position) for position, (values, _) in enumerate(of_optimizers)
            ]
        # Differences that are all 0 after rounding have limits of zero width, as with fewer seeds.
        means = [
            np.where(sample.values.any(axis=-1, keepdims=True), resampled[first] - resampled[second], 0.0)
            for sample, resampled in zip(samples, self._resampled, strict=True)
        ]
        return limits_of_means(means, [sample.weight for sample in samples], min(seeds), shifts)


def _mean_over_problems(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean([of_problem.mean(axis=-1) for of_problem in values], axis=0))
