"""Mean ranks, their tests and what they do not tell apart, against hand, table and brute force."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchbed.analysis.pairwise_tables import comparisons_of
from benchbed.analysis.ranks import (
    Ranking,
    critical_difference,
    friedman_p,
    insignificant_ranges,
    ranking,
    ranks_of,
)
from benchbed.interfaces import Note

DEMSAR = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
"""Table 5(a) of the paper, α = 0.05: the number of classifiers, and q."""


def ranked(scores, track="default", change=lambda problem, optimizer: {}):
    """Give what ranks `scores: {optimizer: [problems]}`, one seed each; `change` alters rows of the summary."""
    rows = [
        {
            "problem": f"p{number}",
            "optimizer": name,
            "track": track,
            "score": score,
            "skipped": 0,
            "notes": (),
        }
        for name, own in scores.items()
        for number, score in enumerate(own)
    ]
    outcomes = pd.DataFrame(rows).drop(columns=["skipped", "notes"]).assign(seed=0)
    summary = pd.DataFrame([row | change(row["problem"], row["optimizer"]) for row in rows])
    _, groups = comparisons_of(summary, outcomes, {})
    return ranking(summary, outcomes, groups, track)


def steady(problems, entrants="abcd"):
    """Give scores by which everyone has the same rank on every problem."""
    return {name: [0.9 - 0.1 * place] * problems for place, name in enumerate(entrants)}


def test_ranks_by_hand():
    """The highest score has rank 1; ties, and scores less than 10⁻⁹ apart, share the mean of their ranks."""
    scores = np.array(
        [[0.1, 0.3, 0.2, 0.4], [0.5, 0.5, 0.1, 0.7], [0.2, 0.2 + 5e-10, 0.2 - 2e-9, 0.0], [0.3] * 4]
    )
    expected = [[4, 2, 3, 1], [2.5, 2.5, 4, 1], [1.5, 1.5, 3, 4], [2.5] * 4]
    assert ranks_of(scores).tolist() == expected


def test_what_is_tied_with_a_tie_is_tied():
    """A rank has no room for three of which only the first and the last differ."""
    assert ranks_of(np.array([[0.5, 0.5 + 0.7e-9, 0.5 + 1.4e-9]])).tolist() == [[2, 2, 2]]


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_scipys(seed):
    """Of scores in hundredths, which tie often."""
    scores = np.random.default_rng(seed).integers(0, 8, size=(30, 6)) / 100
    assert (ranks_of(scores) == stats.rankdata(-scores, axis=1)).all()


@pytest.mark.parametrize("optimizers", DEMSAR)
@pytest.mark.parametrize("problems", [24, 30])
def test_the_critical_difference_has_the_q_of_the_papers_table(optimizers, problems):
    """Of its three decimals the last is off by up to 0.7, at k = 3 and 7."""
    q = critical_difference(optimizers, problems) / np.sqrt(optimizers * (optimizers + 1) / (6 * problems))
    assert q == pytest.approx(DEMSAR[optimizers], abs=8e-4)


def test_the_papers_example():
    """Four classifiers on 14 data sets: CD = 1.25."""
    assert round(critical_difference(4, 14), 2) == 1.25


def test_two_optimizers_have_the_normal_distributions_q():
    """The range of two normal values over √2 is the absolute value of one: q is 1.96 in closed form."""
    q = critical_difference(2, 25) / np.sqrt(1 / 25)
    assert q == pytest.approx(stats.norm.ppf(0.975), rel=1e-9)


@pytest.mark.parametrize("seed", range(3))
def test_friedmans_p_is_that_of_the_papers_formula(seed):
    """Equation 4 for ranks without ties: 12 N / (k (k + 1)) · (Σ R² − k (k + 1)² / 4), χ² with k − 1 degrees."""
    scores = np.random.default_rng(seed).random((24, 5))
    scores[:, 0] += 0.3
    ranks = ranks_of(scores)
    statistic = 12 * 24 / 30 * (np.sum(ranks.mean(axis=0) ** 2) - 5 * 36 / 4)
    assert friedman_p(ranks) == pytest.approx(stats.chi2.sf(statistic, 4), rel=1e-9)


def test_nothing_speaks_against_equality_where_all_are_tied():
    """0 / 0 in the formula."""
    assert friedman_p(np.full((24, 3), 2.0)) == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_what_is_joined_is_every_largest_set_within_the_critical_difference(seed):
    """By trying every subset of up to eight entrants, some with equal ranks."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(3, 9))
    means = np.sort(generator.integers(10, 10 * count, size=count) / 10)
    width = float(generator.uniform(0.05, count / 2))
    near = [
        set(subset)
        for size in range(2, count + 1)
        for subset in itertools.combinations(range(count), size)
        if means[list(subset)].max() - means[list(subset)].min() < width
    ]
    largest = [subset for subset in near if not any(subset < other for other in near)]
    found = insignificant_ranges(Ranking(tuple("abcdefgh"[:count]), means, 24, 0.01, width))
    assert sorted(map(sorted, largest)) == [list(range(first, last + 1)) for first, last in found]


