"""Mean ranks and their tests, compared with calculations by hand, a table and brute force."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchbed.analysis.pairwise_tables import ComparedProblem, ComparedStudy, comparisons_of
from benchbed.analysis.ranks import (
    Ranking,
    critical_difference,
    friedman_p,
    insignificant_ranges,
    ranking,
    ranks_of,
)
from benchbed.analysis.strata import Sampling
from benchbed.interfaces import Note

DEMSAR = {2: 1.960, 3: 2.343, 4: 2.569, 5: 2.728, 6: 2.850, 7: 2.949, 8: 3.031, 9: 3.102, 10: 3.164}
"""Table 5(a) of the paper, α = 0.05: the number of classifiers, and q."""


def ranked(scores, track="default", change=lambda problem, optimizer: {}):
    """Rank `scores: {optimizer: [problems]}`, one seed each; `change` replaces values in rows of the summary."""
    rows = [
        {
            "problem": f"p{number}",
            "optimizer": name,
            "track": track,
            "score": score,
            "skipped": 0,
            "notes": (),
        }
        for name, of_problems in scores.items()
        for number, score in enumerate(of_problems)
    ]
    outcomes = pd.DataFrame(rows).drop(columns=["skipped", "notes"]).assign(seed=0, objective=1.0)
    summary = pd.DataFrame([row | change(row["problem"], row["optimizer"]) for row in rows])
    summary["objective"] = 1.0
    problems = {p: ComparedProblem(np.arange(2), Sampling(p)) for p in summary["problem"]}
    _, groups = comparisons_of(ComparedStudy(summary, outcomes, problems))
    return ranking(summary, outcomes, groups, track)


def steady(problems, entrants="abcd"):
    """Return scores with the same ranks on every problem."""
    return {name: [0.9 - 0.1 * rank] * problems for rank, name in enumerate(entrants)}


def test_ranks_by_hand():
    """The highest score has rank 1; ties, and scores less than 10⁻⁹ apart, share the mean of their ranks."""
    scores = np.array(
        [[0.1, 0.3, 0.2, 0.4], [0.5, 0.5, 0.1, 0.7], [0.2, 0.2 + 5e-10, 0.2 - 2e-9, 0.0], [0.3] * 4]
    )
    expected = [[4, 2, 3, 1], [2.5, 2.5, 4, 1], [1.5, 1.5, 3, 4], [2.5] * 4]
    assert ranks_of(scores).tolist() == expected


def test_ties_are_transitive():
    """Three scores of which only the first and the last differ share one rank."""
    assert ranks_of(np.array([[0.5, 0.5 + 0.7e-9, 0.5 + 1.4e-9]])).tolist() == [[2, 2, 2]]


@pytest.mark.parametrize("seed", range(5))
def test_ranks_are_scipys(seed):
    """The scores are hundredths, which often tie."""
    scores = np.random.default_rng(seed).integers(0, 8, size=(30, 6)) / 100
    assert (ranks_of(scores) == stats.rankdata(-scores, axis=1)).all()


@pytest.mark.parametrize("optimizers", DEMSAR)
@pytest.mark.parametrize("problems", [24, 30])
def test_the_critical_difference_has_the_q_of_the_papers_table(optimizers, problems):
    """The table has three decimals, of which the last is wrong by up to 0.7 at k = 3 and 7."""
    q = critical_difference(optimizers, problems) / np.sqrt(optimizers * (optimizers + 1) / (6 * problems))
    assert q == pytest.approx(DEMSAR[optimizers], abs=8e-4)


def test_the_papers_example():
    """Four classifiers on 14 data sets: CD = 1.25."""
    assert round(critical_difference(4, 14), 2) == 1.25


def test_two_optimizers_have_the_normal_distributions_q():
    """The range of two normal values over √2 is the absolute value of one: q is the normal quantile 1.96."""
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


def test_the_p_value_is_1_if_all_ranks_tie():
    """The formula would be 0 / 0."""
    assert friedman_p(np.full((24, 3), 2.0)) == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_ranges_are_the_largest_sets_within_the_critical_difference(seed):
    """All subsets of up to eight entrants, some with equal ranks, are tried."""
    generator = np.random.default_rng(seed)
    count = int(generator.integers(3, 9))
    means = np.sort(generator.integers(10, 10 * count, size=count) / 10)
    width = float(generator.uniform(0.05, count / 2))
    close = [
        set(subset)
        for size in range(2, count + 1)
        for subset in itertools.combinations(range(count), size)
        if means[list(subset)].max() - means[list(subset)].min() < width
    ]
    largest = [subset for subset in close if not any(subset < superset for superset in close)]
    ranges = insignificant_ranges(Ranking(tuple("abcdefgh"[:count]), means, 24, 0.01, width))
    assert sorted(map(sorted, largest)) == [list(range(first, last + 1)) for first, last in ranges]


def test_ranks_that_differ_by_the_critical_difference_differ_significantly():
    """The paper says "at least by the critical difference"."""
    assert insignificant_ranges(Ranking(("a", "b", "c"), np.array([1.0, 2.0, 2.5]), 24, 0.01, 1.0)) == [
        (1, 2)
    ]


def test_nemenyis_test_follows_only_if_friedmans_rejects():
    """Otherwise all are one range, for any differences."""
    result = Ranking(("a", "b", "c"), np.array([1.5, 2.0, 2.5]), 24, 0.05, 0.3)
    assert insignificant_ranges(result) == [(0, 2)]
    assert insignificant_ranges(result._replace(p_value=0.049)) == []


def test_a_ranking_needs_24_problems():
    """It contains the best optimizer first."""
    assert ranked(steady(23)) is None
    result = ranked(steady(24, "cadb"))
    assert result.optimizers == ("c", "a", "d", "b")
    assert result.mean_ranks.tolist() == [1, 2, 3, 4]
    assert (result.problems, result.critical_difference) == (24, critical_difference(4, 24))
    assert result.p_value == pytest.approx(stats.chi2.sf(72, 3))  # N (k − 1), the largest value


def test_two_entrants_have_no_ranking():
    """Friedman's test needs three or more."""
    assert ranked(steady(24, "ab")) is None
    assert ranked(steady(24, "abc")) is not None


