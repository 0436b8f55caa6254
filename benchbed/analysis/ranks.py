"""Mean ranks of the optimizers of a track, and the significance of their differences (protocol, rule 11).

Ranks are relative to the entrants: an additional entrant changes all ranks, and may reverse two of them. Scores do not
have this property.
Source: J. Demšar (2006), Statistical comparisons of classifiers over multiple data sets, Journal of Machine Learning
Research 7, section 3.2.2: Friedman's test, then Nemenyi's.
"""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import comparable_values
from benchbed.analysis.intervals import TIE
from benchbed.analysis.pairwise_tests import SIGNIFICANT

FEWEST_PROBLEMS = 24
"""With fewer comparable problems mean ranks are not tested."""
FEWEST_ENTRANTS = 3
"""Friedman's test needs at least this many optimizers."""


class Ranking(NamedTuple):
    """The compared optimizers of a track by their mean rank over problems, where 1 is the best."""

    optimizers: tuple[str, ...]
    """The best first."""
    mean_ranks: np.ndarray
    """`[optimizers]`, ascending."""
    problems: int
    p_value: float
    """Of Friedman's test of the hypothesis that all optimizers have one mean rank."""
    critical_difference: float
    """Nemenyi's: mean ranks that differ by at least this much differ significantly, if Friedman's test rejects."""


def ranking(
    summary: pd.DataFrame, outcomes: pd.DataFrame, groups: pd.DataFrame, track: str
) -> Ranking | None:
    """Rank the optimizers that are compared on all comparable problems of a track; None if there are too few.

    A problem is comparable if `groups` has a row of its scores. As for the overall score, an optimizer that was
    skipped, used the exact oracle or has no score on any of these problems is left out.
    """
    of_scores = groups[(groups["track"] == track) & (groups["measure"] == "score")]
    planned = dict.fromkeys(summary["problem"])
    problems = [str(problem) for problem in planned if problem in set(of_scores["problem"])]
    if len(problems) < FEWEST_PROBLEMS:
        return None
    trials = outcomes[["problem", "optimizer", "track", "seed", "score"]][outcomes["track"] == track]
    scores = comparable_values(summary, trials, track, problems)
    if len(scores) < FEWEST_ENTRANTS:
        return None
    names = list(scores)
    ranks = ranks_of(np.array([[vector.mean() for vector in scores[name]] for name in names]).T)
    mean_ranks = ranks.mean(axis=0)
    order = np.argsort(mean_ranks, kind="stable")
    return Ranking(
        tuple(names[index] for index in order),
        mean_ranks[order],
        len(problems),
        friedman_p(ranks),
        critical_difference(len(names), len(problems)),
    )


def ranks_of(scores: np.ndarray) -> np.ndarray:
    """Compute the rank of each of `scores: [problems, optimizers]` on its problem, 1 for the highest.

    Tied scores share the mean of their ranks. Two scores tie if all differences of neighbours between them, in the
    order of the scores, are below `TIE`.
    """
    order = np.argsort(-scores, axis=1)
    is_lower = -np.diff(np.take_along_axis(scores, order, axis=1), axis=1) >= TIE
    sorted_levels = np.concatenate([np.zeros((len(scores), 1)), np.cumsum(is_lower, axis=1)], axis=1)
    levels = np.empty(scores.shape)
    np.put_along_axis(levels, order, sorted_levels, axis=1)
    return pd.DataFrame(levels).rank(axis=1).to_numpy()


def friedman_p(ranks: np.ndarray) -> float:
    """Compute the p value of Friedman's test, corrected for ties, of `ranks: [problems, optimizers]`; 1 if all tie."""
    if (ranks == ranks[:, :1]).all():
        return 1.0  # SciPy would divide 0 by 0
    from scipy import stats  # takes most of a second to import, and only studies of many problems need it

    return float(stats.friedmanchisquare(*ranks.T).pvalue)


def critical_difference(optimizers: int, problems: int) -> float:
    """Compute Nemenyi's critical difference q √(k (k + 1) / 6N) of k mean ranks over N problems.

    q is the upper 5 % point of the studentized range with infinitely many degrees of freedom, over √2: the probability
    that any two of k equal optimizers differ significantly is about 5 %.
    """
    from scipy import stats  # as above

    q = float(stats.studentized_range.ppf(1 - SIGNIFICANT, optimizers, math.inf)) / math.sqrt(2)
    return q * math.sqrt(optimizers * (optimizers + 1) / (6 * problems))


def insignificant_ranges(ranking: Ranking) -> list[tuple[int, int]]:
    """Return first and last position of every largest set of at least two that do not differ significantly.

    These are the sets whose mean ranks differ by less than the critical difference; all optimizers are one set if
    Friedman's test does not reject, since pairs are tested only after it.
    """
    if ranking.p_value >= SIGNIFICANT:
        return [(0, len(ranking.optimizers) - 1)]
    ranges: list[tuple[int, int]] = []
    for first, mean_rank in enumerate(ranking.mean_ranks):
        last = int(np.sum(ranking.mean_ranks - mean_rank < ranking.critical_difference)) - 1
        if last > first and (not ranges or last > ranges[-1][1]):  # not contained in the range before
            ranges.append((first, last))
    return ranges
