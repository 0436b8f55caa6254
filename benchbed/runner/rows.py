"""Rows of a batch for the study folder: one for each planned trial, with or without measurements."""

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchbed.catalog.names import error_line
from benchbed.engine import Record
from benchbed.interfaces import Engine, TrialStatus
from benchbed.plan import BatchPlan, Plan, ProblemPlan
from benchbed.runner.columns import (
    encodable,
    measured_columns,
    planned_columns,
    repeated,
    table_of_columns,
)
from benchbed.store import from_bytes
from benchbed.store.schema import NewerSchemaError


class ExecutionDetails(NamedTuple):
    """Circumstances of running a batch, which are the same in all of its rows."""

    device: str
    """"cpu", or the CUDA device by its number in the driver, such as "cuda:1"."""
    threads: int
    """Threads of a compiled step."""
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
) -> pa.Table:
    """Return a row for each trial of a batch that the engine ran; `score_error` is why its trials have no score."""
    reasons = _reasons_of_no_score(record, scale, batch.problem, score_error)
    columns = planned_columns(plan, batch, details._asdict()) | measured_columns(record, scale)
    is_compiled = pc.equal(columns["engine"], Engine.COMPILED.value)
    columns["threads"] = pc.if_else(is_compiled, columns["threads"], pc.cast(1, columns["threads"].type))
    return table_of_columns(columns | {"score_error": pa.array(reasons, pa.string())}, batch.trials)


def rows_without_measurements(
    plan: Plan, batch: BatchPlan, status: TrialStatus, error: str, details: ExecutionDetails
) -> pa.Table:
    """Return a row for each trial of a batch that did not run to its end, with the reason."""
    ending: dict[str, Any] = {"status": status.value, "error": encodable(error), "calls": 0.0, "steps": 0}
    columns = {name: repeated(name, value, batch.trials) for name, value in ending.items()}
    return table_of_columns(planned_columns(plan, batch, details._asdict()) | columns, batch.trials)


def rows_from_worker(part: bytes, plan: Plan, batch: BatchPlan) -> pa.Table | str:
    """Return the rows in bytes from a worker, or why they are not those of all trials of a batch and of no others."""
    try:
        table = from_bytes(part)
    except (ValueError, TypeError, OSError, pa.ArrowException, NewerSchemaError) as error:
        return f"the process returned no rows of trials: {error_line(error)}"
    planned = sorted(itertools.chain.from_iterable(plan.keys(batch)))
    if sorted(map(str, table["trial_key"].to_pylist())) != planned:
        return f"the process was asked for {len(planned)} trials and returned {len(table)} rows of others"
    return table


def warnings_of(table: pa.Table) -> Iterator[str]:
    """Yield why trials of a stored batch fell back to the eager engine or were skipped."""
    for reason in table["fallback_reason"].unique().drop_null().to_pylist():
        yield f"ran eagerly because {reason}"
    skipped = table.filter(pc.equal(table["status"], TrialStatus.SKIPPED))
    for error in skipped["error"].unique().to_pylist():
        yield f"skipped because {error}"
    for error in table["score_error"].unique().drop_null().to_pylist():
        yield f"no score because {error}"
    by_metric: dict[str, str] = {}
    for errors in table["metric_errors"].drop_null().to_pylist():
        by_metric = dict(errors) | by_metric
    for metric, reason in by_metric.items():
        yield f"metric {metric} could not be measured: {reason}"


def _reasons_of_no_score(
    record: Record, scale: float | None, problem: ProblemPlan, score_error: str | None
) -> list[str | None]:
    """Return why a trial has no score although its problem has targets; None if it has one, or was not measured."""
    trials = record.status.size
    if problem.target_metric:
        reasons = record.metric_errors.get(problem.target_metric)
        if reasons is None:
            return [None] * trials
        is_finite = np.isfinite(record.final_theta).all(axis=-1).ravel()
        return [
            f"metric {problem.target_metric!r}: {reason}" if reason is not None and finite else None
            for reason, finite in zip(reasons.flat, is_finite, strict=True)
        ]
    messages: list[str | None] = [score_error or None] * trials
    if score_error or record.optimum is None or scale is None or not problem.targets:
        return messages
    optima = record.optimum.ravel()
    is_scored = ~np.isnan(record.calls_to_target).reshape(len(optima), -1)
    smallest = np.min(
        np.broadcast_to(problem.targets, is_scored.shape), axis=1, where=is_scored, initial=math.inf
    )
    curves = record.curve_objective.reshape(len(optima), -1)
    best = np.min(curves, axis=1, where=~np.isnan(curves), initial=math.inf)
    has_targets = is_scored.any(axis=1)
    with np.errstate(invalid="ignore"):
        is_below = best < optima - smallest * scale
    for position in np.flatnonzero(~has_targets | is_below):
        optimum = f"the optimum f* = {optima[position]:.6g}"
        if has_targets[position]:
            messages[position] = f"the trial reached {best[position]:.6g}, below {optimum}"
        else:
            messages[position] = f"{problem.dtype} cannot resolve any target at {optimum}"
    return messages
