"""Optimizers are told apart where they differ, and only there."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbed.analysis.intervals import score_interval
from benchbed.analysis.pairwise_tests import (
    Comparison,
    checkpoint_positions,
    compare,
    group_by_significance,
    holm,
    paired_t_test,
    sign_test,
)
from benchbed.tuning.scores import trial_scores

# Neither the clock nor chance decides: the examples are the same at every run.
UNTIMED = settings(deadline=None, derandomize=True)

BUDGET = 1000
SEEDS = 20
ENTRANTS = 7
TARGET_CALLS = np.geomspace(10, 100, 8)
"""Calls to eight targets of a trial of the median speed."""


def study(generator, speedup=1.0, ratio_sd=0.0, seed_sd=0.5, paired=True):
    """Simulate the scores of seven entrants on one problem, all alike but for the first, which is faster."""
    shape = (1 if paired else ENTRANTS, SEEDS)
    slowness = seed_sd * generator.normal(size=shape)
    slowness = slowness + ratio_sd / math.sqrt(2) * generator.normal(size=(ENTRANTS, SEEDS))
    slowness[0] -= math.log(speedup)
    calls = np.maximum(1.0, TARGET_CALLS * np.exp(slowness)[..., None])
    return {str(entrant): [scores] for entrant, scores in enumerate(trial_scores(calls, BUDGET))}


def pair(first, second, is_apart):
    """Give a comparison of which only the verdict matters."""
    nothing = [math.nan] * 7
    return Comparison(first, second, *nothing, is_exact=False, is_apart=is_apart)


def test_one_problem_is_compared_by_the_paired_t_test():
    """Statistic, degrees of freedom and p are SciPy's."""
    first, second = np.random.default_rng(1).random((2, SEEDS))
    ours, theirs = paired_t_test([(first - second)[None]]), stats.ttest_rel(first, second)
    assert ours.statistic[0] == pytest.approx(theirs.statistic, rel=1e-12)
    assert ours.degrees[0] == pytest.approx(theirs.df, rel=1e-12)
    assert ours.p_value[0] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_two_problems_are_compared_as_welch_compares_two_samples():
    """The mean of x and of −y is 0 if x and y have one mean: Welch's test, whatever the numbers of seeds."""
    generator = np.random.default_rng(2)
    x, y = generator.normal(0.3, 1, size=20), generator.normal(0, 3, size=7)
    ours, theirs = paired_t_test([x[None], -y[None]]), stats.ttest_ind(x, y, equal_var=False)
    assert ours.statistic[0] == pytest.approx(theirs.statistic, rel=1e-12)
    assert ours.degrees[0] == pytest.approx(theirs.df, rel=1e-12)
    assert ours.p_value[0] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_a_problem_without_spread_shifts_the_mean_and_adds_no_degrees_of_freedom():
    """Beside equal differences the test is that of the other problem's, with the mean that both have."""
    differences = np.random.default_rng(3).normal(size=SEEDS)
    ours = paired_t_test([differences[None], np.full((1, SEEDS), 0.25)])
    theirs = stats.ttest_1samp(differences + 0.25, 0)
    assert ours.degrees[0] == pytest.approx(theirs.df, rel=1e-12)
    assert ours.p_value[0] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_holm_by_hand():
    """Four p values, adjusted with pencil and paper: 0.01·4, 0.02·3, 0.03·2 kept at 0.06, 0.5·1."""
    assert holm(np.array([0.03, 0.01, 0.5, 0.02])) == pytest.approx([0.06, 0.04, 0.5, 0.06])


@UNTIMED
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """A hypothesis falls with the last of all the intersections it is part of."""
    every = range(len(p_values))
    subsets = [subset for size in every for subset in itertools.combinations(every, size + 1)]
    expected = [
        max(
            min(1.0, len(subset) * min(p_values[k] for k in subset))
            for subset in subsets
            if hypothesis in subset
        )
        for hypothesis in every
    ]
    assert holm(np.array(p_values)) == pytest.approx(expected, abs=1e-15)


def test_holm_does_not_count_a_pair_without_a_test():
    """NaN stays, and the others are adjusted as if alone."""
    adjusted = holm(np.array([0.02, math.nan, 0.01]))
    assert adjusted == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)


def test_wins_are_counted_with_half_of_the_ties():
    """Three wins, a loss and two ties of six; on two problems the mean of both shares."""
    first, lost = np.array([0.1, 0.2, 0.3, -0.1, 0.0, 0.0]), np.full(6, -1.0)
    assert compare({"a": [first], "b": [np.zeros(6)]})[0].win_share == pytest.approx(4 / 6)
    assert compare({"a": [first, lost], "b": [np.zeros(6)] * 2})[0].win_share == pytest.approx(2 / 6)


