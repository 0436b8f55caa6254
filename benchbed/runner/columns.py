"""Columns of the trials of a batch for the study folder, built from whole arrays of measurements."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from benchbed.engine import Record
from benchbed.formatting import shortened
from benchbed.interfaces import FINAL_STATUSES, TrialStatus
from benchbed.plan import BatchPlan, Plan
from benchbed.store import TRIAL_SCHEMA

IS_NAN = "the value is NaN"
"""Reason why a trial with a finite point has no value of a metric."""

Columns = dict[str, pa.Array]
"""Columns of `TRIAL_SCHEMA` by name; the trials of the first seed come first, one for each setting."""


def planned_columns(plan: Plan, batch: BatchPlan, details: Mapping[str, Any]) -> Columns:
    """Return the columns that are known before a batch runs; `details` are equal in all of its rows."""
    common = {
        "problem": batch.problem.name,
        "problem_parameters": json.dumps(batch.problem.parameters),
        "optimizer": batch.optimizer,
        "role": batch.role,
        "gradient": plan.gradient,
        "oracle": batch.oracle,
        "budget": batch.problem.budget,
        "score_start": batch.problem.score_start,
        "dtype": batch.problem.dtype,
        "problem_source": batch.problem.source,
        "optimizer_source": batch.optimizer_source,
        "gradient_source": plan.gradient_source or None,
        "metric_sources": [(name, origin.digest) for name, origin in plan.metrics.items()],
        **details,
    }
    settings = [json.dumps(setting) for setting in batch.settings]
    return {
        **{name: repeated(name, value, batch.trials) for name, value in common.items()},
        "trial_key": _column("trial_key", [key for keys in plan.keys(batch) for key in keys]),
        "hyperparameters": _column("hyperparameters", settings * len(batch.seeds)),
        "seed": _column("seed", np.repeat(batch.seeds, len(settings))),
    }


def repeated(name: str, value: object, rows: int) -> pa.Array:
    """Return a column with the same value in all rows."""
    return _column(name, [value]).take(pa.array(np.zeros(rows, dtype=np.int64)))


def measured_columns(record: Record, scale: float | None) -> Columns:
    """Return the columns that the engine measured; `scale` is the unit of the gap."""
    trials = record.status.size
    flat = {
        name: values.reshape(trials, *values.shape[2:])
        for name, values in record._asdict().items()
        if isinstance(values, np.ndarray)
    }
    # A finished lane repeats its last measurement while others run. NaN compares false.
    is_new = np.diff(flat["curve_calls"], prepend=-1.0) > 0
    statuses = [TrialStatus(status).value for status in flat["status"]]
    errors = {TrialStatus.FAILED: record.error, TrialStatus.SKIPPED: record.skip_reason}
    text = {name: _texts(flat[name]) for name in ("engine_reason", "fallback_reason")}
    columns = {
        **text,
        "status": statuses,
        "engine": list(map(str, flat["engine"])),
        "engine_requested": list(map(str, flat["engine_requested"])),
        "error": _texts([errors.get(TrialStatus(status)) for status in statuses]),
        "calls": flat["calls"].astype(float),
        "steps": flat["steps"].astype(int),
        "wall_seconds": np.fmax(0.0, flat["step_seconds"].astype(float)),
        "reads_progress": flat["reads_progress"].astype(bool),
    }
    return {
        **{name: _column(name, values) for name, values in columns.items()},
        **_objective_columns(flat["curve_objective"], is_new, flat.get("optimum"), scale),
        "state_bytes": repeated("state_bytes", record.state_bytes, trials),
        "gradient_norm": pa.array(flat["gradient_norm"].astype(float), mask=np.isnan(flat["gradient_norm"])),
        **_list_columns(flat, is_new),
        "curve_metrics": _metric_curves(record.curve_metrics, is_new),
        "metrics": _metrics(record.metrics, trials),
        "metric_errors": _metric_errors(record, statuses, flat["final_theta"]),
    }


def table_of_columns(columns: Mapping[str, pa.Array], rows: int) -> pa.Table:
    """Build a table of trials; columns that are missing are null."""
    arrays = [
        columns[field.name] if field.name in columns else pa.nulls(rows, field.type) for field in TRIAL_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=TRIAL_SCHEMA)


def encodable(text: str | None) -> str | None:
    """Return an error message that Parquet can store: messages have any length, and may contain lone surrogates."""
    return None if text is None else shortened(text).encode("utf-8", "backslashreplace").decode("utf-8")


def _column(name: str, values: Sequence[Any] | np.ndarray) -> pa.Array:
    return pa.array(values, type=TRIAL_SCHEMA.field(name).type)


def _texts(texts: Iterable[str | None]) -> list[str | None]:
    """Return texts as `encodable` does; most of them are equal."""
    known: dict[str | None, str | None] = {}
    return [known[text] if text in known else known.setdefault(text, encodable(text)) for text in texts]


def _objective_columns(
    objective: np.ndarray, is_new: np.ndarray, optimum: np.ndarray | None, scale: float | None
) -> Columns:
    """Return the objectives of `objective: [trials, checkpoints]` at `is_new`, null where nothing was measured."""
    trials, is_missing = len(objective), ~is_new.any(axis=1)
    if not is_new.shape[1]:  # the batch raised before its first checkpoint
        objective, is_new = np.zeros((trials, 1)), np.zeros((trials, 1), dtype=bool)
    first, last = is_new.argmax(axis=1), is_new.shape[1] - 1 - is_new[:, ::-1].argmax(axis=1)
    initial, final = (objective[np.arange(trials), position] for position in (first, last))
    best = np.min(objective, axis=1, where=is_new & ~np.isnan(objective), initial=np.inf)
    columns = {"initial_objective": initial, "final_objective": final, "best_objective": best}
    if optimum is not None and scale is not None:
        with np.errstate(all="ignore"):
            columns["gap"] = (final - optimum) / scale
    return {
        **{name: pa.array(values.astype(float), mask=is_missing) for name, values in columns.items()},
        **({} if optimum is None else {"optimum": _column("optimum", optimum.astype(float))}),
        "scale": repeated("scale", scale, trials),
    }


def _list_columns(flat: Mapping[str, np.ndarray], is_new: np.ndarray) -> Columns:
    """Return the columns of lists of numbers: curves at `is_new: [trials, checkpoints]`, targets and points."""
    lengths = is_new.sum(axis=1)
    columns = {
        name: _lists(flat[name][is_new], lengths)
        for name in ("curve_calls", "curve_objective", "curve_gradient_norm")
    }
    targets, points = flat["calls_to_target"], flat["final_theta"]
    calls = pa.array(targets.ravel().astype(float), mask=np.isinf(targets.ravel()))
    columns["calls_to_target"] = _lists(calls, np.full(len(targets), targets.shape[1]))
    columns["final_theta"] = _lists(points.ravel(), np.full(len(points), points.shape[1]))
    if "curve_theta" in flat:
        path = flat["curve_theta"][is_new]
        columns["curve_theta"] = _lists(_lists(path.ravel(), np.full(len(path), path.shape[1])), lengths)
    return columns


def _metric_curves(curves: Mapping[str, np.ndarray], is_new: np.ndarray) -> pa.MapArray:
    trials, lengths = len(is_new), is_new.sum(axis=1)
    stacked = np.array([curve.reshape(is_new.shape) for curve in curves.values()], dtype=float)
    stacked = stacked.reshape(len(curves), *is_new.shape)
    selected = np.broadcast_to(is_new[:, None], (trials, len(curves), is_new.shape[1]))
    values = _lists(stacked.swapaxes(0, 1)[selected], np.repeat(lengths, len(curves)))
    return _maps(list(curves) * trials, values, np.full(trials, len(curves)))


def _metrics(metrics: Mapping[str, np.ndarray], trials: int) -> pa.MapArray:
    """Return the metrics of each trial that have a value."""
    values = np.array([of_batch.reshape(trials) for of_batch in metrics.values()], dtype=float)
    values = values.reshape(len(metrics), trials).T  # [trials, metrics]
    has_value = ~np.isnan(values)
    names = np.array(list(metrics), dtype=object)[np.nonzero(has_value)[1]]
    return _maps(names, pa.array(values[has_value]), has_value.sum(axis=1))


def _metric_errors(record: Record, statuses: Sequence[str], points: np.ndarray) -> pa.MapArray:
    """Return why metrics have no value, which no trial lacks usually."""
    reasons: list[dict[str, str | None]] = [{} for _ in statuses]
    for name, of_batch in record.metric_errors.items():
        for position in np.flatnonzero(of_batch.ravel().astype(bool)):
            reasons[position][name] = encodable(of_batch.flat[position])
    # Far from the start, a metric of a trial that diverged may overflow.
    expected = sorted(FINAL_STATUSES - {TrialStatus.DIVERGED})
    is_expected = np.isin(statuses, expected) & np.isfinite(points).all(axis=-1)
    for name, values in record.metrics.items():
        for position in np.flatnonzero(is_expected & np.isnan(values.ravel())):
            reasons[position].setdefault(name, IS_NAN)
    return _column("metric_errors", [list(of_trial.items()) for of_trial in reasons])


def _lists(values: np.ndarray | pa.Array, lengths: np.ndarray) -> pa.ListArray:
    """Return lists of consecutive `values`, of these lengths."""
    items = pa.array(values) if isinstance(values, np.ndarray) else values
    return pa.ListArray.from_arrays(_offsets(lengths), items)


def _maps(names: Sequence[str] | np.ndarray, values: pa.Array, lengths: np.ndarray) -> pa.MapArray:
    return pa.MapArray.from_arrays(_offsets(lengths), pa.array(names, pa.string()), values)


def _offsets(lengths: np.ndarray) -> pa.Array:
    return pa.array(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), pa.int32())
