"""Tell apart the optimizers of one table by their paired scores (protocol, rule 11)."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import special  # not `stats`, which takes most of a second to import

from benchbed.analysis.intervals import TIE, bootstrap_limits
from benchbed.checkpoints import ROUNDING

SIGNIFICANT = 0.05
"""Adjusted p below which two optimizers are told apart."""

Scores = Mapping[str, Sequence[np.ndarray]]
"""Each optimizer's scores: for every problem of the table `[seeds]`, paired by position. A single one where others
have several comes from a trial that does not depend on its seed, and stands for every seed."""


class Comparison(NamedTuple):
    """What tells one optimizer from another; what an exact comparison has no use for is NaN."""

    first: str
    second: str
    difference: float
    """Mean score of the first less that of the second."""
    low: float
    high: float
    p_value: float
    """Two-sided, of the paired t test; NaN for a single seed."""
    adjusted_p: float
    """By Holm, over the pairs of the table that have a p value."""
    win_share: float
    """Share of seeds on which the first scored higher, ties half, averaged over problems."""
    sign_p: float
    """Two-sided, of the exact sign test over all seeds of all problems but the ties."""
    is_exact: bool
    """Whether both are deterministic, and were compared directly."""
    is_apart: bool


class TTest(NamedTuple):
    """A t statistic for each pair, its degrees of freedom and its two-sided p value, each `[pairs]`."""

    statistic: np.ndarray
    degrees: np.ndarray
    p_value: np.ndarray


def compare(scores: Scores, positions: Mapping[str, np.ndarray] | None = None) -> list[Comparison]:
    """Compare every two optimizers of one table.

    `positions: [targets]` names the deterministic ones and says, for the targets of all problems in one row, at
    which checkpoint each was reached (`checkpoint_positions`). Two of these are compared directly: they are apart
    when they reach some target more than one checkpoint apart and do not tie in score.
    """
    names = list(scores)
    pairs = list(itertools.combinations(range(len(names)), 2))
    if not pairs:
        return []
    first, second = np.array(pairs).T
    problems = list(zip(*scores.values(), strict=True))
    differences = [_differences(of_problem, first, second) for of_problem in problems]
    distinct = [_distinct(of_problem, first, second) for of_problem in problems]
    wins_and_losses = [_count(differences, distinct, sign) for sign in (1, -1)]
    placed = [(positions or {}).get(name) for name in names]
    exact = np.array([placed[a] is not None and placed[b] is not None for a, b in pairs])
    means = _mean_over_problems(differences)
    p_values = np.where(exact, np.nan, paired_t_test(differences).p_value)
    adjusted = holm(p_values)
    directly = np.array([_reach_apart(placed[a], placed[b]) for a, b in pairs])
    columns = (
        means,
        *(np.where(exact, np.nan, limit) for limit in bootstrap_limits(differences)),
        p_values,
        adjusted,
        _win_shares(differences),
        np.where(exact, np.nan, sign_test(*wins_and_losses)),
        exact,
        (np.abs(means) >= TIE) & np.where(exact, directly, adjusted < SIGNIFICANT),
    )
    return [
        Comparison(names[a], names[b], *values)
        for (a, b), *values in zip(pairs, *(column.tolist() for column in columns), strict=True)
    ]


def groups(means: Mapping[str, float], comparisons: Sequence[Comparison]) -> list[tuple[str, ...]]:
    """Group by mean score: the best and all that are not told apart from it, then the same with the rest.

    Within a group the order is that of the scores. Two of one group may be apart, only none is from its best.
    """
    apart = {frozenset((pair.first, pair.second)) for pair in comparisons if pair.is_apart}
    rest = sorted(means, key=lambda name: -means[name])
    found = []
    while rest:
        group = tuple(name for name in rest if frozenset((rest[0], name)) not in apart)
        found.append(group)
        rest = [name for name in rest if name not in group]
    return found


def checkpoint_positions(calls: np.ndarray, checkpoints: np.ndarray) -> np.ndarray:
    """Give the place of the first checkpoint at or after each of `calls: [targets]`, counted from 0.

    `checkpoints: [checkpoints]` are the calls at which the problem is measured. A target that is not reached has the
    place after the last.
    """
    # Calls are sums of fractional prices, which rounding lifts above the checkpoint that they are meant to be.
    return np.asarray(np.searchsorted(checkpoints, calls * (1 - ROUNDING)))


def paired_t_test(differences: Sequence[np.ndarray]) -> TTest:
    """Test whether the mean over problems of the mean of each one's differences `[pairs, seeds]` is 0.

    Problems have seeds of their own, so the variances of their means add up; the degrees of freedom are Welch's and
    Satterthwaite's, and a problem on which all differences are equal adds none. For one problem this is
    `scipy.stats.ttest_1samp`, of which SciPy has no stratified form. Differences that are all equal have p = 0, or
    p = 1 if they are 0; a single seed has none (NaN).
    Source: B. L. Welch (1947), The generalization of "Student's" problem when several different population
    variances are involved.
    """
    mean = _mean_over_problems(differences)
    sampled = [of_problem for of_problem in differences if of_problem.shape[-1] > 1]
    if not sampled:
        nothing = np.full(mean.shape, np.nan)
        return TTest(nothing, nothing, nothing)
    variances = np.array(
        [np.var(of_problem, axis=-1, ddof=1) / of_problem.shape[-1] for of_problem in sampled]
    )
    fewer = np.array([[of_problem.shape[-1] - 1] for of_problem in sampled])
    total = variances.sum(axis=0)
    varies = total > 0
    shares = variances / np.where(varies, total, 1.0)
    degrees = 1 / np.where(varies, (shares**2 / fewer).sum(axis=0), 1.0)
    error = np.sqrt(np.where(varies, total, 1.0)) / len(differences)
    statistic = np.where(
        varies | np.isnan(mean), mean / error, np.where(mean == 0, 0.0, np.copysign(np.inf, mean))
    )
    return TTest(statistic, degrees, np.asarray(2 * special.stdtr(degrees, -np.abs(statistic))))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Adjust `p_values: [tests]` so that rejecting those below α errs in any of them with probability at most α.

    NaN stands for no test. SciPy adjusts only false discovery rates; statsmodels is no dependency for four lines.
    Source: S. Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    order = np.argsort(p_values)  # NaN last
    left = np.isfinite(p_values).sum() - np.arange(len(p_values))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(left * p_values[order]))
    return adjusted


def sign_test(wins: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Give the exact two-sided p value of each number of wins and losses; 1 without any.

    For even odds `scipy.stats.binomtest`, which takes one case at a time, is twice the binomial's smaller tail.
    """
    return np.asarray(np.minimum(1.0, 2 * special.bdtr(np.minimum(wins, losses), wins + losses, 0.5)))


