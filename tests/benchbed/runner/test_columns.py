"""Columns of measured batches, compared with a loop over the trials of a record."""

import json
import math

import msgspec
import numpy as np
import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.interfaces import TrialStatus
from benchbed.plan import Request, make_plan
from benchbed.runner.columns import encodable, measured_columns, planned_columns, table_of_columns
from benchbed.runner.task import measure_batch
from benchbed.store import TRIAL_SCHEMA, from_bytes, to_bytes
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

DETAILS = {"device": "cpu", "threads": 1, "jobs": 2, "attempt": 1, "batch_trials": 6, "peak_bytes": None}


def measure(problem, optimizer, **options):
    """Return the plan, the batch and the result of two settings on three seeds."""
    catalog = load_catalog(environ={})
    selector = f"{optimizer}[learning_rate=[0.01, 1000]]"  # one of which diverges
    request = Request(
        problems=(problem,), optimizers=(selector,), tracks=("default",), preset="quick", steps=30, seeds=3,
        device="cpu", **options,
    )  # fmt: skip
    plan = msgspec.structs.replace(make_plan(catalog, request), suite={})
    batch = missing_batches(PairingState(plan, plan.pairings()[0]))[0]
    assert batch.trials == 6
    return plan, batch, measure_batch(plan, batch, catalog)


@pytest.fixture(scope="module", params=["quadratic", "digits-mlp", "imbalanced-softmax"])
def measured(request):
    """A problem with paths, one with metrics at checkpoints, and one without a known optimum or with another layout."""
    return measure(request.param, "sgd")


def expected_measurements(record, index, scale):
    """Return the measurements of one trial, number by number."""
    calls = record.curve_calls[index]
    new = [i for i, value in enumerate(calls) if i == 0 or value > calls[i - 1]]
    objective = [float(record.curve_objective[index][i]) for i in new]
    optimum = None if record.optimum is None else float(record.optimum[index])
    path = None if record.curve_theta is None else [record.curve_theta[index][i].tolist() for i in new]
    metrics = {name: float(values[index]) for name, values in record.metrics.items()}
    norm = float(record.gradient_norm[index])
    return {
        "status": TrialStatus(record.status[index]).value,
        "calls": float(record.calls[index]),
        "steps": int(record.steps[index]),
        "initial_objective": objective[0],
        "final_objective": objective[-1],
        "best_objective": min((value for value in objective if not math.isnan(value)), default=math.inf),
        "optimum": optimum,
        "scale": scale,
        "gap": None if optimum is None or scale is None else (objective[-1] - optimum) / scale,
        "gradient_norm": None if math.isnan(norm) else norm,
        "calls_to_target": [
            None if value == math.inf else value for value in record.calls_to_target[index].tolist()
        ],
        "curve_calls": [float(calls[i]) for i in new],
        "curve_objective": objective,
        "curve_gradient_norm": [float(record.curve_gradient_norm[index][i]) for i in new],
        "curve_metrics": [
            (name, [float(curve[index][i]) for i in new]) for name, curve in record.curve_metrics.items()
        ],
        "curve_theta": path,
        "final_theta": record.final_theta[index].tolist(),
        "metrics": [(name, value) for name, value in metrics.items() if not math.isnan(value)],
        "wall_seconds": float(record.step_seconds[index]),
        "state_bytes": record.state_bytes,
        "reads_progress": bool(record.reads_progress[index]),
        "engine": str(record.engine[index]),
        "engine_reason": record.engine_reason[index],
    }


def test_the_columns_are_those_of_a_loop_over_the_trials(measured):
    """To the bit, as text; seeds first, then settings."""
    _, batch, result = measured
    table = table_of_columns(measured_columns(result.record, result.scale), batch.trials)
    assert table.schema.equals(TRIAL_SCHEMA)
    indices = [(seed, setting) for seed in range(3) for setting in range(2)]
    for row, index in zip(table.to_pylist(), indices, strict=True):
        for name, value in expected_measurements(result.record, index, result.scale).items():
            assert json.dumps(row[name]) == json.dumps(value), name


def test_the_curve_of_a_trial_ends_with_it():
    """Others of its batch go on."""
    _, batch, result = measure("quadratic", "sgd")
    table = table_of_columns(measured_columns(result.record, result.scale), batch.trials)
    assert table["status"].to_pylist() == ["exhausted", "diverged"] * 3
    lengths = [len(curve) for curve in table["curve_calls"].to_pylist()]
    assert max(lengths[1::2]) < min(lengths[::2])


def test_each_trial_has_its_key_seed_and_setting(measured):
    """In the order of the keys of the plan, and with the details of the run."""
    plan, batch, _ = measured
    rows = table_of_columns(planned_columns(plan, batch, DETAILS), batch.trials).to_pylist()
    keys = [key for of_seed in plan.keys(batch) for key in of_seed]
    assert [row["trial_key"] for row in rows] == keys
    assert [row["seed"] for row in rows] == [0, 0, 1, 1, 2, 2]
    assert [json.loads(row["hyperparameters"]) for row in rows] == list(batch.settings) * 3
    for row in rows:
        assert row.items() >= DETAILS.items()
        assert dict(row["metric_sources"]) == {name: origin.digest for name, origin in plan.metrics.items()}
        assert row["status"] is None


def test_a_batch_without_checkpoints_has_no_objectives(measured):
    """The optimizer raised in its first step."""
    _, batch, result = measured
    record = result.record
    empty = {
        name: getattr(record, name)[:, :, :0]
        for name in ("curve_calls", "curve_objective", "curve_gradient_norm", "curve_theta")
        if getattr(record, name) is not None
    }
    curves = {name: curve[:, :, :0] for name, curve in record.curve_metrics.items()}
    status = np.full((3, 2), TrialStatus.FAILED, dtype=object)
    record = record._replace(**empty, curve_metrics=curves, status=status, error="it raised \ud800")
    table = table_of_columns(measured_columns(record, result.scale), batch.trials)
    for row in table.to_pylist():
        assert row["error"] == "it raised \\ud800"
        assert row["final_objective"] is row["best_objective"] is row["gap"] is None
        assert row["curve_objective"] == []


def test_the_rows_are_stored_to_the_bit(measured):
    """As Parquet bytes, with NaN and null."""
    plan, batch, result = measured
    columns = planned_columns(plan, batch, DETAILS) | measured_columns(result.record, result.scale)
    table = table_of_columns(columns, batch.trials)
    stored = from_bytes(to_bytes(table))
    assert repr(stored.to_pylist()) == repr(table.to_pylist())


def test_a_message_can_be_encoded():
    """Lone surrogates become escapes; None stays None."""
    assert encodable("\ud800 ü") == "\\ud800 ü"
    assert encodable(None) is None
