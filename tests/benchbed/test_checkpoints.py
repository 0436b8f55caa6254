"""The calls at which every trial is measured."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbed.checkpoints import checkpoint_calls

# Neither the clock nor chance decides: the examples are the same at every run.
UNTIMED = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize("budget", [1, 2, 9, 10])
def test_every_call_up_to_ten_is_a_checkpoint(budget):
    """Budgets up to 10 are measured after every call."""
    assert checkpoint_calls(budget) == list(range(1, budget + 1))


def test_a_budget_of_eleven_ends_at_eleven():
    """The budget is a checkpoint, once, even where it falls on the grid (10 · 10^(1/20) rounds to 11)."""
    assert checkpoint_calls(11) == [*range(1, 12)]


def test_beyond_ten_there_are_twenty_checkpoints_a_decade():
    """The grid to 1000 is 1 … 10 and the forty numbers 10^(1 + k/20), rounded."""
    expected = [*range(1, 11), *(round(10 ** (1 + k / 20)) for k in range(1, 41))]
    assert checkpoint_calls(1000) == expected


@UNTIMED
@given(st.integers(1, 10**6))
def test_the_grid_rises_to_the_budget_and_depends_on_nothing_else(budget):
    """Every grid is the beginning of every longer one, and then its own budget."""
    grid = checkpoint_calls(budget)
    assert grid == sorted(set(grid))
    assert grid[-1] == budget
    assert set(grid[:-1]) <= set(checkpoint_calls(10**6))
    assert set(checkpoint_calls(10**6)) & set(range(budget)) == set(grid[:-1])
