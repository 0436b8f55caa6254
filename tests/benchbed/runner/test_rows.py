"""Rows of a batch that the engine measured_batch."""

import math

import msgspec
import numpy as np
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.interfaces import START_IN_BASIN, Engine, TrialStatus
from benchbed.plan import Request, make_plan
from benchbed.runner.columns import IS_NAN
from benchbed.runner.rows import ExecutionDetails, rows_of, rows_without_measurements
from benchbed.runner.task import measure_batch
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

DETAILS = ExecutionDetails(device="cpu", threads=1, jobs=1, attempt=1, batch_trials=3)


@pytest.fixture(scope="module")
def measured_batch():
    """Return a batch of three trials on the quartic with its plan, its record and its scale."""
    catalog = load_catalog(environ={})
    request = Request(
        problems=("quartic",), optimizers=("sgd",), preset="quick", steps=20, seeds=3, device="cpu"
    )
    plan = make_plan(catalog, request)
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    assert batch.trials == 3
    result = measure_batch(plan, batch, catalog)
    return msgspec.structs.replace(plan, suite={}), batch, result.record, result.scale


def test_a_row_has_a_metric_for_its_start_in_the_basin(measured_batch):
    """The metric is 1 or 0."""
    plan, batch, record, scale = measured_batch
    values = [
        dict(row["metrics"])[START_IN_BASIN]
        for row in rows_of(plan, batch, record, scale, DETAILS).to_pylist()
    ]
    assert values == record.metrics[START_IN_BASIN][:, 0].tolist()
    assert set(values) <= {0.0, 1.0}


def test_only_compiled_rows_have_several_threads(measured_batch):
    """An eager step cannot use those that were reserved for its batch."""
    plan, batch, record, scale = measured_batch
    engines = np.array([[Engine.EAGER], [Engine.COMPILED], [Engine.EAGER]], dtype=object)
    table = rows_of(plan, batch, record._replace(engine=engines), scale, DETAILS._replace(threads=3))
    assert table["threads"].to_pylist() == [1, 3, 1]


def test_a_metric_without_a_value_has_a_reason(measured_batch):
    """The reason of the engine; else that the value is NaN."""
    plan, batch, record, scale = measured_batch
    unknown = np.array([[1.0], [math.nan], [0.0]])
    errors = np.array([[None], ["it raised"], [None]], dtype=object)
    partly = record._replace(metrics={"first": unknown, "second": unknown}, metric_errors={"first": errors})
    rows = rows_of(plan, batch, partly, scale, DETAILS).to_pylist()
    assert [dict(row["metrics"]) for row in rows] == [
        {"first": x, "second": x} if x < 2 else {} for x in unknown[:, 0]
    ]
    assert [dict(row["metric_errors"]) for row in rows] == [{}, {"first": "it raised", "second": IS_NAN}, {}]


def test_a_metric_of_a_trial_that_diverged_may_be_nan(measured_batch):
    """A metric may overflow at a point far from the start. A metric that raises still has its reason in the row."""
    plan, batch, record, scale = measured_batch
    status = np.full(record.status.shape, TrialStatus.DIVERGED, dtype=object)
    unknown = np.full(record.status.shape, math.nan)
    errors = np.array([[None], ["it raised"], [None]], dtype=object)
    diverged = record._replace(status=status, metrics={"first": unknown}, metric_errors={"first": errors})
    rows = rows_of(plan, batch, diverged, scale, DETAILS).to_pylist()
    assert [dict(row["metric_errors"]) for row in rows] == [{}, {"first": "it raised"}, {}]


@pytest.mark.parametrize("reads", [True, False])
def test_a_row_records_reads_of_the_progress(measured_batch, reads):
    """Each trial has its own value."""
    plan, batch, record, scale = measured_batch
    marked = record._replace(reads_progress=np.array([[reads], [False], [reads]]))
    values = rows_of(plan, batch, marked, scale, DETAILS)["reads_progress"].to_pylist()
    assert values == [reads, False, reads]


def test_a_trial_without_measurements_has_neither(measured_batch):
    """A crashed process has no record."""
    plan, batch, _, _ = measured_batch
    rows = rows_without_measurements(plan, batch, TrialStatus.CRASHED, "signal 9", DETAILS).to_pylist()
    assert len(rows) == 3
    for row in rows:
        assert row["metrics"] is None
        assert row["reads_progress"] is None
