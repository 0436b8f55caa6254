"""Rows of a batch for the study folder: one for each planned trial, with or without measurements."""

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchbed.catalog.names import error_line
from benchbed.engine import Record
from benchbed.formatting import shortened
from benchbed.interfaces import FINAL_STATUSES, TrialStatus
from benchbed.plan import BatchPlan, Plan, ProblemPlan
from benchbed.store import from_bytes
from benchbed.store.schema import NewerSchemaError

IS_NAN = "the value is NaN"
"""Reason why a trial with a finite point has no value of a metric."""


class ExecutionDetails(NamedTuple):
    """Circumstances of running a batch, which are the same in all of its rows."""

    device: str
    """"cpu", or the CUDA device by its number in the driver, such as "cuda:1"."""
    threads: int
    jobs: int
    attempt: int
    batch_trials: int
    """Trials of the planned batch, of which a part may have run alone; the choice of the engine depends on them."""
    peak_bytes: int | None = None
    """Memory of a process that was ended because of it."""


def rows_of(
    plan: Plan,
    batch: BatchPlan,
    record: Record,
    scale: float | None,
    details: ExecutionDetails,
    score_error: str | None = None,
) -> list[dict[str, Any]]:
    """Return a row for each trial of a batch that the engine ran; `score_error` is why its trials have no score."""
    # A finished lane repeats its last measurement while others run. NaN compares false.
    is_new = np.diff(record.curve_calls, prepend=-1.0) > 0
    return [
        {
            **row,
            **_measurements(record, index, is_new[index], scale),
            "score_error": _reason_of_no_score(record, index, scale, batch.problem, score_error),
        }
        for index, row in _planned(plan, batch, details)
    ]


def _reason_of_no_score(
    record: Record,
    index: tuple[int, int],
    scale: float | None,
    problem: ProblemPlan,
    score_error: str | None,
) -> str | None:
    """Return why a trial has no score although its problem has targets; None if it has one, or was not measured."""
    if not problem.target_metric:
        return score_error or _unreliable_optimum(record, index, scale, problem)
    reasons = record.metric_errors.get(problem.target_metric)
    if reasons is None or reasons[index] is None or not np.isfinite(record.final_theta[index]).all():
        return None
    return f"metric {problem.target_metric!r}: {reasons[index]}"


def _unreliable_optimum(
    record: Record, index: tuple[int, int], scale: float | None, problem: ProblemPlan
) -> str | None:
    """Return why the gap of a trial cannot be compared with the targets; None if it can."""
    if record.optimum is None or scale is None or not problem.targets:
        return None
    optimum, is_scored = float(record.optimum[index]), ~np.isnan(record.calls_to_target[index])
    if not is_scored.any():
        return f"{problem.dtype} cannot resolve any target at the optimum f* = {optimum:.6g}"
    smallest = float(np.min(problem.targets, where=is_scored, initial=math.inf)) * scale
    best = float(np.nanmin(record.curve_objective[index], initial=math.inf))
    if best < optimum - smallest:
        return f"the trial reached {best:.6g}, below the optimum f* = {optimum:.6g}"
    return None


def rows_without_measurements(
    plan: Plan, batch: BatchPlan, status: TrialStatus, error: str, details: ExecutionDetails
) -> list[dict[str, Any]]:
    """Return a row for each trial of a batch that did not run to its end, with the reason."""
    ending = {
        "status": status.value,
        "error": _encodable(error),
        "calls": 0.0,
        "steps": 0,
    }
    return [{**row, **ending} for _, row in _planned(plan, batch, details)]


