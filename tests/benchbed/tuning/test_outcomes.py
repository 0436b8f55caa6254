"""Outcomes of stored rows."""

import math

import numpy as np
import pytest

from benchbed.interfaces import SkippedBecause, TargetsNotScored
from benchbed.store import table_of
from benchbed.tuning.outcomes import Outcome, notes_of_trials, outcomes_of, trial_scores

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
    """Return the outcome of one stored row, without its digest."""
    return outcomes_of(table_of([row]))[row["trial_key"]]._replace(digest=None)


def test_a_target_with_null_calls_was_not_reached():
    """The score is the mean of 2/3, 1/3, 0 and 0."""
    assert outcome(ROW) == Outcome("exhausted", pytest.approx(0.25), 0.5, objective=7.0)


def test_targets_that_are_not_scored_leave_the_mean():
    """The score is the mean of 2/3 and 0; the note of a row has the largest count of its trials."""
    rows = [
        ROW
        | {
            "trial_key": str(count),
            "dtype": "float32",
            "calls_to_target": [10.0, None, 50.0, 60.0][:-count] + [math.nan] * count,
        }
        for count in (1, 2, 4)
    ]
    outcomes = outcomes_of(table_of(rows))
    assert outcomes["2"].score == pytest.approx(1 / 3)
    assert math.isnan(outcomes["4"].score)
    assert [outcomes[key].targets_not_scored for key in "124"] == [1, 2, 4]
    assert notes_of_trials([outcomes["1"], outcomes["2"]]) == [TargetsNotScored(2, "float32")]


def test_trials_of_several_problems_are_scored():
    """Budgets and numbers of targets differ; a trial without measurements has score 0."""
    shapes = [(1000, 4), (200, 4), (1000, 2), (1000, 4), (50, 0)]
    calls = [
        [float(number + 3 * target) for target in range(count)] for number, (_, count) in enumerate(shapes, 1)
    ]
    rows = [
        ROW | {"trial_key": str(number), "budget": budget, "calls_to_target": of_trial}
        for number, ((budget, _), of_trial) in enumerate(zip(shapes, calls, strict=True))
    ]
    outcomes = outcomes_of(table_of([*rows, ROW | {"calls_to_target": None}]))
    expected = [
        float(trial_scores(np.array(of_trial), budget))
        for (budget, _), of_trial in zip(shapes, calls, strict=True)
    ]
    np.testing.assert_array_equal([outcomes[str(number)].score for number in range(5)], expected)
    assert outcomes["k"].score == 0


def test_the_score_starts_where_the_problem_says():
    """As stored with the trial; trials of earlier schemas start at 10⁻⁴ of the budget."""
    row = ROW | {"budget": 1000, "calls_to_target": [100.0]}
    assert outcome(row | {"score_start": 0.01}).score == pytest.approx(0.5)
    assert outcome(row | {"score_start": None}).score == pytest.approx(1 / 3)


@pytest.mark.parametrize("status", ["diverged", "failed", "crashed", "timed_out", "out_of_memory", "skipped"])
def test_a_trial_without_a_result_has_an_infinite_gap_and_no_score(status):
    """The targets that it reached before do not count: it must not win against one that stays."""
    assert outcome(ROW | {"status": status}) == Outcome(status, 0.0, math.inf)


@pytest.mark.parametrize("status", ["solved", "converged", "exhausted"])
def test_a_trial_with_a_result_keeps_its_gap(status):
    """It may be negative, if f* is a lower bound or by rounding."""
    assert outcome(ROW | {"status": status, "gap": -1e-9}).gap == -1e-9


@pytest.mark.parametrize("gap", [math.nan, math.inf])
def test_a_non_finite_gap_is_infinite(gap):
    """Comparisons with NaN would be meaningless."""
    assert outcome(ROW | {"gap": gap}).gap == math.inf


def test_without_an_optimum_the_final_objective_counts():
    """There are no targets, so the score is NaN."""
    objective = outcome(ROW | {"gap": None, "calls_to_target": []})
    assert objective.gap == 7.0
    assert math.isnan(objective.score)


@pytest.mark.parametrize(("stored", "reads"), [(True, True), (False, False), (None, False)])
def test_reads_progress_is_copied(stored, reads):
    """Null, of a trial without measurements or of an earlier schema, counts as False."""
    assert outcome(ROW | {"reads_progress": stored}).reads_progress is reads


def test_each_reason_for_skipping_trials_is_noted_once():
    """A failed trial was not skipped."""
    skipped = ROW | {"status": "skipped", "error": "unknown to dual numbers; use another"}
    failed = outcome(ROW | {"status": "failed", "error": "Traceback"})
    too_expensive = outcome(skipped | {"error": "a single step costs 7 calls"})
    assert notes_of_trials([outcome(skipped), outcome(skipped), too_expensive, failed]) == [
        SkippedBecause("unknown to dual numbers; use another"),
        SkippedBecause("a single step costs 7 calls"),
    ]
    assert notes_of_trials([failed]) == []


def test_a_trial_without_measurements_has_score_0():
    """The row of a crashed process has nulls."""
    row = ROW | {"status": "crashed", "gap": None, "final_objective": None, "calls_to_target": None}
    assert outcome(row) == Outcome("crashed", 0.0, math.inf)


def digests(*rows):
    """Return the digests of rows, which are read together."""
    keyed = [row | {"trial_key": str(number)} for number, row in enumerate(rows)]
    return [outcome.digest for outcome in outcomes_of(table_of(keyed)).values()]


def test_equal_measurements_have_equal_digests():
    """Also where the rows differ in their seeds and run times, and hold NaN."""
    row = ROW | {"curve_objective": [1.0, math.nan, None], "gradient_norm": math.nan}
    first, second = digests(row | {"seed": 0, "wall_seconds": 1.0}, row | {"seed": 1, "wall_seconds": 2.0})
    assert first == second is not None


@pytest.mark.parametrize(
    "change",
    [
        {"final_objective": math.nextafter(7.0, 8.0)},
        {"calls": 11.0},
        {"calls_to_target": [10.0, 101.0, None, None]},
        {"curve_objective": [1.0, math.nextafter(2.0, 3.0), 3.0]},
        {"curve_objective": [2.0, 1.0, 3.0]},
        {"curve_objective": [1.0, 2.0, 3.0, 3.0]},
        {"status": "solved"},
    ],
)
def test_a_changed_bit_changes_the_digest(change):
    """A value, its position, or the number of values."""
    row = ROW | {"curve_objective": [1.0, 2.0, 3.0]}
    assert len(set(digests(row, row | change, row))) == 2


def test_a_trial_without_measurements_has_no_digest():
    """It shows nothing about the seed."""
    assert digests(ROW | {"status": "failed"}) == [None]
