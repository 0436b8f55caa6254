"""The learning rate that wins the tuning trials, and whether it is a winner on the edge."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.plan.presets import grid_rate
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.selection import SelectedRate, choose_rate

# The examples are the same in every run, without a time limit.
UNTIMED = settings(deadline=None, derandomize=True)

RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def outcomes_of(scores, gaps=None):
    """Return the outcomes of each rate: one trial, or one for each value of its lists."""
    gaps = gaps or [1.0] * len(scores)
    as_lists = [
        (score if isinstance(score, list) else [score], gap if isinstance(gap, list) else [gap])
        for score, gap in zip(scores, gaps, strict=True)
    ]
    return {
        rate: [Outcome("exhausted", *pair) for pair in zip(score, gap, strict=True)]
        for rate, (score, gap) in zip(RATES, as_lists, strict=True)
    }


@pytest.mark.parametrize(
    ("scores", "gaps", "choice"),
    [
        ([0.1, 0.2, 0.3, 0.4, 0.2], None, SelectedRate(1e-1, 0)),
        ([0.1, 0.2, 0.3, 0.4, 0.5], None, SelectedRate(1.0, 1)),
        ([0.5, 0.2, 0.3, 0.4, 0.4], None, SelectedRate(1e-4, -1)),
        # equal scores: the smaller gap wins, also on the edge
        ([0.0] * 5, [5.0, 4.0, 3.0, 2.0, 9.0], SelectedRate(1e-1, 0)),
        ([0.0] * 5, [5.0, 4.0, 3.0, 2.0, 1.0], SelectedRate(1.0, 1)),
        ([0.5, 0.5, 0.1, 0.1, 0.1], [1.0, 2.0, 0.0, 0.0, 0.0], SelectedRate(1e-4, -1)),
        # non-finite gaps come last
        ([0.0] * 5, [1e9, math.inf, math.inf, math.inf, math.inf], SelectedRate(1e-4, -1)),
        # equal in both: the nearest to the middle wins, and is not a winner on the edge
        ([0.0] * 5, [math.inf] * 5, SelectedRate(1e-2, 0, True)),
        ([0.0] * 5, [1.0] * 5, SelectedRate(1e-2, 0, True)),
        ([0.3, 0.0, 0.0, 0.0, 0.3], None, SelectedRate(1e-4, 0, True)),  # same distance: the smaller
        ([0.0, 0.0, 0.0, 0.3, 0.3], None, SelectedRate(1e-1, 0, True)),
        ([0.3, 0.3, 0.0, 0.0, 0.0], None, SelectedRate(1e-3, 0, True)),
        # without an optimum scores are NaN, and gaps are objectives, which may be negative
        ([math.nan] * 5, [3.0, -1.0, -7.0, 2.0, 5.0], SelectedRate(1e-2, 0)),
        (
            [math.nan, math.nan, math.nan, math.nan, 0.0],
            [1.0, 1.0, -2.0, 1.0, math.inf],
            SelectedRate(1e-2, 0),
        ),
    ],
)
def test_the_order_of_the_rules(scores, gaps, choice):
    """Score, then gap, then distance from 10⁻²; a winner of a tie is not a winner on the edge."""
    assert choose_rate(outcomes_of(scores, gaps), middle=1e-2) == choice


def test_scores_are_averaged_over_seeds():
    """The mean of 0.5 and 0.2 is higher than 0.34."""
    scores = [[0.0, 0.0], [0.5, 0.2], [0.34, 0.34], [0.0, 0.0], [0.0, 0.0]]
    assert choose_rate(outcomes_of(scores, [[1.0, 1.0]] * 5), middle=1e-2).learning_rate == 1e-3


def test_gaps_are_lower_medians_over_seeds():
    """With an even number of seeds half of them may diverge."""
    gaps = [[9.0, 9.0], [1.0, math.inf], [2.0, 2.0], [3.0, 0.5], [9.0, 9.0]]
    assert choose_rate(outcomes_of([[0.0, 0.0]] * 5, gaps), middle=1e-2).learning_rate == 1e-1


def test_rounding_in_a_mean_does_not_decide():
    """0.1, 0.2, 0.3 have the same mean in any order, although their sums differ in the last bit."""
    scores = [[0.0] * 3, [0.1, 0.2, 0.3], [0.0] * 3, [0.3, 0.2, 0.1], [0.0] * 3]
    gaps = [[1.0] * 3] * 5
    assert choose_rate(outcomes_of(scores, gaps), middle=1e-2).learning_rate == 1e-3


@pytest.mark.parametrize("distance", range(1, 17))
def test_the_smaller_of_two_rates_at_the_same_distance_wins(distance):
    """The rounding of the grid of four rates a decade to 12 digits does not decide."""
    rates = [grid_rate(position, 4) for position in (-8 - distance, -8 + distance)]
    outcomes = {rate: [Outcome("exhausted", 0.5, 1.0)] for rate in rates}
    assert choose_rate(outcomes, middle=1e-2) == SelectedRate(rates[0], 0, is_tied=True)


def test_a_single_rate_has_no_edge():
    """There is no choice, so it is not on the edge."""
    assert choose_rate({0.1: [Outcome("exhausted", 0.5, 0.1)]}, middle=0.1) == SelectedRate(0.1, 0)


@UNTIMED
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0.0, 1.0, math.inf])),
        min_size=5,
        max_size=5,
    )
)
def test_no_rate_is_better_than_the_selected_one(trials):
    """No rate has a higher score, or the same score and a smaller gap, or the same of both and less distance."""
    scores, gaps = zip(*trials, strict=True)
    selected = choose_rate(outcomes_of(list(scores), list(gaps)), middle=1e-2)
    best = RATES.index(selected.learning_rate)

    def rank(position):
        return (-scores[position], gaps[position], abs(position - 2), position)

    assert rank(best) == min(map(rank, range(5)))
    is_unique = sum(rank(position)[:2] == rank(best)[:2] for position in range(5)) == 1
    assert selected.on_edge == ({0: -1, 4: 1}.get(best, 0) if is_unique else 0)
