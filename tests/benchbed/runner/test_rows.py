"""What the engine measured, as rows."""

import math

import msgspec
import numpy as np
import pytest

from benchbed.catalog import load_catalog
from benchbed.interfaces import START_IN_BASIN, TrialStatus
from benchbed.plan import Request, make_plan
from benchbed.runner.rows import ExecutionDetails, rows_of, rows_without_measurements
from benchbed.runner.task import measure_batch
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

HOW = ExecutionDetails(threads=1, jobs=1, attempt=1)


@pytest.fixture(scope="module")
def measured():
    """A batch of three trials on the quartic, with its plan, its record and its scale."""
    catalog = load_catalog(environ={})
    request = Request(
        problems=("quartic",), optimizers=("sgd",), preset="quick", steps=20, seeds=3, device="cpu"
    )
    plan = make_plan(catalog, request)
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    assert batch.trials == 3
    return msgspec.structs.replace(plan, suite={}), batch, *measure_batch(plan, batch, catalog)


def test_a_row_says_whether_its_start_is_in_the_basin(measured):
    """1 or 0 among its metrics."""
    plan, batch, record, scale = measured
    found = [dict(row["metrics"])[START_IN_BASIN] for row in rows_of(plan, batch, record, scale, HOW)]
    assert found == record.metrics[START_IN_BASIN][:, 0].tolist()
    assert set(found) <= {0.0, 1.0}


def test_what_is_not_known_of_a_start_is_not_stored(measured):
    """Beside a tile that raised, a metric is NaN, as any that is not a number; of a start there is nothing to say."""
    plan, batch, record, scale = measured
    unknown = np.array([[1.0], [math.nan], [0.0]])
    partly = record._replace(metrics={START_IN_BASIN: unknown, "other": unknown})
    rows = [dict(row["metrics"]) for row in rows_of(plan, batch, partly, scale, HOW)]
    assert [row.get(START_IN_BASIN) for row in rows] == [1.0, None, 0.0]
    assert math.isnan(rows[1]["other"])


@pytest.mark.parametrize("reads", [True, False])
def test_a_row_says_whether_its_trial_read_progress(measured, reads):
    """Each trial for itself, as a plain bool."""
    plan, batch, record, scale = measured
    marked = record._replace(reads_progress=np.array([[reads], [False], [reads]]))
    found = [row["reads_progress"] for row in rows_of(plan, batch, marked, scale, HOW)]
    assert found == [reads, False, reads]
    assert {type(value) for value in found} == {bool}


def test_a_trial_without_measurements_says_nothing_of_either(measured):
    """A process that died left no record."""
    plan, batch, _, _ = measured
    for row in rows_without_measurements(plan, batch, TrialStatus.CRASHED, "signal 9", HOW):
        assert "metrics" not in row
        assert "reads_progress" not in row