def fault_of_part(part: bytes, plan: Plan, batch: BatchPlan) -> str | None:
    """Return why bytes from a worker are not the rows of all trials of a batch and of no others; None if they are."""
    try:
        table = from_bytes(part)
        statuses = [TrialStatus(status) for status in table["status"].to_pylist()]
    except (ValueError, TypeError, OSError, pa.ArrowException, NewerSchemaError) as error:
        return f"the process returned no rows of trials: {error_line(error)}"
    planned = sorted(itertools.chain.from_iterable(plan.keys(batch)))
    if sorted(map(str, table["trial_key"].to_pylist())) != planned:
        return f"the process was asked for {len(planned)} trials and returned {len(statuses)} rows of others"
    return None


def _planned(
    plan: Plan, batch: BatchPlan, details: ExecutionDetails
) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
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
        **details._asdict(),
    }
    settings = [json.dumps(setting) for setting in batch.settings]
    for seed_index, keys in enumerate(plan.keys(batch)):
        seed = batch.seeds[seed_index]
        for setting_index, key in enumerate(keys):
            trial = {"trial_key": key, "hyperparameters": settings[setting_index], "seed": seed}
            yield (seed_index, setting_index), {**common, **trial}


def _measurements(
    record: Record, index: tuple[int, int], is_new: np.ndarray, scale: float | None
) -> dict[str, Any]:
    """Return the measurements of the trial at `index`; `is_new` selects the points of its curve."""
    objective = record.curve_objective[index][is_new]
    status = TrialStatus(record.status[index])
    errors = {TrialStatus.FAILED: record.error, TrialStatus.SKIPPED: record.skip_reason}
    optimum = None if record.optimum is None else float(record.optimum[index])
    objectives = {}
    if len(objective):
        final = float(objective[-1])
        objectives = {
            "initial_objective": float(objective[0]),
            "final_objective": final,
            "best_objective": float(np.min(objective, where=~np.isnan(objective), initial=np.inf)),
            "gap": None if optimum is None or scale is None else (final - optimum) / scale,
        }
    values = {name: float(of_batch[index]) for name, of_batch in record.metrics.items()}
    metric_errors = {name: reasons[index] for name, reasons in record.metric_errors.items() if reasons[index]}
    has_diverged = status == TrialStatus.DIVERGED  # far from the start, a metric may overflow
    if status in FINAL_STATUSES and not has_diverged and np.isfinite(record.final_theta[index]).all():
        metric_errors |= {
            name: IS_NAN for name, value in values.items() if math.isnan(value) and name not in metric_errors
        }
    return {
        "status": status.value,
        "engine": str(record.engine[index]),
        "engine_requested": str(record.engine_requested[index]),
        "engine_reason": _encodable(record.engine_reason[index]),
        "fallback_reason": _encodable(record.fallback_reason[index]),
        "error": _encodable(errors.get(status)),
        "calls": float(record.calls[index]),
        "steps": int(record.steps[index]),
        **objectives,
        "optimum": optimum,
        "scale": scale,
        "gradient_norm": _null_if_nan(record.gradient_norm[index]),
        "calls_to_target": [
            None if np.isinf(calls) else float(calls) for calls in record.calls_to_target[index]
        ],
        "curve_calls": record.curve_calls[index][is_new],
        "curve_objective": objective,
        "curve_gradient_norm": record.curve_gradient_norm[index][is_new],
        "curve_metrics": [(name, list(curve[index][is_new])) for name, curve in record.curve_metrics.items()],
        "curve_theta": None if record.curve_theta is None else list(record.curve_theta[index][is_new]),
        "final_theta": record.final_theta[index],
        "metrics": [(name, value) for name, value in values.items() if not math.isnan(value)],
        "metric_errors": [(name, _encodable(reason)) for name, reason in metric_errors.items()],
        "wall_seconds": max(0.0, float(record.step_seconds[index])),
        "state_bytes": record.state_bytes,
        "reads_progress": bool(record.reads_progress[index]),
    }


def _null_if_nan(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _encodable(text: str | None) -> str | None:
    # Error messages are text of any length, and Parquet cannot store lone surrogates.
    return None if text is None else shortened(text).encode("utf-8", "backslashreplace").decode("utf-8")
