"""Tests of the numbers of each preset."""

import math
from dataclasses import dataclass

import pytest

from benchbed.errors import UsageError
from benchbed.plan.presets import budget_of, grid_rate, learning_rates, preset_of
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic


@pytest.mark.parametrize(
    ("problem", "budgets"),
    [
        (Quadratic(), {"quick": 200, "standard": 1000, "full": 5000}),
        (Quartic(), {"quick": 1000, "standard": 5000, "full": 20_000}),
        (PolynomialNetwork(), {"quick": 1000, "standard": 2000, "full": 20_000}),
    ],
)
def test_smaller_presets_cap_the_budget_of_a_problem(problem, budgets):
    """standard caps it at 1000 calls and quick at 200, unless the problem sets another value."""
    assert {preset: budget_of(problem, preset) for preset in budgets} == budgets


def test_a_budget_below_the_cap_is_not_changed():
    """A problem of 50 calls has 50 in every preset."""

    @dataclass(frozen=True)
    class Short(Quadratic):
        budget = 50

    assert [budget_of(Short(), preset) for preset in ("quick", "standard", "full")] == [50, 50, 50]


@pytest.mark.parametrize(("per_decade", "count"), [(1, 9), (2, 17), (4, 33)])
def test_the_grid_spans_eight_decades_evenly(per_decade, count):
    """From 10⁻⁶ to 10², to 12 digits."""
    rates = learning_rates(per_decade)
    assert len(rates) == count
    expected = [10 ** (-6 + position / per_decade) for position in range(count)]
    assert rates == pytest.approx(expected, rel=1e-11)


@pytest.mark.parametrize("per_decade", [1, 2, 4])
def test_powers_of_ten_are_exact(per_decade):
    """10⁻³ is exactly 0.001, so that a default on the grid is the same trial in both tracks."""
    rates = learning_rates(per_decade)
    assert {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0} <= set(rates)
    assert grid_rate(-12, 4) == 1e-3


def test_a_coarser_grid_is_contained_in_a_finer_one():
    """The preset full uses stored trials of standard."""
    assert set(learning_rates(1)) <= set(learning_rates(2)) <= set(learning_rates(4))


def test_the_full_preset_is_the_protocol():
    """20 evaluation seeds, 6 or 10 tuning seeds, four rates a decade, two extensions, two refinements, no cap."""
    assert tuple(preset_of("full")) == (20, 6, 10, 4, 2, 2, 64, None)
    assert not math.isnan(preset_of("full").evaluation_seeds)


def test_an_unknown_preset_is_rejected():
    """The message lists the presets."""
    with pytest.raises(UsageError, match="unknown preset 'fast'; choose one of quick, standard, full"):
        preset_of("fast")
