"""Optimizers differ significantly if, and only if, there is evidence for it."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchbed.analysis.intervals import bootstrap_limits
from benchbed.analysis.paired_tests import noticeable_difference, paired_t_test, sign_test
from benchbed.analysis.pairwise_tests import (
    Comparison,
    checkpoint_positions,
    compare,
    group_by_significance,
    holm,
)
from benchbed.analysis.strata import samples_of
from benchbed.tuning.outcomes import trial_scores

# The examples are the same in every run, without a time limit.
UNTIMED = settings(deadline=None, derandomize=True)

BUDGET = 1000
SEEDS = 20
ENTRANTS = 7
TARGET_CALLS = np.geomspace(10, 100, 8)
"""Calls to eight targets of a trial of the median speed."""


def study(generator, speedup=1.0, ratio_sd=0.0, seed_sd=0.5, paired=True):
    """Simulate the scores of seven entrants on one problem, of which the first is faster than the equal others."""
    shape = (1 if paired else ENTRANTS, SEEDS)
    slowness = seed_sd * generator.normal(size=shape)
    slowness = slowness + ratio_sd / math.sqrt(2) * generator.normal(size=(ENTRANTS, SEEDS))
    slowness[0] -= math.log(speedup)
    calls = np.maximum(1.0, TARGET_CALLS * np.exp(slowness)[..., None])
    return {str(entrant): [scores] for entrant, scores in enumerate(trial_scores(calls, BUDGET))}


def pair(first, second, is_apart):
    """Return a comparison without numbers."""
    unknown = [math.nan] * 7
    return Comparison(first, second, *unknown, is_exact=False, is_apart=is_apart)


def test_one_problem_is_compared_by_the_paired_t_test():
    """The p value equals SciPy's."""
    first, second = np.random.default_rng(1).random((2, SEEDS))
    ours, theirs = paired_t_test(samples_of([(first - second)[None]])), stats.ttest_rel(first, second)
    assert ours[0] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_two_problems_are_compared_as_welch_compares_two_samples():
    """The mean of x and −y is 0 if x and y have one mean: this is Welch's test, for any numbers of seeds."""
    generator = np.random.default_rng(2)
    x, y = generator.normal(0.3, 1, size=20), generator.normal(0, 3, size=7)
    ours, theirs = paired_t_test(samples_of([x[None], -y[None]])), stats.ttest_ind(x, y, equal_var=False)
    assert ours[0] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_a_problem_without_variance_shifts_the_mean_and_adds_no_degrees_of_freedom():
    """Beside equal differences the test is that of the other problem, with the mean of both."""
    differences = np.random.default_rng(3).normal(size=SEEDS)
    ours = paired_t_test(samples_of([differences[None], np.full((1, SEEDS), 0.25)]))
    theirs = stats.ttest_1samp(differences + 0.25, 0)
    assert ours[0] == pytest.approx(theirs.pvalue, rel=1e-9)


def test_holm_by_hand():
    """Four p values: 0.01·4, 0.02·3, 0.03·2 and 0.5·1."""
    assert holm(np.array([0.03, 0.01, 0.5, 0.02])) == pytest.approx([0.06, 0.04, 0.5, 0.06])