def _differences(scores: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Give the paired differences `[pairs, seeds]` on one problem, ties as 0."""
    paired = np.array(np.broadcast_arrays(*scores))
    difference = paired[first] - paired[second]
    return np.asarray(np.where(np.abs(difference) < TIE, 0.0, difference))


def _distinct(scores: Sequence[np.ndarray], first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Say which differences `[pairs, seeds]` are there in their own right, not repeated for others' seeds' sake."""
    seeds = np.array([len(own) for own in scores])
    return np.asarray(np.arange(seeds.max()) < np.maximum(seeds[first], seeds[second])[:, None])


def _count(differences: Sequence[np.ndarray], distinct: Sequence[np.ndarray], sign: int) -> np.ndarray:
    """Count each pair's distinct differences of this sign on all problems."""
    signs = [(np.sign(one) == sign) & own for one, own in zip(differences, distinct, strict=True)]
    return np.asarray(np.sum([of_problem.sum(axis=-1) for of_problem in signs], axis=0))


def _win_shares(differences: Sequence[np.ndarray]) -> np.ndarray:
    return _mean_over_problems([(np.sign(of_problem) + 1) / 2 for of_problem in differences])


def _mean_over_problems(values: Sequence[np.ndarray]) -> np.ndarray:
    return np.asarray(np.mean([of_problem.mean(axis=-1) for of_problem in values], axis=0))


def _reach_apart(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    """Say whether some target is reached more than one checkpoint apart."""
    return first is not None and second is not None and bool((np.abs(first - second) > 1).any())