def test_the_sign_test_is_the_exact_binomial_test():
    """As SciPy has it for one case at a time, and 1 where nothing was won or lost."""
    wins, losses = np.array([(won, n - won) for n in range(1, 41) for won in range(n + 1)]).T
    expected = [stats.binomtest(won, won + lost).pvalue for won, lost in zip(wins, losses, strict=True)]
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-12)
    assert sign_test(np.array([0]), np.array([0])) == [1.0]


def test_the_signs_of_all_problems_are_tested_and_ties_are_not():
    """Nine wins and a loss: 2 · (1 + 10) / 2¹⁰."""
    first = [np.array([1.0] * 6 + [0.0] * 3), np.array([1.0] * 3 + [-1.0])]
    (found,) = compare({"a": first, "b": [np.zeros(9), np.zeros(4)]})
    assert found.sign_p == pytest.approx(22 / 1024, rel=1e-12)


def test_a_comparison_says_how_far_the_first_is_ahead():
    """The difference of the means, with the interval of the paired differences."""
    first, second = np.random.default_rng(4).random((2, SEEDS))
    (found,) = compare({"a": [first], "b": [second]})
    assert found.difference == pytest.approx(first.mean() - second.mean(), abs=1e-15)
    assert (found.low, found.high) == pytest.approx(score_interval(first - second)[:2], abs=1e-12)


def test_the_p_values_of_a_table_are_adjusted_over_its_pairs():
    """Three entrants make three pairs, in order."""
    scores = {
        name: [row] for name, row in zip("abc", np.random.default_rng(5).random((3, SEEDS)), strict=True)
    }
    found = compare(scores)
    assert [(one.first, one.second) for one in found] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert [one.adjusted_p for one in found] == list(holm(np.array([one.p_value for one in found])))
    assert [one.p_value for one in found] == pytest.approx(
        [stats.ttest_rel(scores[a][0], scores[b][0]).pvalue for a, b in ("ab", "ac", "bc")], rel=1e-9
    )


def test_a_single_entrant_has_nothing_to_be_compared_with():
    """No pair, and a group of one."""
    assert compare({"a": [np.ones(SEEDS)]}) == []
    assert group_by_significance({"a": 1.0}, []) == [("a",)]


def test_the_same_rule_under_two_names_ties_in_every_study():
    """All differences are 0: p = 1 to the bit, half of the wins, no width, in 100 of 100 studies."""
    generator = np.random.default_rng(6)
    for _ in range(100):
        scores = study(generator, ratio_sd=0.3)["0"]
        (found,) = compare({"a": scores, "b": [scores[0].copy()]})
        assert found == Comparison(
            "a", "b", 0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 1.0, is_exact=False, is_apart=False
        )


def test_rounding_is_a_tie():
    """Differences below 1e-9, however regular, tell nothing apart."""
    scores = np.random.default_rng(7).random(SEEDS)
    (found,) = compare({"a": [scores], "b": [scores + 1e-12]})
    assert (found.difference, found.p_value, found.win_share) == (0.0, 1.0, 0.5)


def test_equal_differences_tell_apart():
    """A lead that every seed confirms to the last digit has p = 0."""
    (found,) = compare({"a": [np.zeros(SEEDS)], "b": [np.full(SEEDS, 0.5)]})
    assert (found.difference, found.low, found.high, found.p_value) == (-0.5, -0.5, -0.5, 0.0)
    assert found.is_apart


def test_a_single_seed_tells_nothing_apart():
    """There is a difference, and neither an interval nor a p value."""
    (found,) = compare({"a": [np.array([0.9])], "b": [np.array([0.1])]})
    assert found.difference == pytest.approx(0.8)
    assert np.isnan([found.low, found.high, found.p_value, found.adjusted_p]).all()
    assert not found.is_apart


def test_missing_scores_are_no_test_and_weigh_on_no_other():
    """NaN, from a problem without an optimum, gives no p value, and the pairs that have one are adjusted alone."""
    first, second = np.random.default_rng(13).random((2, SEEDS))
    found = compare({"a": [first], "b": [second], "c": [np.full(SEEDS, np.nan)]})
    assert found[0] == compare({"a": [first], "b": [second]})[0]
    assert np.isnan([found[1].p_value, found[1].adjusted_p, found[1].low]).all()
    assert not found[1].is_apart


def test_a_trial_that_does_not_depend_on_its_seed_stands_for_every_seed():
    """Compared with twenty seeds it is the same as twenty equal trials."""
    seeds = np.random.default_rng(8).random(SEEDS)
    once = compare({"a": [seeds], "b": [np.array([0.5])]})
    assert once == compare({"a": [seeds], "b": [np.full(SEEDS, 0.5)]})


