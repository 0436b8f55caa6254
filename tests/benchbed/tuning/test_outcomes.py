"""A stored row, reduced to its ending."""

import math

import numpy as np
import pytest

from benchbed.interfaces import SkippedBecause
from benchbed.store import table_of
from benchbed.tuning.outcomes import Outcome, notes_on_skipping, outcomes_of
from benchbed.tuning.scores import trial_scores

ROW = {
    "trial_key": "k",
    "status": "exhausted",
    "budget": 1000,
    "final_objective": 7.0,
    "gap": 0.5,
    "calls_to_target": [10.0, 100.0, None, None],
    "reads_progress": False,
    "error": None,
}


def outcome(row):
    """Give the outcome of one row, as it is stored."""
    return outcomes_of(table_of([row]))[row["trial_key"]]


def test_a_null_among_calls_to_target_was_not_reached():
    """The score is the mean of 2/3, 1/3, 0 and 0."""
    assert outcome(ROW) == Outcome("exhausted", pytest.approx(0.25), 0.5)


def test_trials_of_several_problems_keep_their_own_scores():
    """Budgets and numbers of targets differ; what was not measured has reached nothing."""
    shapes = [(1000, 4), (200, 4), (1000, 2), (1000, 4), (50, 0)]
    calls = [
        [float(place + 3 * target) for target in range(count)] for place, (_, count) in enumerate(shapes, 1)
    ]
    rows = [
        ROW | {"trial_key": str(place), "budget": budget, "calls_to_target": own}
        for place, ((budget, _), own) in enumerate(zip(shapes, calls, strict=True))
    ]
    found = outcomes_of(table_of([*rows, ROW | {"calls_to_target": None}]))
    expected = [
        float(trial_scores(np.array(own), budget)) for (budget, _), own in zip(shapes, calls, strict=True)
    ]
    np.testing.assert_array_equal([found[str(place)].score for place in range(5)], expected)
    assert found["k"].score == 0


@pytest.mark.parametrize("status", ["diverged", "failed", "crashed", "timed_out", "out_of_memory", "skipped"])
def test_a_trial_that_did_not_end_well_has_an_infinite_gap(status):
    """What it measured last is no result; the targets it reached before stay reached."""
    assert outcome(ROW | {"status": status}) == Outcome(status, pytest.approx(0.25), math.inf)


@pytest.mark.parametrize("status", ["solved", "converged", "exhausted"])
def test_a_trial_that_ended_well_keeps_its_gap(status):
    """Even a negative one: f* may be a lower bound, or rounding."""
    assert outcome(ROW | {"status": status, "gap": -1e-9}).gap == -1e-9


@pytest.mark.parametrize("gap", [math.nan, math.inf])
def test_a_gap_that_is_not_finite_comes_last(gap):
    """NaN would win or lose comparisons by accident."""
    assert outcome(ROW | {"gap": gap}).gap == math.inf


def test_without_an_optimum_the_final_objective_counts():
    """There is no gap and no target: the score is NaN."""
    ending = outcome(ROW | {"gap": None, "calls_to_target": []})
    assert ending.gap == 7.0
    assert math.isnan(ending.score)


@pytest.mark.parametrize(("stored", "reads"), [(True, True), (False, False), (None, False)])
def test_whether_progress_was_read_is_taken_over(stored, reads):
    """Null, of a trial that measured nothing or of an earlier schema, claims nothing."""
    assert outcome(ROW | {"reads_progress": stored}).reads_progress is reads


def test_each_reason_for_skipping_trials_is_noted_once():
    """A failed trial was not skipped."""
    skipped = ROW | {"status": "skipped", "error": "unknown to dual numbers; use another"}
    failed = outcome(ROW | {"status": "failed", "error": "Traceback"})
    too_expensive = outcome(skipped | {"error": "a single step costs 7 calls"})
    assert notes_on_skipping([outcome(skipped), outcome(skipped), too_expensive, failed]) == [
        SkippedBecause("unknown to dual numbers; use another"),
        SkippedBecause("a single step costs 7 calls"),
    ]
    assert notes_on_skipping([failed]) == []


def test_a_trial_without_any_measurement_reached_nothing():
    """A crashed process leaves nulls."""
    row = ROW | {"status": "crashed", "gap": None, "final_objective": None, "calls_to_target": None}
    assert outcome(row) == Outcome("crashed", 0.0, math.inf)
