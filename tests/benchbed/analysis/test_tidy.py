"""Tidy frames of three trials with different ends: solved at 3 calls, diverged at 4, failed without a checkpoint."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.tidy import tidy_curves, tidy_targets, tidy_tuning
from benchbed.interfaces import ProblemFacts, Results

ENDS = [
    ("a", "solved", 3.0, [2.0, 3.0]),
    ("b", "diverged", 4.0, [math.inf] * 2),
    ("c", "failed", None, [math.inf] * 2),
]
CHECKPOINTS = [("a", 0, 8.0), ("a", 2, 4.0), ("a", 3, 1.0), ("b", 0, 9.0), ("b", 4, 1e9), ("x", 0, 5.0)]


def study_of(has_optimum=True, **hyperparameters):
    """Return the results of the three trials in one row, with a metric and these hyperparameters."""
    outcomes = pd.DataFrame(ENDS, columns=["trial_key", "status", "calls", "calls_to_target"]).assign(
        problem="quadratic",
        optimizer="gd",
        track="tuned",
        seed=[0, 1, 2],
        hyperparameters=json.dumps(hyperparameters),
    )
    curves = pd.DataFrame(CHECKPOINTS, columns=["trial_key", "calls", "objective"]).sample(
        frac=1, random_state=0
    )
    curves = curves.assign(
        gap=curves["objective"] / 2 if has_optimum else math.nan, accuracy=curves["objective"] / 10
    )
    return Results(**dict.fromkeys(Results._fields))._replace(
        problems={"quadratic": ProblemFacts(10, (0.1, 0.01), 0.01, 2, "float64", has_optimum)},
        outcomes=outcomes,
        curves=curves,
    )


def values(frame, column):
    """Return a column as one list a trial."""
    return [rows[column].tolist() for _, rows in frame.groupby("seed")]


def test_all_trials_have_rows_at_the_same_calls():
    """At the start, every checkpoint, every end of a lost trial and the budget."""
    assert values(tidy_curves(study_of()), "calls") == [[0, 2, 3, 4, 10]] * 3


def test_a_trial_that_ended_keeps_its_values():
    """The solved trial stays in the median up to the budget, also with its metrics."""
    curves = tidy_curves(study_of())
    assert values(curves, "gap")[0] == [4, 2, 0.5, 0.5, 0.5]
    assert values(curves, "accuracy")[0] == [0.8, 0.4, 0.1, 0.1, 0.1]


def test_a_lost_trial_is_infinite_from_its_end():
    """Its gap counts as +∞, before that it has its values; a trial without checkpoints is +∞ throughout."""
    curves = tidy_curves(study_of())
    assert values(curves, "gap")[1:] == [[4.5, 4.5, 4.5, math.inf, math.inf], [math.inf] * 5]
    assert values(curves, "objective")[1] == [9, 9, 9, math.inf, math.inf]
    np.testing.assert_equal(values(curves, "accuracy")[1], [0.9, 0.9, 0.9, math.nan, math.nan])


def test_an_unknown_gap_stays_unknown():
    """Without an optimum, a lost trial has no gap, and an objective of +∞."""
    curves = tidy_curves(study_of(has_optimum=False))
    assert curves["gap"].isna().all()
    assert values(curves, "objective")[2] == [math.inf] * 5


def test_values_that_are_not_finite_are_infinite():
    """A measured trial may have such a value before it ends."""
    study = study_of()
    curves = tidy_curves(study._replace(curves=study.curves.assign(gap=math.nan, objective=math.nan)))
    assert np.isinf(curves[["gap", "objective"]]).all(axis=None)


def test_a_skipped_trial_has_no_gap():
    """It is not lost: a median of the other trials does not count it."""
    study = study_of()
    skipped = study.outcomes["trial_key"] == "c"
    curves = tidy_curves(
        study._replace(
            outcomes=study.outcomes.assign(status=study.outcomes["status"].mask(skipped, "skipped"))
        )
    )
    np.testing.assert_equal(values(curves, "gap")[2], [math.nan] * 5)
    np.testing.assert_equal(values(curves, "objective")[2], [math.nan] * 5)
    assert np.isinf(values(curves, "gap")[1][-1])


def test_hyperparameters_are_columns():
    """Numbers stay numbers; a name that is in use has a prefix."""
    curves = tidy_curves(study_of(learning_rate=0.1, calls=3, schedule="cosine"))
    assert curves["learning_rate"].tolist() == [0.1] * 15
    assert set(curves["hyperparameter:calls"]) == {3}
    assert set(curves["schedule"]) == {"cosine"}


def test_hyperparameters_of_another_optimizer_are_missing():
    """The column of a hyperparameter that only one optimizer has is NaN for the others."""
    study = study_of(learning_rate=0.1)
    other = study.outcomes.assign(optimizer="momentum", hyperparameters='{"learning_rate": 0.2, "beta": 0.9}')
    targets = tidy_targets(study._replace(outcomes=pd.concat([study.outcomes, other])))
    by_optimizer = targets.groupby("optimizer")["beta"]
    assert by_optimizer.count().to_dict() == {"gd": 0, "momentum": 6}


def test_a_metric_with_the_name_of_another_column_has_a_prefix():
    """The status of the trial is not replaced by a metric."""
    study = study_of()
    curves = tidy_curves(study._replace(curves=study.curves.rename(columns={"accuracy": "status"})))
    assert set(curves["status"]) == {"solved", "diverged", "failed"}
    assert "metric:status" in curves


def test_targets_have_a_row_each():
    """Targets that were not reached cost +∞, all of a lost trial among them."""
    targets = tidy_targets(study_of(learning_rate=0.1))
    assert values(targets, "target") == [[0.1, 0.01]] * 3
    assert values(targets, "calls") == [[2, 3], [math.inf] * 2, [math.inf] * 2]
    assert set(targets["budget"]) == {10}


def test_a_study_without_scores_has_no_targets():
    """The columns remain."""
    study = study_of()
    targets = tidy_targets(study._replace(outcomes=study.outcomes.assign(calls_to_target=[[]] * 3)))
    assert targets.empty
    assert {"problem", "optimizer", "track", "seed", "target", "calls", "budget"} <= set(targets)


@pytest.mark.parametrize("frame", [tidy_curves, tidy_targets])
def test_an_empty_study_has_empty_frames(frame):
    """As of a run that was interrupted before its first trial."""
    study = study_of()
    assert frame(study._replace(outcomes=study.outcomes[:0], curves=study.curves[:0])).empty


def test_tuning_trials_have_their_hyperparameters():
    """The infinite gap of a lost trial is kept."""
    columns = {
        "problem": "quadratic",
        "optimizer": "gd",
        "seed": 0,
        "trial_key": "t",
        "status": "diverged",
        "calls": 4.0,
    }
    columns |= {
        "objective": math.inf,
        "gap": math.inf,
        "score": 0.0,
        "hyperparameters": '{"learning_rate": 10.0}',
    }
    tuning = tidy_tuning(study_of()._replace(tuning=pd.DataFrame([columns], index=[7])))
    assert tuning.to_dict("records") == [
        {key: value for key, value in columns.items() if key != "hyperparameters"} | {"learning_rate": 10.0}
    ]