@pytest.mark.parametrize("reason", [{"notes": (Note.NOTHING_TO_TUNE, Note.EXACT_ORACLE)}, {"skipped": 1}])
def test_an_optimizer_that_is_not_compared_on_a_problem_has_no_rank(reason):
    """The ranks of the others are those without it."""
    result = ranked(steady(24), change=lambda problem, name: reason if (problem, name) == ("p3", "a") else {})
    assert result.optimizers == ("b", "c", "d")
    assert result.mean_ranks.tolist() == [1, 2, 3]
    assert result.critical_difference == critical_difference(3, 24)


def test_a_problem_without_compared_optimizers_does_not_count():
    """A problem without an optimum has no scores: it reduces 25 problems to 24, and 24 to too few."""

    def without(problem, name):
        return {"score": np.nan} if problem == "p7" else {}

    assert ranked(steady(25), change=without).problems == 24
    assert ranked(steady(24), change=without) is None


def test_a_problem_with_one_compared_optimizer_counts():
    """The other optimizers are left out, even if they are all but one; the problem is not."""

    def alone(problem, name):
        return {"skipped": 1} if problem == "p7" and name != "a" else {}

    assert ranked(steady(25), change=alone) is None


def test_each_track_is_ranked_separately():
    """The name of the track does not matter."""
    assert ranked(steady(24), track="tuned").optimizers == ("a", "b", "c", "d")


def test_an_additional_entrant_reverses_two_others():
    """Of 24 problems a wins 13 and b wins 11; c, which is between them on those 11, puts b ahead."""
    a, b, c = np.array([[3.0] * 13 + [1.0] * 11, [2.0] * 13 + [3.0] * 11, [1.0] * 13 + [2.0] * 11])
    without_c, with_c = (ranks_of(np.array(scores).T).mean(axis=0) for scores in ([a, b], [a, b, c]))
    assert without_c[0] < without_c[1]
    assert with_c[0] > with_c[1]
