"""Verification: which batches can run again, and when two rows count as equal."""

import math

import pytest

from benchbed.verify.diff import describe, over_the_first_steps, to_the_bit
from benchbed.verify.sampling import Part

ROW = {
    "trial_key": "k", "status": "exhausted", "dtype": "float64", "calls": 400.0, "steps": 200, "wall_seconds": 1.0,
    "jobs": 1, "attempt": 1, "threads": 1, "engine_reason": "asked for",
    "final_objective": 0.25, "metrics": [("distance", math.nan)],
    "curve_calls": [0.0, 2.0, 200.0, 400.0], "curve_objective": [8.0, 4.0, 1e-9, 0.25],
    "curve_gradient_norm": [1.0, math.nan, math.inf, 0.5],
}  # fmt: skip


def changed(**columns):
    return {**ROW, **columns}


def test_a_row_equals_itself():
    """NaN in it too."""
    assert to_the_bit(ROW, changed()) == []


@pytest.mark.parametrize(
    "name",
    ["wall_seconds", "engine_requested", "engine_reason", "fallback_reason", "jobs", "attempt", "threads"],
)
def test_how_a_batch_was_run_may_differ(name):
    """No result may depend on it."""
    assert to_the_bit(ROW, changed(**{name: 7})) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [("final_objective", math.nextafter(0.25, 1.0)), ("final_objective", None), ("status", "solved")],
)
def test_every_other_column_counts_to_the_bit(name, value):
    """The difference names the column with both values."""
    assert to_the_bit(ROW, changed(**{name: value})) == [(name, "", ROW[name], value)]


def test_a_column_that_an_earlier_schema_lacked_is_not_compared():
    """Null there means that nobody had asked; a value that was stored counts as any other."""
    assert to_the_bit(changed(reads_progress=None), changed(reads_progress=True)) == []
    (difference,) = to_the_bit(changed(reads_progress=False), changed(reads_progress=True))
    assert difference == ("reads_progress", "", False, True)


def test_a_zero_is_not_minus_zero():
    """They are equal as numbers, and not to the bit."""
    (difference,) = to_the_bit(changed(final_objective=0.0), changed(final_objective=-0.0))
    assert difference.column == "final_objective"


def test_the_first_entry_that_differs_is_named():
    """A list says at which position."""
    (difference,) = to_the_bit(ROW, changed(curve_objective=[8.0, 4.0, 2e-9, 0.5]))
    assert difference == ("curve_objective", "[2]", 1e-9, 2e-9)


def test_lists_of_other_lengths_say_their_lengths():
    """Neither has the entry that the other lacks."""
    (difference,) = to_the_bit(ROW, changed(curve_calls=[0.0]))
    assert difference == ("curve_calls", "'s length", 4, 1)


def test_elsewhere_a_share_of_the_start_may_be_missing():
    """Rounding is relative to what was summed: near the optimum the value itself is no measure."""
    assert over_the_first_steps(ROW, changed(curve_objective=[8.0, 4.0, 1e-9 + 7e-10, 0.25])) == []
    (difference,) = over_the_first_steps(ROW, changed(curve_objective=[8.0, 4.0, 1e-9 + 9e-10, 0.25]))
    assert difference == ("curve_objective", " at 200 calls", 1e-9, 1e-9 + 9e-10)


def test_elsewhere_the_tolerance_is_that_of_the_dtype():
    """1e-4 in float32."""
    near = {"curve_objective": [8.0, 4.0 + 7e-4, 1e-9, 0.25]}
    assert over_the_first_steps(changed(dtype="float32"), changed(dtype="float32", **near)) == []
    assert over_the_first_steps(ROW, changed(**near))


def test_elsewhere_what_comes_after_100_steps_does_not_count():
    """A step costs two calls here, so the last checkpoint lies beyond; nor do status and summaries count."""
    late = {"curve_objective": [8.0, 4.0, 1e-9, 99.0], "status": "diverged", "final_objective": 99.0}
    assert over_the_first_steps(ROW, changed(**late)) == []


def test_elsewhere_what_is_not_finite_must_be_the_same():
    """NaN where there was infinity is a difference, however large the tolerance around infinity."""
    (difference,) = over_the_first_steps(ROW, changed(curve_gradient_norm=[1.0, math.nan, 5.0, 0.5]))
    assert difference.column == "curve_gradient_norm"


def test_elsewhere_checkpoints_must_be_the_same():
    """A trial that stops early within the first 100 steps does something else."""
    short = {name: ROW[name][:2] for name in ("curve_calls", "curve_objective", "curve_gradient_norm")}
    (difference,) = over_the_first_steps(ROW, changed(**short))
    assert difference == ("curve_calls", "'s length", 3, 2)


def test_trials_without_a_curve_agree():
    """A skipped trial was measured nowhere."""
    empty = changed(curve_calls=[], curve_objective=[], curve_gradient_norm=[], calls=0.0, steps=0)
    assert over_the_first_steps(empty, dict(empty)) == []


def test_a_batch_is_described_by_its_columns_and_its_first_trial():
    """One line, whatever the number of trials."""
    differences = [[], to_the_bit(ROW, changed(final_objective=0.5, status="solved"))]
    assert describe(differences) == (
        "differs in status, final_objective (1 of 2 trials): status is stored as 'exhausted' and came out as 'solved'"
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
def test_a_batch_runs_again_by_the_engine_that_was_requested(engine, requested, expected):
    """Parts of earlier schemas store only the engine that ran; a batch without results stores none."""
    row = changed(engine=engine, engine_requested=requested)
    assert Part("p", [changed(status="failed"), row], None).requested_engine == expected


def test_a_batch_without_results_runs_again_by_the_engine_that_auto_chooses():
    """No row says which engine was requested."""
    assert Part("p", [changed(status="failed")], None).requested_engine == "auto"
