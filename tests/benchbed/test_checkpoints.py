"""The calls and steps at which every trial is measured."""

import math
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from benchbed.checkpoints import affordable_steps, checkpoint_calls, checkpoint_steps

# The same examples in every run, without a time limit.
UNTIMED = settings(deadline=None, derandomize=True)


@pytest.mark.parametrize("budget", [1, 2, 9, 10])
def test_every_call_up_to_ten_is_a_checkpoint(budget):
    """Budgets up to 10 are measured after every call."""
    assert checkpoint_calls(budget) == list(range(1, budget + 1))


def test_a_budget_of_eleven_ends_at_eleven():
    """The budget is a checkpoint once, also if it is on the grid (10 · 10^(1/20) rounds to 11)."""
    assert checkpoint_calls(11) == [*range(1, 12)]


def test_beyond_ten_there_are_twenty_checkpoints_a_decade():
    """The grid to 1000 is 1 … 10 and the forty numbers 10^(1 + k/20), rounded."""
    expected = [*range(1, 11), *(round(10 ** (1 + k / 20)) for k in range(1, 41))]
    assert checkpoint_calls(1000) == expected


@UNTIMED
@given(st.integers(1, 10**6))
def test_the_grid_depends_on_the_budget_alone(budget):
    """Every grid is a prefix of every longer one, followed by its budget."""
    grid = checkpoint_calls(budget)
    assert grid == sorted(set(grid))
    assert grid[-1] == budget
    assert set(grid[:-1]) <= set(checkpoint_calls(10**6))
    assert set(checkpoint_calls(10**6)) & set(range(budget)) == set(grid[:-1])


# Rounding once moved a checkpoint here: 22 / (22 / 15) is 15.000000000000002.
@example(samples=22, batch_size=15, budget=1000)
@example(samples=40, batch_size=39, budget=1000)
@example(samples=4, batch_size=3, budget=1000)
@UNTIMED
@given(st.integers(1, 3000), st.integers(1, 3000), st.integers(1, 5000))
def test_steps_of_a_fractional_price_equal_exact_arithmetic(samples, batch_size, budget):
    """A step costs N / batch size; measured are the first to reach each checkpoint and the last affordable one."""
    price = max(Fraction(samples, batch_size), Fraction(1))
    last = math.floor(budget / price)
    reaching = {math.ceil(calls / price) for calls in checkpoint_calls(budget)}
    expected = sorted({step for step in reaching if step <= last} | {last} - {0})
    assert checkpoint_steps(budget, float(price)) == expected


@pytest.mark.parametrize(("budget", "price", "steps"), [(7, 2, 3), (500, 32, 15), (10, 10 / 3, 3), (1, 2, 0)])
def test_only_steps_paid_in_full_are_affordable(budget, price, steps):
    """Their number is budget / price, rounded down."""
    assert affordable_steps(budget, price) == steps


def test_every_step_can_be_measured():
    """With checkpoints "all", every affordable step is a checkpoint."""
    assert checkpoint_steps(7, 2.0, every_step=True) == [1, 2, 3]