@UNTIMED
@given(st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_holm_is_the_closed_test_of_bonferroni(p_values):
    """A hypothesis is rejected if all intersections that contain it are."""
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
    """NaN stays, and the other p values are adjusted without it."""
    adjusted = holm(np.array([0.02, math.nan, 0.01]))
    assert adjusted == pytest.approx([0.02, math.nan, 0.02], nan_ok=True)


def test_wins_are_counted_with_half_of_the_ties():
    """Three wins, a loss and two ties of six; on two problems the mean of their shares."""
    first, loser = np.array([0.1, 0.2, 0.3, -0.1, 0.0, 0.0]), np.full(6, -1.0)
    assert compare({"a": [first], "b": [np.zeros(6)]})[0].win_share == pytest.approx(4 / 6)
    assert compare({"a": [first, loser], "b": [np.zeros(6)] * 2})[0].win_share == pytest.approx(2 / 6)


def test_the_sign_test_is_the_exact_binomial_test():
    """It equals SciPy's, and is 1 without wins and losses."""
    wins, losses = np.array([(k, n - k) for n in range(1, 41) for k in range(n + 1)]).T
    expected = [stats.binomtest(k, k + m).pvalue for k, m in zip(wins, losses, strict=True)]
    assert sign_test(wins, losses) == pytest.approx(expected, rel=1e-12)
    assert sign_test(np.array([0]), np.array([0])) == [1.0]


def test_the_sign_test_uses_all_problems_and_no_ties():
    """Nine wins and a loss: 2 · (1 + 10) / 2¹⁰."""
    first = [np.array([1.0] * 6 + [0.0] * 3), np.array([1.0] * 3 + [-1.0])]
    (comparison,) = compare({"a": first, "b": [np.zeros(9), np.zeros(4)]})
    assert comparison.sign_p == pytest.approx(22 / 1024, rel=1e-12)


def test_a_comparison_contains_the_difference_of_the_means():
    """Its interval is that of the paired differences."""
    first, second = np.random.default_rng(4).random((2, SEEDS))
    (comparison,) = compare({"a": [first], "b": [second]})
    assert comparison.difference == pytest.approx(first.mean() - second.mean(), abs=1e-15)
    assert (comparison.low, comparison.high) == pytest.approx(
        bootstrap_limits(samples_of([first - second])), abs=1e-12
    )


def test_the_p_values_of_a_table_are_adjusted_over_its_pairs():
    """Three entrants have three pairs."""
    scores = {
        name: [row] for name, row in zip("abc", np.random.default_rng(5).random((3, SEEDS)), strict=True)
    }
    comparisons = compare(scores)
    assert [(comparison.first, comparison.second) for comparison in comparisons] == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    assert [comparison.adjusted_p for comparison in comparisons] == list(
        holm(np.array([comparison.p_value for comparison in comparisons]))
    )
    assert [comparison.p_value for comparison in comparisons] == pytest.approx(
        [stats.ttest_rel(scores[a][0], scores[b][0]).pvalue for a, b in ("ab", "ac", "bc")], rel=1e-9
    )


def test_a_single_entrant_has_no_comparison():
    """It is a group of its own."""
    assert compare({"a": [np.ones(SEEDS)]}) == []
    assert group_by_significance({"a": 1.0}, []) == [("a",)]


def test_one_optimizer_under_two_names_ties_in_every_study():
    """All differences are 0: p is exactly 1, the win share ½, the interval has zero width, in 100 of 100 studies."""
    generator = np.random.default_rng(6)
    for _ in range(100):
        scores = study(generator, ratio_sd=0.3)["0"]
        (comparison,) = compare({"a": scores, "b": [scores[0].copy()]})
        assert comparison == Comparison(
            "a", "b", 0.0, 0.0, 0.0, 1.0, 1.0, 0.5, 1.0, is_exact=False, is_apart=False
        )


def test_differences_by_rounding_are_ties():
    """Differences below 1e-9 are ties even if all seeds agree."""
    scores = np.random.default_rng(7).random(SEEDS)
    (comparison,) = compare({"a": [scores], "b": [scores + 1e-12]})
    assert (comparison.difference, comparison.p_value, comparison.win_share) == (0.0, 1.0, 0.5)


def test_equal_differences_are_significant():
    """A difference that is the same on every seed has p = 0."""
    (comparison,) = compare({"a": [np.zeros(SEEDS)], "b": [np.full(SEEDS, 0.5)]})
    assert (comparison.difference, comparison.low, comparison.high, comparison.p_value) == (
        -0.5,
        -0.5,
        -0.5,
        0.0,
    )
    assert comparison.is_apart


def test_a_single_seed_shows_no_difference():
    """The difference has neither an interval nor a p value."""
    (comparison,) = compare({"a": [np.array([0.9])], "b": [np.array([0.1])]})
    assert comparison.difference == pytest.approx(0.8)
    assert np.isnan([comparison.low, comparison.high, comparison.p_value, comparison.adjusted_p]).all()
    assert not comparison.is_apart


def test_missing_scores_have_no_test_and_do_not_affect_others():
    """NaN, of a problem without an optimum, has no p value; the pairs with one are adjusted without it."""
    first, second = np.random.default_rng(13).random((2, SEEDS))
    comparisons = compare({"a": [first], "b": [second], "c": [np.full(SEEDS, np.nan)]})
    assert comparisons[0] == compare({"a": [first], "b": [second]})[0]
    assert np.isnan([comparisons[1].p_value, comparisons[1].adjusted_p, comparisons[1].low]).all()
    assert not comparisons[1].is_apart


def test_a_deterministic_trial_represents_every_seed():
    """Compared with twenty seeds it equals twenty equal trials."""
    seeds = np.random.default_rng(8).random(SEEDS)
    single = compare({"a": [seeds], "b": [np.array([0.5])]})
    assert single == compare({"a": [seeds], "b": [np.full(SEEDS, 0.5)]})


def test_the_seeds_of_another_entrant_do_not_repeat_a_single_trial():
    """Two single trials have one sign, although a third entrant has twenty seeds on that problem."""
    noisy = np.random.default_rng(9).random((3, SEEDS))
    scores = {
        "a": [noisy[0], np.array([0.9])],
        "b": [noisy[0], np.array([0.1])],
        "c": [noisy[1], noisy[2]],
    }
    assert compare(scores)[0].sign_p == 1.0


def test_different_numbers_of_seeds_are_rejected():
    """Twenty seeds cannot be paired with nineteen."""
    with pytest.raises(ValueError, match="shape mismatch"):
        compare({"a": [np.zeros(20)], "b": [np.zeros(19)]})


@pytest.mark.parametrize(("shift", "is_apart"), [(0, False), (1, False), (2, True)])
def test_two_deterministic_rows_differ_beyond_one_checkpoint(shift, is_apart):
    """They are compared directly, without interval and p value, by the checkpoints that reach the targets."""
    positions = {"a": np.array([5, 9, 30]), "b": np.array([5, 9, 30 + shift])}
    (comparison,) = compare({"a": [np.array([0.6])], "b": [np.array([0.6 - shift / 100])]}, positions)
    assert comparison.is_exact
    assert comparison.is_apart is is_apart
    assert np.isnan(
        [comparison.low, comparison.high, comparison.p_value, comparison.adjusted_p, comparison.sign_p]
    ).all()


def test_deterministic_rows_with_equal_scores_tie():
    """One is earlier on one target and later on another: neither is better."""
    positions = {"a": np.array([5, 20]), "b": np.array([8, 17])}
    (comparison,) = compare({"a": [np.array([0.6])], "b": [np.array([0.6])]}, positions)
    assert not comparison.is_apart


def test_exact_comparisons_do_not_count_in_the_adjustment():
    """One of three pairs is exact: the others are adjusted as two tests."""
    seeds = np.random.default_rng(10).random(SEEDS)
    scores = {"a": [np.array([0.6])], "b": [np.array([0.7])], "c": [seeds]}
    comparisons = compare(scores, {"a": np.array([9]), "b": np.array([3])})
    assert [comparison.is_exact for comparison in comparisons] == [True, False, False]
    smaller = min(comparisons[1:], key=lambda comparison: comparison.p_value)
    assert smaller.adjusted_p == pytest.approx(min(1.0, 2 * smaller.p_value))


def test_positions_are_those_of_the_first_checkpoint_at_or_after_the_calls():
    """A target that is never reached has the position after the last."""
    calls = np.array([1.0, 2.5, 4.0, math.inf])
    assert checkpoint_positions(calls, np.array([1, 2, 3, 4])).tolist() == [0, 2, 3, 4]


def test_rounding_does_not_change_a_position():
    """Nine steps of 4/3 calls are twelve calls, although their sum is rounded."""
    steps = np.cumsum(np.full(30, 4 / 3))
    at_twelve = steps[8:9] * np.array([1 - 1e-15, 1, 1 + 4e-16])
    assert checkpoint_positions(at_twelve, np.arange(1, 41)).tolist() == [11, 11, 11]


def test_a_group_is_the_best_and_all_that_do_not_differ_significantly():
    """Then the same with the rest: c does not differ from b, but b is not the best."""
    means = {"c": 0.5, "a": 0.9, "d": 0.1, "b": 0.8}
    significant = {("a", "c"), ("a", "d"), ("c", "d")}
    pairs = [pair(a, b, (a, b) in significant) for a, b in itertools.combinations("abcd", 2)]
    assert group_by_significance(means, pairs) == [("a", "b"), ("c",), ("d",)]


def test_without_significant_differences_there_is_one_group():
    """The order is that of the scores, and that of the table for equal scores."""
    pairs = [pair(a, b, False) for a, b in itertools.combinations("abc", 2)]
    assert group_by_significance({"a": 0.5, "b": 0.6, "c": 0.5}, pairs) == [("b", "a", "c")]


def test_a_third_fewer_calls_are_significant():
    """Calls divided by 1.3, paired log-ratio sd 0.2, sd of the seeds 0.5: in at least 90 of 100 studies of 7 entrants.

    The noncentral t test at 0.05 / 21 has a power of 98 %.
    """
    generator = np.random.default_rng(11)
    studies = [compare(study(generator, speedup=1.3, ratio_sd=0.2)) for _ in range(100)]
    assert sum(comparisons[0].is_apart for comparisons in studies) >= 90


def test_one_optimizer_on_different_seeds_rarely_differs_significantly():
    """Any pair of 7 entrants, in at most 65 of 1000 studies: 2.2 standard errors above Holm's bound of 50."""
    generator = np.random.default_rng(12)
    studies = [compare(study(generator, paired=False)) for _ in range(1000)]
    assert sum(any(pair.is_apart for pair in comparisons) for comparisons in studies) <= 65


def test_a_noticeable_difference_is_noticed_in_four_of_five_repetitions():
    """Of 4 000 simulated tables of 20 paired seeds; within four standard errors (0.026) of 80 %."""
    generator = np.random.default_rng(13)
    differences = generator.normal(size=(4_000, SEEDS))
    true_error = 1 / math.sqrt(SEEDS)
    degrees = SEEDS - 1
    shift = (stats.t.ppf(0.975, degrees) + stats.t.ppf(0.8, degrees)) * true_error
    p_values = paired_t_test(samples_of([differences + shift]))
    assert np.mean(p_values < 0.05) == pytest.approx(0.8, abs=0.026)
    estimated = noticeable_difference(samples_of([differences]), 0.05)
    assert np.median(estimated) == pytest.approx(shift, rel=0.05)


def test_equal_differences_do_not_show_which_difference_is_noticeable():
    """Neither ties nor a constant difference, whose mean is rounded, have a variance to estimate it from."""
    differences = np.array([np.zeros(SEEDS), np.full(SEEDS, 0.1), np.arange(SEEDS) / SEEDS])
    noticeable = noticeable_difference(samples_of([differences]), 0.05)
    assert np.isnan(noticeable).tolist() == [True, True, False]


def test_intervals_may_be_left_out():
    """Everything else is equal to the bit."""
    scores = {
        name: [row] for name, row in zip("abc", np.random.default_rng(14).random((3, SEEDS)), strict=True)
    }
    complete, fast = compare(scores), compare(scores, with_intervals=False)
    assert np.isnan([(pair.low, pair.high) for pair in fast]).all()
    assert [
        pair._replace(low=other.low, high=other.high) for pair, other in zip(fast, complete, strict=True)
    ] == complete
