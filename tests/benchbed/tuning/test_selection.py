"""Which learning rate wins the tuning trials, and when that is a winner on the edge."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.plan.presets import grid_rate
from benchbed.tuning.outcomes import Outcome
from benchbed.tuning.selection import SelectedRate, choose_rate

# Neither the clock nor chance decides: the examples are the same at every run.
UNTIMED = settings(deadline=None, derandomize=True)

RATES = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


def tried(scores, gaps=None):
    """Give each rate one trial, or as many as its lists are long."""
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
        # equal scores: the smaller gap, wherever it lies, and it may be on the edge
        ([0.0] * 5, [5.0, 4.0, 3.0, 2.0, 9.0], SelectedRate(1e-1, 0)),
        ([0.0] * 5, [5.0, 4.0, 3.0, 2.0, 1.0], SelectedRate(1.0, 1)),
        ([0.5, 0.5, 0.1, 0.1, 0.1], [1.0, 2.0, 0.0, 0.0, 0.0], SelectedRate(1e-4, -1)),
        # gaps that are not finite come last
        ([0.0] * 5, [1e9, math.inf, math.inf, math.inf, math.inf], SelectedRate(1e-4, -1)),
        # equal in both: the nearest to the middle, which is no winner on the edge
        ([0.0] * 5, [math.inf] * 5, SelectedRate(1e-2, 0)),
        ([0.0] * 5, [1.0] * 5, SelectedRate(1e-2, 0)),
        ([0.3, 0.0, 0.0, 0.0, 0.3], None, SelectedRate(1e-4, 0)),  # as near: the smaller
        ([0.0, 0.0, 0.0, 0.3, 0.3], None, SelectedRate(1e-1, 0)),
        ([0.3, 0.3, 0.0, 0.0, 0.0], None, SelectedRate(1e-3, 0)),
        # without an optimum scores are NaN and gaps are objectives, which may be negative
        ([math.nan] * 5, [3.0, -1.0, -7.0, 2.0, 5.0], SelectedRate(1e-2, 0)),
        (
            [math.nan, math.nan, math.nan, math.nan, 0.0],
            [1.0, 1.0, -2.0, 1.0, math.inf],
            SelectedRate(1e-2, 0),
        ),
    ],
)
def test_the_rules_in_their_order(scores, gaps, choice):
    """Score, then gap, then nearness to 10⁻²; an end of the grid counts only for a winner without equal."""
    assert choose_rate(tried(scores, gaps), middle=1e-2) == choice


def test_scores_are_averaged_over_seeds():
    """0.5 and 0.2 beat 0.34 twice."""
    scores = [[0.0, 0.0], [0.5, 0.2], [0.34, 0.34], [0.0, 0.0], [0.0, 0.0]]
    assert choose_rate(tried(scores, [[1.0, 1.0]] * 5), middle=1e-2).learning_rate == 1e-3


def test_gaps_are_lower_medians_over_seeds():
    """Of an even number of seeds the lower one of the middle counts, so that half of them may diverge."""
    gaps = [[9.0, 9.0], [1.0, math.inf], [2.0, 2.0], [3.0, 0.5], [9.0, 9.0]]
    assert choose_rate(tried([[0.0, 0.0]] * 5, gaps), middle=1e-2).learning_rate == 1e-1


def test_rounding_in_a_mean_decides_nothing():
    """0.1, 0.2, 0.3 have one mean in any order, though their sums differ in the last bit."""
    scores = [[0.0] * 3, [0.1, 0.2, 0.3], [0.0] * 3, [0.3, 0.2, 0.1], [0.0] * 3]
    gaps = [[1.0] * 3] * 5
    assert choose_rate(tried(scores, gaps), middle=1e-2).learning_rate == 1e-3


@pytest.mark.parametrize("distance", range(1, 17))
def test_of_two_rates_as_near_to_the_middle_the_smaller_wins(distance):
    """On the grid of four rates a decade, which is rounded to 12 digits, rounding does not decide either."""
    rates = [grid_rate(place, 4) for place in (-8 - distance, -8 + distance)]
    outcomes = {rate: [Outcome("exhausted", 0.5, 1.0)] for rate in rates}
    assert choose_rate(outcomes, middle=1e-2) == SelectedRate(rates[0], 0)


def test_a_single_rate_has_no_edge():
    """Where there is nothing to choose there is nothing at the edge."""
    assert choose_rate({0.1: [Outcome("exhausted", 0.5, 0.1)]}, middle=0.1) == SelectedRate(0.1, 0)


@UNTIMED
@given(
    st.lists(
        st.tuples(st.sampled_from([0.0, 0.25, 0.5]), st.sampled_from([0.0, 1.0, math.inf])),
        min_size=5,
        max_size=5,
    )
)
def test_no_other_rate_is_better_than_the_one_that_is_chosen(trials):
    """None has a higher score, or as high a one with a smaller gap, or is as good and nearer to the middle."""
    scores, gaps = zip(*trials, strict=True)
    choice = choose_rate(tried(list(scores), list(gaps)), middle=1e-2)
    chosen = RATES.index(choice.learning_rate)

    def rank(place):
        return (-scores[place], gaps[place], abs(place - 2), place)

    assert rank(chosen) == min(map(rank, range(5)))
    alone = sum(rank(place)[:2] == rank(chosen)[:2] for place in range(5)) == 1
    assert choice.on_edge == ({0: -1, 4: 1}.get(chosen, 0) if alone else 0)
