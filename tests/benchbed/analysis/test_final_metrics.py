"""Medians of metrics over the trials that have a value."""

import math

import pandas as pd

from benchbed.analysis.final_metrics import COLUMNS, final_metrics
from benchbed.analysis.stored import StoredTrials
from benchbed.interfaces import START_IN_BASIN
from benchbed.store import table_of


def test_medians_are_over_the_trials_with_a_value():
    """The lower median and the interval of its order statistics; a diverged trial and the basin are left out."""
    labels = {"problem": "p", "optimizer": "o", "track": "default"}
    values = [0.9, 0.7, 0.8, 0.6, 5.0]
    outcomes = pd.DataFrame(
        [
            {**labels, "trial_key": str(seed), "status": "diverged" if value == 5.0 else "exhausted"}
            for seed, value in enumerate(values)
        ]
    )
    rows = [{"trial_key": str(seed), "metrics": [("accuracy", value)]} for seed, value in enumerate(values)]
    rows[0]["metrics"].append((START_IN_BASIN, 1.0))
    stored = StoredTrials(table_of(rows))
    (row,) = final_metrics(outcomes, stored).itertuples(index=False)
    assert tuple(row) == ("p", "o", "default", "accuracy", 4, 0.7, 0.6, 0.9)


def test_one_value_has_no_interval():
    """Without any there is no row."""
    outcomes = pd.DataFrame(
        [{"problem": "p", "optimizer": "o", "track": "default", "trial_key": "a", "status": "solved"}]
    )
    (row,) = final_metrics(
        outcomes, StoredTrials(table_of([{"trial_key": "a", "metrics": [("loss", 2.0)]}]))
    ).itertuples(index=False)
    assert row.median == 2.0
    assert math.isnan(row.low)
    empty = final_metrics(outcomes, StoredTrials(table_of([{"trial_key": "a", "metrics": None}])))
    assert list(empty.columns) == COLUMNS
    assert empty.empty
