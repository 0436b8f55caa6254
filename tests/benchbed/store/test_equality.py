"""Tests of the comparison of rows that ran twice."""

import math

import pytest

from benchbed.store import table_of
from benchbed.store.equality import first_difference

ROW = {
    "trial_key": "a",
    "status": "solved",
    "seed": 1,
    "gap": math.nan,
    "final_objective": 0.0,
    "calls_to_target": [1.0, None, math.nan],
    "curve_theta": [[1.0, 2.0], [3.0, 4.0]],
    "curve_metrics": [("loss", [1.0, math.nan])],
    "metrics": [("loss", 1.0)],
    "error": None,
}
CHANGES = {
    "status": "exhausted",
    "seed": 2,
    "gap": None,
    "final_objective": -0.0,
    "calls_to_target": [1.0, math.nan, None],
    "curve_theta": [[1.0, 2.0, 3.0], [4.0]],
    "curve_metrics": [("loss", [1.0, 0.0])],
    "metrics": [("accuracy", 1.0)],
    "error": "",
}


def test_equal_rows_have_no_difference():
    """NaN equals itself."""
    assert first_difference(table_of([ROW, ROW]), table_of([ROW, ROW])) is None


@pytest.mark.parametrize("column", CHANGES)
def test_a_different_value_is_found(column):
    """0 differs from -0, null from NaN and from empty text, and lists in their lengths."""
    changed = {**ROW, column: CHANGES[column]}
    assert first_difference(table_of([ROW, ROW]), table_of([ROW, changed])) == (1, column)


@pytest.mark.parametrize("column", ["wall_seconds", "jobs", "batch_trials"])
def test_times_and_places_may_differ(column):
    """They are those of a run, and not of its result."""
    changed = {**ROW, column: 7}
    assert first_difference(table_of([ROW]), table_of([changed])) is None
