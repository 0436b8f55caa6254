"""Intervals have their nominal coverage."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from benchbed.analysis.intervals import (
    DRAWS,
    bootstrap_limits,
    expanded_tail,
    median_interval,
    median_ranks,
    overall_interval,
    success_interval,
)
from benchbed.analysis.strata import samples_of

BUDGET = 1000
BASES = np.geomspace(10, 300, 8)
"""Median calls to eight targets, in simulated trials."""


def scores_of(slowness):
    """Score trials `[...]` that need `slowness` times the calls of the bases, within a budget of 1000."""
    spent = np.log(np.maximum(1.0, slowness[..., None] * BASES)) / math.log(BUDGET)
    return np.maximum(0.0, 1 - spent).mean(axis=-1)


def coverage(draw, quantile, studies, seeds=20):
    """Return the share of simulated studies whose interval covers the mean score, which is an integral."""
    truth = scores_of(quantile((np.arange(200_000) + 0.5) / 200_000)).mean()
    scores = scores_of(draw((studies, seeds)))
    low, high = bootstrap_limits(samples_of([scores]))
    return np.mean((low <= truth) & (truth <= high))


@pytest.mark.parametrize("trials", [1, 2, 7, 20, 1000])
def test_the_success_interval_is_wilsons(trials):
    """It equals SciPy's; if none or all succeed, one limit is exactly 0 or 1."""
    for successes in {0, 1, trials // 3, trials - 1, trials}:
        limits = stats.binomtest(successes, trials).proportion_ci(0.95, method="wilson")
        assert success_interval(successes, trials) == pytest.approx(tuple(limits), rel=1e-12, abs=1e-14)
    assert success_interval(0, trials)[0] == 0
    assert success_interval(trials, trials)[1] == 1


def test_without_trials_there_is_no_interval():
    """Neither a rate nor a median has one."""
    assert np.isnan(success_interval(0, 0)).all()
    assert np.isnan(median_interval(np.array([]))).all()


@pytest.mark.parametrize("n", range(1, 13))
def test_the_level_of_the_ranks_equals_an_enumeration(n):
    """Each value is on either side of the median: count, among all 2ⁿ cases, those in which the ranks bound it."""
    low, high, level = median_ranks(n)
    below = [sum(sides) for sides in itertools.product((0, 1), repeat=n)]
    assert level == pytest.approx(np.mean([low <= count < high for count in below]), abs=1e-12)


@pytest.mark.parametrize("n", [*range(6, 60), 100, 1001])
def test_the_ranks_are_the_closest_that_attain_the_level(n):
    """From 6 values on the level is at least 95 %, and that of the next closer ranks is lower."""
    low, high, level = median_ranks(n)
    assert (low, high) == (stats.binom.ppf(0.025, n, 0.5), n + 1 - low)
    assert level >= 0.95
    assert stats.binom.cdf(n - low - 1, n, 0.5) - stats.binom.cdf(low, n, 0.5) < 0.95


def test_the_limits_of_twenty_calls_are_the_6th_and_the_15th():
    """The protocol names these ranks and their level, 95.9 %."""
    interval = median_interval(np.arange(20.0, 0.0, -1.0))
    assert interval[:2] == (6.0, 15.0)
    assert interval.level == pytest.approx(0.9586, abs=5e-5)  # the given digits


def test_a_limit_is_infinite_if_too_few_seeds_reach_the_target():
    """Of 20 seeds 14 reach it, and the limit is the 15th."""
    calls = np.array([*range(1, 15), *[math.inf] * 6], dtype=float)
    assert median_interval(calls)[:2] == (6.0, math.inf)


@pytest.mark.parametrize("calls", [17.0, math.inf])
def test_calls_of_a_single_trial_have_no_interval(calls):
    """The range of one value has level 0."""
    assert np.isnan(median_interval(np.array([calls]))).all()


def test_two_deterministic_problems_have_no_interval():
    """The mean of constants is constant."""
    assert overall_interval([np.array([0.5]), np.array([0.1])]) == (
        pytest.approx(math.nan, nan_ok=True),
        pytest.approx(math.nan, nan_ok=True),
        False,
    )


@pytest.mark.parametrize(("n", "level"), [(2, 0.5), (3, 0.75), (5, 0.9375)])
def test_the_interval_of_few_calls_is_their_range(n, level):
    """It attains the level 1 − 2^(1−n)."""
    interval = median_interval(np.arange(1.0, n + 1))
    assert interval == (1.0, n, pytest.approx(level, abs=1e-12))


def test_the_median_interval_covers_the_median():
    """Of 4 000 draws with a level of 95.9 %, 95–97 % cover: 3 standard errors of 0.3 % to either side."""
    draws = np.random.default_rng(1).lognormal(size=(4000, 20))
    covered = [low <= 1 <= high for low, high, _ in map(median_interval, draws)]
    assert 0.95 <= np.mean(covered) <= 0.97


def test_the_median_interval_covers_an_infinite_median():
    """If 60 % never reach the target, the upper limit must be infinite in 95 % of 2 000 draws; it is in 99.8 %."""
    generator = np.random.default_rng(2)
    draws = np.where(generator.random((2000, 20)) < 0.6, np.inf, generator.lognormal(size=(2000, 20)))
    assert np.mean([median_interval(calls).high == math.inf for calls in draws]) >= 0.95


def test_the_expanded_tail():
    """It is Φ(√(20/19) · t₁₉) with t = 2.0930 from a table."""
    assert expanded_tail(20) == pytest.approx(stats.norm.cdf(-math.sqrt(20 / 19) * 2.0930), abs=1e-5)


def test_the_score_interval_is_the_quantiles_of_resampled_means():
    """Other resamples of the same scores have the same limits up to the noise of 2 000 draws."""
    scores = np.random.default_rng(3).beta(2, 5, size=20)
    generator = np.random.default_rng(4)
    means = [generator.choice(scores, 20).mean() for _ in range(20_000)]
    tail = expanded_tail(20)
    # A 1.6 % quantile of 2 000 draws has a standard error of 8 % of the means' standard deviation; 4 of them.
    expected = pytest.approx(np.quantile(means, [tail, 1 - tail]), abs=0.32 * np.std(means))
    assert overall_interval([scores])[:2] == expected


@pytest.mark.parametrize("scores", [np.full(20, 0.1), np.full(3, 1 / 3), np.zeros(20)])
def test_equal_scores_have_an_interval_of_zero_width(scores):
    """The limits are equal to the bit, although resampled means are rounded."""
    assert overall_interval([scores])[:2] == (scores[0], scores[0])


def test_a_single_trial_has_no_interval():
    """One score has no variance; without an interval it is not indicative."""
    assert np.isnan(overall_interval([np.array([0.5])])[:2]).all()
    assert not overall_interval([np.array([0.5])]).is_indicative


def test_a_score_without_an_optimum_has_no_interval():
    """NaN stays NaN."""
    assert np.isnan(overall_interval([np.full(20, np.nan)])[:2]).all()


def test_the_overall_interval_of_one_problem_is_that_of_the_problem():
    """The mean over one problem is its own mean."""
    scores = np.random.default_rng(5).random(20)
    assert overall_interval([scores]) == overall_interval([scores])


def test_problems_are_resampled_independently():
    """The interval of the mean of two equal problems is narrower by √2, up to the noise of the draws."""
    scores = np.random.default_rng(6).normal(size=20)
    single, double = overall_interval([scores]), overall_interval([scores, scores])
    # Both widths have about 6 % of noise; with the same draws for both problems the ratio would be 1.
    assert (single.high - single.low) / (double.high - double.low) == pytest.approx(math.sqrt(2), rel=0.15)


def test_a_deterministic_problem_adds_no_variance():
    """Beside a problem with 20 seeds it shifts the interval, and does not make it indicative."""
    scores = np.random.default_rng(7).random(20)
    low, high, is_indicative = overall_interval([scores, np.array([0.5])])
    alone = overall_interval([scores])
    assert (low, high) == pytest.approx(((alone.low + 0.5) / 2, (alone.high + 0.5) / 2), abs=1e-12)
    assert not is_indicative


def test_an_interval_does_not_depend_on_other_vectors():
    """The same scores have the same limits to the bit, alone and among thirty others."""
    scores = np.random.default_rng(8).random((31, 20))
    low, high = bootstrap_limits(samples_of([scores]))
    assert [overall_interval([vector])[:2] for vector in scores] == list(zip(low, high, strict=True))


@pytest.mark.parametrize(
    ("scores", "is_indicative"),
    [
        (np.linspace(0, 1, 19), True),
        (np.linspace(0, 1, 20), False),
        (np.full(20, 0.5), False),
        (np.array([0.5] * 19 + [0.9]), True),
        (np.array([0.5] * 17 + [0.1, 0.2, 0.9]), True),
        (np.array([0.5] * 16 + [0.1, 0.2, 0.8, 0.9]), False),
        (np.array([0.5] * 19 + [0.5 + 1e-12]), False),
    ],
)
def test_few_seeds_or_few_different_scores_make_an_interval_indicative(scores, is_indicative):
    """There are fewer than 20 seeds, or all but one, two or three share a value up to 1e-9."""
    assert overall_interval([scores]).is_indicative is is_indicative


def test_scores_of_lognormal_calls_are_covered():
    """In 93–97 % of 2 000 studies: 4 standard errors of 0.5 % around the nominal 95 %."""
    generator = np.random.default_rng(10)
    covered = coverage(lambda shape: generator.lognormal(size=shape), stats.lognorm(1).ppf, 2000)
    assert 0.93 <= covered <= 0.97


def test_scores_of_pareto_calls_are_covered():
    """Such calls have no mean, and yet 91 % of 2 000 studies cover the mean score."""
    generator = np.random.default_rng(11)
    covered = coverage(lambda shape: 1 + generator.pareto(1, size=shape), stats.pareto(1).ppf, 2000)
    assert covered >= 0.91


def test_a_shift_widens_the_interval_within_the_range_of_scores():
    """The choice of the rate may add more than the distance to 0 or 1."""
    scores = np.random.default_rng(8).random(20)
    shift = np.random.default_rng(9).choice([-0.9, 0.0, 0.9], size=DRAWS)
    plain, shifted = overall_interval([scores]), overall_interval([scores], shift=shift)
    assert 0 < plain.low < plain.high < 1
    assert (shifted.low, shifted.high) == (0, 1)
