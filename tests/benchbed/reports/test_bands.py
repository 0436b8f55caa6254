"""Medians and bands say what every trial did, the lost ones included."""

import math

import numpy as np
import pandas as pd
import pytest

from benchbed.reports.bands import (
    Curve,
    band,
    checkpoints_of,
    curves_of,
    endings,
    fill_forward,
    order_statistic,
)
from benchbed.tuning.scores import lower_median


def _value_at(curve, calls):
    """The definition, one number at a time."""
    seen = [value for at, value in zip(curve.calls, curve.values, strict=True) if at <= calls]
    if not seen or calls >= curve.lost_at or not math.isfinite(seen[-1]):
        return math.inf
    return seen[-1]


def _random_curves(seed):
    generator = np.random.default_rng(seed)
    curves = []
    for _ in range(generator.integers(1, 9)):
        calls = np.unique(np.append(0, generator.integers(0, 60, generator.integers(0, 9)))).astype(float)
        values = generator.choice(
            [0.1, 0.5, 2.0, math.nan, math.inf], len(calls), p=[0.3, 0.3, 0.3, 0.05, 0.05]
        )
        lost_at = float(generator.choice([math.inf, calls[-1], calls[-1] + 3]))
        curves.append(Curve(calls, values, lost_at))
    return curves


@pytest.mark.parametrize("seed", range(30))
def test_the_band_equals_its_definition(seed):
    """At every number of calls: sort the trials' values, take the ⌈n/4⌉-th, ⌈n/2⌉-th and ⌈3n/4⌉-th."""
    curves = _random_curves(seed)
    found = band(curves, 64)
    for calls, lower, median, upper in zip(*found, strict=True):
        values = sorted(_value_at(curve, calls) for curve in curves)
        n = len(values)
        expected = [values[math.ceil(n * k / 4) - 1] for k in (1, 2, 3)]
        assert [lower, median, upper] == expected


def test_the_grid_holds_every_call_and_every_loss():
    """The union of all checkpoints, the start, the budget and the moments at which trials were lost."""
    curves = [Curve(np.array([0.0, 3.0]), np.ones(2), 5.0), Curve(np.array([0.0, 4.0]), np.ones(2), math.inf)]
    assert band(curves, 10).calls.tolist() == [0, 3, 4, 5, 10]


def test_a_solved_trial_keeps_its_last_value():
    """It stopped because it was done."""
    curve = Curve(np.array([0.0, 2.0]), np.array([1.0, 1e-9]), math.inf)
    assert fill_forward(curve, np.array([0.0, 1.0, 2.0, 100.0])).tolist() == [1.0, 1.0, 1e-9, 1e-9]


def test_a_lost_trial_is_infinite_from_its_end_on():
    """What it reached before stays."""
    curve = Curve(np.array([0.0, 2.0]), np.array([1.0, 7.0]), 3.0)
    assert fill_forward(curve, np.array([0.0, 2.0, 3.0, 9.0])).tolist() == [1.0, 7.0, math.inf, math.inf]


@pytest.mark.parametrize(("lost", "finite"), [(2, True), (3, False)])
def test_the_lower_median_is_finite_exactly_if_half_survive(lost, finite):
    """Two of four survivors are enough, one is not: the protocol's rule 9."""
    values = np.array([1.0] * (4 - lost) + [math.inf] * lost)
    assert math.isfinite(order_statistic(values, 0.5)) is finite
    assert math.isfinite(lower_median(values)) is finite


def test_statuses_decide_what_is_lost():
    """Solved, converged and exhausted survive; a trial without a curve is +∞ all along."""
    statuses = ["solved", "converged", "exhausted", "diverged", "failed", "skipped"]
    trials = pd.DataFrame({"trial_key": list("abcdef"), "status": statuses, "calls": [4.0] * 5 + [math.nan]})
    curves = pd.DataFrame(
        {"trial_key": list("abcde") * 2, "calls": [4] * 5 + [0] * 5, "gap": [0.5] * 5 + [1.0] * 5}
    )
    found = curves_of(trials, checkpoints_of(curves, trials, "calls", "gap"))
    assert [curve.lost_at for curve in found] == [math.inf, math.inf, math.inf, 4.0, 4.0, 0.0]
    assert found[0].calls.tolist() == [0, 4]
    assert found[0].values.tolist() == [1, 0.5]
    assert endings(trials) == "1 of 6 diverged, 1 failed, 1 skipped"
    assert endings(trials[:3]) == ""


def test_checkpoints_are_told_apart_by_their_trial():
    """In the order of their calls, whatever the order of the rows, and of the asked trials alone."""
    curves = pd.DataFrame(
        {"trial_key": list("bacbab"), "calls": [2, 1, 0, 0, 0, 1], "gap": [0.3, 0.5, 9.0, 0.7, 0.6, 0.4]}
    )
    found = checkpoints_of(curves, pd.DataFrame({"trial_key": ["a", "b", "d"]}), "gap", "calls")
    assert {key: rows.tolist() for key, rows in found.items()} == {
        "a": [[0.6, 0], [0.5, 1]],
        "b": [[0.7, 0], [0.4, 1], [0.3, 2]],
    }
    assert checkpoints_of(curves, pd.DataFrame({"trial_key": ["d"]}), "gap") == {}
