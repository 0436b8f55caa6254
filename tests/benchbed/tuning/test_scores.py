"""The score is an area; the lower median is a value that half of the trials reach."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.tuning.outcomes import lower_median, trial_scores

# The examples are the same in every run, without a time limit.
UNTIMED = settings(deadline=None, derandomize=True)

CALLS = st.one_of(st.just(math.inf), st.floats(1, 1e7), st.integers(1, 10**6).map(float))
BUDGETS = st.sampled_from([1, 2, 10, 200, 1000, 9_999, 10_000, 10_001, 30_000, 1_000_000])


def area_under_distribution(calls, budget):
    """Integrate the empirical distribution of calls to target on a logarithmic axis.

    The axis reaches from max(1, budget / 10⁴) to the budget and has length 1.
    """
    low = max(1.0, budget / 1e4)
    jumps = sorted({low, float(budget), *(value for value in calls if low < value < budget)})
    area = sum(
        (math.log(right) - math.log(left)) * sum(value <= left for value in calls) / len(calls)
        for left, right in itertools.pairwise(jumps)
    )
    return area / (math.log(budget) - math.log(low))


@UNTIMED
@given(st.lists(CALLS, min_size=1, max_size=8), BUDGETS.filter(lambda budget: budget > 1))
def test_the_score_is_the_area_under_the_distribution_of_calls(calls, budget):
    """The closed form equals the slow integral, for budgets on both sides of 10⁴."""
    score = trial_scores(np.array(calls), budget)
    # Sums of a few logarithms of size 10, each rounded to 1e-16.
    assert score == pytest.approx(area_under_distribution(calls, budget), abs=1e-12)


@UNTIMED
@given(st.lists(CALLS, min_size=1, max_size=8), BUDGETS)
def test_scores_lie_between_zero_and_one(calls, budget):
    """This holds for all calls to target."""
    assert 0 <= trial_scores(np.array(calls), budget) <= 1


@UNTIMED
@given(st.lists(CALLS, min_size=1, max_size=8), st.integers(0, 7), CALLS, BUDGETS)
def test_reaching_a_target_later_never_raises_the_score(calls, index, changed, budget):
    """The score falls, or stays, when one number of calls grows."""
    index %= len(calls)
    earlier, later = list(calls), list(calls)
    earlier[index], later[index] = min(calls[index], changed), max(calls[index], changed)
    assert trial_scores(np.array(later), budget) <= trial_scores(np.array(earlier), budget) + 1e-15


@pytest.mark.parametrize(
    ("calls", "budget", "score"),
    [
        ([1.0] * 8, 1000, 1.0),
        ([math.inf] * 8, 1000, 0.0),
        ([1000.0], 1000, 0.0),
        ([2000.0], 1000, 0.0),
        ([10.0, 100.0], 1000, (2 / 3 + 1 / 3) / 2),
        ([10.0], 10**6, 1.0),  # the axis begins at budget / 10⁴ = 100
        ([1000.0, math.inf], 10**6, 0.375),
        ([1.0, math.inf], 1, 0.5),  # the budget is one call
        ([2.0], 1, 0.0),
    ],
)
def test_scores_by_hand(calls, budget, score):
    """These values can be checked by mental arithmetic."""
    assert trial_scores(np.array(calls), budget) == pytest.approx(score, abs=1e-15)


def test_the_axis_may_start_at_a_share_of_the_budget():
    """At 1 % of 1 000 calls: the first ten calls cost nothing, and 100 calls half of the score."""
    calls = np.array([1.0, 10.0, 100.0, 1000.0, math.inf])
    assert trial_scores(calls[:, None], 1000, 0.01) == pytest.approx([1, 1, 0.5, 0, 0])


def test_each_trial_of_a_batch_is_scored():
    """The last dimension is that of targets."""
    calls = np.array([[[1.0, 10.0], [math.inf, 100.0]]])
    assert trial_scores(calls, 100) == pytest.approx(np.array([[0.75, 0.0]]))


def test_without_targets_there_is_no_score():
    """Problems without an optimum have no targets."""
    assert np.isnan(trial_scores(np.empty((3, 0)), 100)).all()


@UNTIMED
@given(st.lists(st.one_of(st.floats(allow_nan=False), st.just(math.inf)), min_size=1, max_size=30))
def test_the_definition_of_the_lower_median(values):
    """It is the ⌈n/2⌉-th of n sorted numbers."""
    assert lower_median(np.array(values)) == sorted(values)[math.ceil(len(values) / 2) - 1]


@UNTIMED
@given(st.integers(0, 20), st.integers(0, 20))
def test_the_lower_median_is_finite_exactly_if_half_of_the_trials_are(finite, infinite):
    """Half is enough; without values it is NaN."""
    median = lower_median(np.array([1.0] * finite + [math.inf] * infinite))
    if finite + infinite == 0:
        assert math.isnan(median)
    else:
        assert math.isfinite(median) == (2 * finite >= finite + infinite)