def test_ranks_a_whole_critical_difference_apart_are_told_apart():
    """ "At least by the critical difference", as the paper has it."""
    assert insignificant_ranges(Ranking(("a", "b", "c"), np.array([1.0, 2.0, 2.5]), 24, 0.01, 1.0)) == [
        (1, 2)
    ]


def test_nemenyis_test_follows_only_where_friedmans_rejects():
    """Else all are joined, however far apart."""
    apart = Ranking(("a", "b", "c"), np.array([1.5, 2.0, 2.5]), 24, 0.05, 0.3)
    assert insignificant_ranges(apart) == [(0, 2)]
    assert insignificant_ranges(apart._replace(p_value=0.049)) == []


def test_a_ranking_from_24_problems_up():
    """The best first, with everything that is said of it."""
    assert ranked(steady(23)) is None
    found = ranked(steady(24, "cadb"))
    assert found.optimizers == ("c", "a", "d", "b")
    assert found.mean_ranks.tolist() == [1, 2, 3, 4]
    assert (found.problems, found.critical_difference) == (24, critical_difference(4, 24))
    assert found.p_value == pytest.approx(stats.chi2.sf(72, 3))  # N (k − 1): the largest that there is


def test_two_entrants_have_no_ranking():
    """Friedman's test is of three or more."""
    assert ranked(steady(24, "ab")) is None
    assert ranked(steady(24, "abc")) is not None


@pytest.mark.parametrize("reason", [{"notes": (Note.NOTHING_TO_TUNE, Note.EXACT_ORACLE)}, {"skipped": 1}])
def test_who_is_not_compared_everywhere_has_no_rank_anywhere(reason):
    """As in the overall score; the others' ranks are as if it had not entered."""
    found = ranked(steady(24), change=lambda problem, name: reason if (problem, name) == ("p3", "a") else {})
    assert found.optimizers == ("b", "c", "d")
    assert found.mean_ranks.tolist() == [1, 2, 3]
    assert found.critical_difference == critical_difference(3, 24)


def test_a_problem_on_which_nobody_is_compared_does_not_count():
    """One without an optimum has no scores: it makes 25 problems 24, and 24 too few."""

    def without(problem, name):
        return {"score": np.nan} if problem == "p7" else {}

    assert ranked(steady(25), change=without).problems == 24
    assert ranked(steady(24), change=without) is None


def test_a_problem_on_which_anybody_is_compared_counts():
    """Who cannot be compared there is left out, be it all but one; the problem is not dropped for their sake."""

    def alone(problem, name):
        return {"skipped": 1} if problem == "p7" and name != "a" else {}

    assert ranked(steady(25), change=alone) is None


def test_another_track_has_no_say():
    """Tracks are ranked each on its own."""
    assert ranked(steady(24), track="tuned").optimizers == ("a", "b", "c", "d")


def test_one_entrant_more_reverses_two_others():
    """Of 24 problems a wins 13 and b wins 11; c, which comes between them in those 11, puts b ahead."""
    a, b, c = np.array([[3.0] * 13 + [1.0] * 11, [2.0] * 13 + [3.0] * 11, [1.0] * 13 + [2.0] * 11])
    few, many = ranks_of(np.array([a, b]).T).mean(axis=0), ranks_of(np.array([a, b, c]).T).mean(axis=0)
    assert few[0] < few[1]
    assert many[0] > many[1]
