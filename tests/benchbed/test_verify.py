"""Verification: equality of two rows, and the requested engine of stored batches."""

import math

import pytest

from benchbed.verify.rerun import compare_exactly, compare_first_steps, describe
from benchbed.verify.sampling import StoredBatch

pytestmark = pytest.mark.slow

ROW = {
    "trial_key": "k", "status": "exhausted", "dtype": "float64", "calls": 400.0, "steps": 200, "wall_seconds": 1.0,
    "jobs": 1, "attempt": 1, "threads": 1, "peak_bytes": 1e8, "engine_reason": "asked for",
    "final_objective": 0.25, "metrics": [("distance", math.nan)],
    "curve_calls": [0.0, 2.0, 200.0, 400.0], "curve_objective": [8.0, 4.0, 1e-9, 0.25],
    "curve_gradient_norm": [1.0, math.nan, math.inf, 0.5],
}  # fmt: skip


def changed(**columns):
    return {**ROW, **columns}


def test_a_row_equals_itself():
    """NaN in it equals itself."""
    assert compare_exactly(ROW, changed()) == []


@pytest.mark.parametrize(
    "name",
    [
        "wall_seconds",
        "engine_requested",
        "engine_reason",
        "fallback_reason",
        "jobs",
        "attempt",
        "threads",
        "peak_bytes",
    ],
)
def test_columns_of_the_execution_may_differ(name):
    """Results do not depend on them."""
    assert compare_exactly(ROW, changed(**{name: 7})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("final_objective", math.nextafter(0.25, 1.0)), ("final_objective", None), ("status", "solved")],
)
def test_every_other_column_counts_compare_exactly(name, value):
    """The difference has the column and both values."""
    assert compare_exactly(ROW, changed(**{name: value})) == [(name, "", ROW[name], value)]


def test_a_column_missing_in_an_earlier_schema_is_not_compared():
    """It is null in the stored row; a stored value is compared."""
    assert compare_exactly(changed(reads_progress=None), changed(reads_progress=True)) == []
    (difference,) = compare_exactly(changed(reads_progress=False), changed(reads_progress=True))
    assert difference == ("reads_progress", "", False, True)


def test_a_zero_is_not_minus_zero():
    """They are equal as numbers, but their bits differ."""
    (difference,) = compare_exactly(changed(final_objective=0.0), changed(final_objective=-0.0))
    assert difference.column == "final_objective"


def test_a_difference_in_a_list_has_its_index():
    """Only the first one is reported."""
    (difference,) = compare_exactly(ROW, changed(curve_objective=[8.0, 4.0, 2e-9, 0.5]))
    assert difference == ("curve_objective", "[2]", 1e-9, 2e-9)


def test_lists_of_different_lengths_differ_in_length():
    """Their entries are not compared."""
    (difference,) = compare_exactly(ROW, changed(curve_calls=[0.0]))
    assert difference == ("curve_calls", "'s length", 4, 1)


def test_in_another_environment_the_tolerance_is_relative_to_the_start():
    """Rounding errors are relative to the terms of a sum, which can be larger than a value near the optimum."""
    assert compare_first_steps(ROW, changed(curve_objective=[8.0, 4.0, 1e-9 + 7e-10, 0.25])) == []
    (difference,) = compare_first_steps(ROW, changed(curve_objective=[8.0, 4.0, 1e-9 + 9e-10, 0.25]))
    assert difference == ("curve_objective", " at 200 calls", 1e-9, 1e-9 + 9e-10)


def test_in_another_environment_the_tolerance_depends_on_the_dtype():
    """It is 1e-4 in float32 and 1e-10 in float64."""
    near = {"curve_objective": [8.0, 4.0 + 7e-4, 1e-9, 0.25]}
    assert compare_first_steps(changed(dtype="float32"), changed(dtype="float32", **near)) == []
    assert compare_first_steps(ROW, changed(**near))


def test_in_another_environment_only_the_first_100_steps_count():
    """A step costs two calls, so the last checkpoint is later; status and final objective do not count either."""
    late = {"curve_objective": [8.0, 4.0, 1e-9, 99.0], "status": "diverged", "final_objective": 99.0}
    assert compare_first_steps(ROW, changed(**late)) == []


def test_in_another_environment_non_finite_values_must_be_equal():
    """The tolerance of infinity is not infinite."""
    (difference,) = compare_first_steps(ROW, changed(curve_gradient_norm=[1.0, math.nan, 5.0, 0.5]))
    assert difference.column == "curve_gradient_norm"


def test_in_another_environment_checkpoints_must_be_equal():
    """A trial that stops within the first 100 steps differs."""
    short = {name: ROW[name][:2] for name in ("curve_calls", "curve_objective", "curve_gradient_norm")}
    (difference,) = compare_first_steps(ROW, changed(**short))
    assert difference == ("curve_calls", "'s length", 3, 2)


def test_trials_without_a_curve_are_equal():
    """A skipped trial has no measurements."""
    empty = changed(curve_calls=[], curve_objective=[], curve_gradient_norm=[], calls=0.0, steps=0)
    assert compare_first_steps(empty, dict(empty)) == []


def test_a_description_has_all_columns_and_the_first_value():
    """It is one line for any number of trials."""
    differences = [[], compare_exactly(ROW, changed(final_objective=0.5, status="solved"))]
    assert describe(differences) == (
        "differs in status, final_objective (1 of 2 trials): status is stored as 'exhausted' and is now 'solved'"
    )
    assert describe([[], []]) is None


@pytest.mark.parametrize(
    ("engine", "requested", "expected"),
    [
        ("compiled", "compiled", "compiled"),
        ("eager", "compiled", "compiled"),
        ("compiled", "auto", "auto"),
        ("eager", None, "eager"),
        (None, None, "auto"),
    ],
)
def test_a_batch_runs_again_with_its_requested_engine(engine, requested, expected):
    """Parts of earlier schemas store only the engine that ran; a batch without results stores none."""
    row = changed(engine=engine, engine_requested=requested)
    assert StoredBatch("p", [changed(status="failed"), row], None).requested_engine == expected


def test_a_batch_without_results_runs_again_with_the_automatic_engine():
    """No row has the requested engine."""
    assert StoredBatch("p", [changed(status="failed")], None).requested_engine == "auto"