def test_other_entrants_seeds_do_not_repeat_a_single_trial():
    """Two single trials are one sign, though a third entrant has twenty on that problem."""
    noisy = np.random.default_rng(9).random((3, SEEDS))
    scores = {
        "a": [noisy[0], np.array([0.9])],
        "b": [noisy[0], np.array([0.1])],
        "c": [noisy[1], noisy[2]],
    }
    assert compare(scores)[0].sign_p == 1.0


def test_unpaired_numbers_of_seeds_are_refused():
    """Twenty seeds cannot be paired with nineteen."""
    with pytest.raises(ValueError, match="shape mismatch"):
        compare({"a": [np.zeros(20)], "b": [np.zeros(19)]})


@pytest.mark.parametrize(("moved", "is_apart"), [(0, False), (1, False), (2, True)])
def test_two_deterministic_rows_are_apart_beyond_one_checkpoint(moved, is_apart):
    """Compared directly: no interval, no p, and a verdict from where each target was reached."""
    positions = {"a": np.array([5, 9, 30]), "b": np.array([5, 9, 30 + moved])}
    (found,) = compare({"a": [np.array([0.6])], "b": [np.array([0.6 - moved / 100])]}, positions)
    assert found.is_exact
    assert found.is_apart is is_apart
    assert np.isnan([found.low, found.high, found.p_value, found.adjusted_p, found.sign_p]).all()


def test_deterministic_rows_of_one_score_tie_wherever_they_reach_their_targets():
    """Early on one target and late on another: neither is better."""
    positions = {"a": np.array([5, 20]), "b": np.array([8, 17])}
    (found,) = compare({"a": [np.array([0.6])], "b": [np.array([0.6])]}, positions)
    assert not found.is_apart


def test_an_exact_comparison_is_no_test_to_adjust_for():
    """Of three pairs one is exact: the others are adjusted as two."""
    seeds = np.random.default_rng(10).random(SEEDS)
    scores = {"a": [np.array([0.6])], "b": [np.array([0.7])], "c": [seeds]}
    found = compare(scores, {"a": np.array([9]), "b": np.array([3])})
    assert [one.is_exact for one in found] == [True, False, False]
    smaller = min(found[1:], key=lambda one: one.p_value)
    assert smaller.adjusted_p == pytest.approx(min(1.0, 2 * smaller.p_value))


def test_positions_are_those_of_the_first_checkpoint_at_or_after_the_calls():
    """Never is the place after the last."""
    calls = np.array([1.0, 2.5, 4.0, math.inf])
    assert checkpoint_positions(calls, np.array([1, 2, 3, 4])).tolist() == [0, 2, 3, 4]


def test_rounding_moves_no_position():
    """Nine steps of 4/3 calls are twelve, whatever their sum in floating point."""
    steps = np.cumsum(np.full(30, 4 / 3))
    at_twelve = steps[8:9] * np.array([1 - 1e-15, 1, 1 + 4e-16])
    assert checkpoint_positions(at_twelve, np.arange(1, 41)).tolist() == [11, 11, 11]


def test_groups_are_the_best_and_all_that_are_not_apart_from_it():
    """Then the same with the rest: c ties with b, but b is not the best."""
    means = {"c": 0.5, "a": 0.9, "d": 0.1, "b": 0.8}
    apart = {("a", "c"), ("a", "d"), ("c", "d")}
    pairs = [pair(a, b, (a, b) in apart) for a, b in itertools.combinations("abcd", 2)]
    assert group_by_significance(means, pairs) == [("a", "b"), ("c",), ("d",)]


def test_all_tied_is_one_group():
    """In the order of the scores, equal ones in that of the table."""
    pairs = [pair(a, b, False) for a, b in itertools.combinations("abc", 2)]
    assert group_by_significance({"a": 0.5, "b": 0.6, "c": 0.5}, pairs) == [("b", "a", "c")]


def test_a_third_fewer_calls_are_told_apart():
    """Calls divided by 1.3, paired log-ratio sd 0.2, seeds' sd 0.5: in at least 90 of 100 studies of 7 entrants.

    The noncentral t test at 0.05 / 21 has a power of 98 %.
    """
    generator = np.random.default_rng(11)
    studies = [compare(study(generator, speedup=1.3, ratio_sd=0.2)) for _ in range(100)]
    assert sum(found[0].is_apart for found in studies) >= 90


def test_one_rule_on_different_seeds_is_seldom_told_apart():
    """Any pair of 7 entrants, in at most 65 of 1000 studies: 2.2 standard errors above Holm's bound of 50."""
    generator = np.random.default_rng(12)
    studies = [compare(study(generator, paired=False)) for _ in range(1000)]
    assert sum(any(one.is_apart for one in found) for found in studies) <= 65
