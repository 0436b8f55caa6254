"""Paired tests of the optimizers of one table (protocol, rule 11)."""

import itertools
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from scipy import special  # importing `stats` takes most of a second

from benchbed.analysis.intervals import DRAWS, TIE, bootstrap_limits
from benchbed.analysis.strata import IndependentSample, Sampling, samples_of
from benchbed.checkpoints import ROUNDING

SIGNIFICANT = 0.05
"""Two optimizers are significantly different if the adjusted p is below this level."""
POWER = 0.8
"""Share of repetitions in which a noticeable difference is significant."""

Scores = Mapping[str, Sequence[np.ndarray]]
"""Each optimizer's scores: for every problem of the table `[seeds]`, paired by position. A single score where others
have several comes from a trial that does not depend on its seed, and represents every seed."""


class Comparison(NamedTuple):
    """Comparison of two optimizers; values that a direct comparison does not have are NaN."""

    first: str
    second: str
    difference: float
    """Mean score of the first minus that of the second."""
    low: float
    high: float
    p_value: float
    """Two-sided, of the paired t test; NaN for a single seed."""
    adjusted_p: float
    """Adjusted by Holm's method over the pairs of the table that have a p value."""
    win_share: float
    """Share of seeds on which the first has the higher score, ties counted half, averaged over problems."""
    sign_p: float
    """Two-sided, of the exact sign test over all seeds of all problems except the ties."""
    is_exact: bool
    """Whether both are deterministic, and were compared directly."""
    is_apart: bool
    """Whether they are significantly different or, if compared directly, different."""


def compare(
    scores: Scores,
    positions: Mapping[str, np.ndarray] = MappingProxyType({}),
    samplings: Sequence[Sampling] = (),
    shifts: Mapping[str, np.ndarray] = MappingProxyType({}),
    tuning_seeds: int = 1,
    with_intervals: bool = True,
    pairs: Sequence[tuple[str, str]] | None = None,
) -> list[Comparison]:
    """Compare `pairs` of optimizers of one table, by default all.

    `samplings` are those of its problems, see `samples_of`, and `shifts` those of the mean scores of the optimizers
    whose settings were chosen on `tuning_seeds` seeds, see `selection_shifts`. Intervals take most of the time.

    `positions: [targets]` contains, for each deterministic optimizer, the checkpoints at which it reaches the targets
    of all problems (`checkpoint_positions`). Two deterministic optimizers are compared directly: they are different if
    they reach some target more than one checkpoint apart and their scores do not tie.
    """
    pairs = list(itertools.combinations(scores, 2)) if pairs is None else pairs
    if not pairs:
        return []
    position = {name: index for index, name in enumerate(scores)}
    first, second = np.array([(position[a], position[b]) for a, b in pairs]).T
    problems = list(zip(*scores.values(), strict=True))
    differences, distinct = [], []
    for of_problem in problems:
        paired = np.array(np.broadcast_arrays(*of_problem))  # [optimizers, seeds]
        difference = paired[first] - paired[second]
        # A single score is repeated for the seeds of others; the repetitions of two single scores do not count.
        seeds = np.array([len(vector) for vector in of_problem])
        distinct.append(np.arange(seeds.max()) < np.maximum(seeds[first], seeds[second])[:, None])
        differences.append(np.where(np.abs(difference) < TIE, 0.0, difference))  # [pairs, seeds]
    samples = samples_of(differences, samplings)
    wins, losses = _wins_and_losses(samples, samples_of(distinct, samplings))
    is_exact = np.array([a in positions and b in positions for a, b in pairs])
    is_different = [
        exact and bool((np.abs(positions[a] - positions[b]) > 1).any())
        for (a, b), exact in zip(pairs, is_exact, strict=True)
    ]
    means = _mean_over_problems(differences)
    of_names = {name: np.broadcast_to(shifts.get(name, 0.0), DRAWS) for name in scores}
    selection = Selection(np.array([of_names[a] - of_names[b] for a, b in pairs]), tuning_seeds)
    p_values = np.where(is_exact, np.nan, paired_t_test(samples, selection))
    adjusted = holm(p_values)
    limits = bootstrap_limits(samples, selection.shifts) if with_intervals else np.full((2, 1), np.nan)
    columns = (
        means,
        *(np.where(is_exact, np.nan, limit) for limit in limits),
        p_values,
        adjusted,
        _mean_over_problems([(np.sign(of_problem) + 1) / 2 for of_problem in differences]),
        np.where(is_exact, np.nan, sign_test(wins, losses)),
        is_exact,
        (np.abs(means) >= TIE) & np.where(is_exact, is_different, adjusted < SIGNIFICANT),
    )
    return [
        Comparison(a, b, *values)
        for (a, b), *values in zip(pairs, *(column.tolist() for column in columns), strict=True)
    ]


def _wins_and_losses(
    samples: Sequence[IndependentSample], distinct: Sequence[IndependentSample]
) -> tuple[np.ndarray, np.ndarray]:
    """Count the seeds of all samples, without repetitions of single scores, on which the first or second is better."""
    signs = [
        np.where(is_distinct.values > 0, np.sign(sample.values), 0)
        for sample, is_distinct in zip(samples, distinct, strict=True)
    ]
    wins, losses = (
        np.sum([(of_sample == sign).sum(axis=-1) for of_sample in signs], axis=0) for sign in (1, -1)
    )
    return wins, losses


def group_by_significance(
    means: Mapping[str, float], comparisons: Sequence[Comparison]
) -> list[tuple[str, ...]]:
    """Group optimizers by mean score: the best and all that do not differ significantly from it, then the rest.

    Within a group the order is that of the scores. Two optimizers of a group may differ significantly from each other,
    but none does from the best of the group.
    """
    significant = {frozenset((pair.first, pair.second)) for pair in comparisons if pair.is_apart}
    remaining = sorted(means, key=lambda name: -means[name])
    groups = []
    while remaining:
        group = tuple(name for name in remaining if frozenset((remaining[0], name)) not in significant)
        groups.append(group)
        remaining = [name for name in remaining if name not in group]
    return groups


def checkpoint_positions(calls: np.ndarray, checkpoints: np.ndarray) -> np.ndarray:
    """Return the position, from 0, of the first checkpoint at or after each of `calls: [targets]`.

    `checkpoints: [checkpoints]` are the calls at which the problem is measured. A target that is not reached has the
    position after the last checkpoint.
    """
    # Calls are sums of fractional prices, which rounding errors may move just above the checkpoint that they equal.
    return np.asarray(np.searchsorted(checkpoints, calls * (1 - ROUNDING)))


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


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust `p_values: [tests]` so that rejecting those below α has a familywise error rate of at most α.

    NaN means no test. SciPy adjusts only false discovery rates; four lines do not justify a dependency on statsmodels.
    Source: S. Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p_values)  # NaN last
    hypotheses_left = np.isfinite(p_values).sum() - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(hypotheses_left * p_values[order]))
    return adjusted


def sign_test(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Compute the exact two-sided p value of each number of wins and losses; 1 without any.

    For even odds `scipy.stats.binomtest`, which takes one case at a time, is twice the smaller tail of the binomial.
    """
    return np.asarray(np.minimum(1.0, 2 * special.bdtr(np.minimum(wins, losses), wins + losses, 0.5)))


def _mean_over_problems(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean([of_problem.mean(axis=-1) for of_problem in values], axis=0))
