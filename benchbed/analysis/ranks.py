"""Rank the optimizers of a track on each problem, and tell their mean ranks apart (protocol, rule 11).

Ranks are relative to the entrants: one more changes everybody's, and may reverse two of them. Scores do not do that.
Source: J. Demšar (2006), Statistical comparisons of classifiers over multiple data sets, Journal of Machine Learning
Research 7, section 3.2.2: Friedman's test, then Nemenyi's.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import comparable_scores
from benchbed.analysis.intervals import TIE
from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.interfaces import ALL_PROBLEMS

FEWEST_PROBLEMS = 24
"""Comparable problems below which mean ranks are not told apart."""
FEWEST_ENTRANTS = 3
"""Optimizers below which there is no Friedman test."""


class Ranking(NamedTuple):
    """The compared optimizers of a track by their mean rank over problems, 1 being the best."""

    optimizers: tuple[str, ...]
    """The best first."""
    mean_ranks: np.ndarray
    """`[optimizers]`, ascending."""
    problems: int
    p_value: float
    """Friedman's, of the hypothesis that all have one mean rank."""
    critical_difference: float
    """Nemenyi's: mean ranks that are at least this far apart are told apart, if Friedman's test rejects."""


def ranking(
    summary: pd.DataFrame, outcomes: pd.DataFrame, groups: pd.DataFrame, track: str
) -> Ranking | None:
    """Rank who is compared on all comparable problems of a track; None where there are too few of either.

    A problem is comparable if `groups` has anybody on it. As for the overall score, an optimizer that was skipped, saw
    the exact oracle or has no score on any of these problems is left out.
    """
    problems = _comparable_problems(groups, track)
    if len(problems) < FEWEST_PROBLEMS:
        return None
    trials = outcomes[["problem", "optimizer", "track", "seed", "score"]][outcomes["track"] == track]
    scores = comparable_scores(summary, trials, track, problems)
    if len(scores) < FEWEST_ENTRANTS:
        return None
    names = list(scores)
    ranks = ranks_of(np.array([[own.mean() for own in scores[name]] for name in names]).T)
    means = ranks.mean(axis=0)
    order = np.argsort(means, kind="stable")
    return Ranking(
        tuple(names[place] for place in order),
        means[order],
        len(problems),
        friedman_p(ranks),
        critical_difference(len(names), len(problems)),
    )


def ranks_of(scores: np.ndarray) -> np.ndarray:
    """Give the rank of each of `scores: [problems, optimizers]` on its problem, 1 for the highest.

    What is tied shares the mean of its ranks. Scores are tied if no step between neighbours from one to the other
    reaches `TIE`.
    """
    order = np.argsort(-scores, axis=1)
    steps = -np.diff(np.take_along_axis(scores, order, axis=1), axis=1) >= TIE
    places = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(steps, axis=1)], axis=1)
    levels = np.empty(scores.shape)
    np.put_along_axis(levels, order, places, axis=1)
    return pd.DataFrame(levels).rank(axis=1).to_numpy()


def friedman_p(ranks: np.ndarray) -> float:
    """Give the p value of Friedman's test of `ranks: [problems, optimizers]`, corrected for ties; 1 if all are tied."""
    if (ranks == ranks[:, :1]).all():
        return 1.0  # SciPy would divide 0 by 0
    from scipy import stats  # takes most of a second to import, for studies of many problems only

    return float(stats.friedmanchisquare(*ranks.T).pvalue)


def critical_difference(optimizers: int, problems: int) -> float:
    """Give q √(k (k + 1) / 6N), by which two of k mean ranks over N problems must differ to be told apart.

    q is the upper 5 % point of the studentized range with infinitely many degrees of freedom, over √2: of all pairs
    of k equal optimizers, any is told apart with a probability of about 5 %.
    """
    from scipy import stats  # as above

    q = float(stats.studentized_range.ppf(1 - SIGNIFICANT, optimizers, math.inf)) / math.sqrt(2)
    return q * math.sqrt(optimizers * (optimizers + 1) / (6 * problems))


def not_told_apart(ranking: Ranking) -> list[tuple[int, int]]:
    """Give the first and last place, in order, of every largest set of at least two that are not told apart.

    These are the sets whose mean ranks lie within less than the critical difference; all, if Friedman's test does not
    reject: only then are pairs looked at.
    """
    if ranking.p_value >= SIGNIFICANT:
        return [(0, len(ranking.optimizers) - 1)]
    return list(_widest(ranking.mean_ranks, ranking.critical_difference))


def _widest(values: np.ndarray, width: float) -> Iterator[tuple[int, int]]:
    """Give first and last place of each run of ascending `values` that spans less than `width` and fits in no other."""
    reached = 0
    for first, value in enumerate(values):
        last = int(np.sum(values - value < width)) - 1
        if last > max(first, reached):
            yield first, last
        reached = max(reached, last)


def _comparable_problems(groups: pd.DataFrame, track: str) -> list[str]:
    on_one = groups[(groups["track"] == track) & (groups["problem"] != ALL_PROBLEMS)]
    return [str(problem) for problem in dict.fromkeys(on_one["problem"])]
