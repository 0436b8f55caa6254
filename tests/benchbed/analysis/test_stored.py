"""Stored trials by key, compared with their rows."""

import math

import numpy as np
import pytest

from benchbed.analysis.stored import StoredTrials
from benchbed.store import table_of

INF = math.inf
ROWS = [
    {"trial_key": "a", "steps": 1, "calls_to_target": [1.0, None, math.nan], "metrics": [("x", 0.5)]},
    {"trial_key": "b", "steps": None, "calls_to_target": None, "metrics": [("y", 1.5), ("x", 2.5)]},
    {"trial_key": "c", "steps": 3, "calls_to_target": [], "metrics": None},
    {"trial_key": "d", "steps": 4, "calls_to_target": [2.0, 3.0, None], "metrics": []},
]


@pytest.fixture
def stored():
    return StoredTrials(table_of(ROWS))


def test_trials_are_found_by_key(stored):
    """In any order, and more than once."""
    rows = stored.rows(["d", "a", "d"])
    assert stored.values("steps", rows) == [4, 1, 4]
    np.testing.assert_array_equal(stored.numbers("steps", stored.rows(["b", "c"])), [math.nan, 3])
    assert "a" in stored
    assert "e" not in stored


def test_targets_that_are_not_reached_cost_infinitely_many_calls(stored):
    """So do all targets of a trial without measurements, if it has any."""
    rows = stored.rows(["a", "b", "c", "d", "d"])
    is_measured = np.array([True, True, True, True, False])
    assert str(stored.calls_to_target(rows, is_measured, 3)) == str(
        [[1.0, INF, math.nan], [INF] * 3, [], [2.0, 3.0, INF], [INF] * 3]
    )


def test_the_first_targets_are_returned(stored):
    """The hardest ones may not be scored in some trial; a problem without scores has none."""
    rows = stored.rows(["a", "d"])
    assert stored.calls_to_target(rows, np.ones(2, dtype=bool), 2) == [[1.0, INF], [2.0, 3.0]]
    assert stored.calls_to_target(rows, np.ones(2, dtype=bool), 0) == [[], []]


def test_metrics_are_arrays_by_name(stored):
    """NaN where a trial has no value."""
    metrics = stored.metrics(stored.rows(["b", "a", "c", "d"]))
    assert metrics.keys() == {"x", "y"}
    np.testing.assert_array_equal(metrics["x"], [2.5, 0.5, math.nan, math.nan])
    np.testing.assert_array_equal(metrics["y"], [1.5, math.nan, math.nan, math.nan])


def test_no_trial_has_no_values():
    """An empty folder."""
    stored = StoredTrials(table_of([]))
    rows = stored.rows([])
    assert stored.values("steps", rows) == []
    assert stored.metrics(rows) == {}
    assert stored.calls_to_target(rows, np.array([], dtype=bool), 2) == []
