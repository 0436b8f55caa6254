"""Write a batch's measurements as rows, one for every planned trial, whatever happened to it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from benchbed.engine import Record
from benchbed.interfaces import START_IN_BASIN
from benchbed.plan import BatchPlan, Plan


class ExecutionDetails(NamedTuple):
    """How a batch was run; the same for all of its rows."""

    threads: int
    jobs: int
    attempt: int


def rows_of(
    plan: Plan, batch: BatchPlan, record: Record, scale: float | None, how: ExecutionDetails
) -> list[dict[str, Any]]:
    """Give one row a trial of a batch that the engine ran."""
    # A frozen lane is measured again with the others; NaN compares false.
    kept = np.diff(record.curve_calls, prepend=-1.0) > 0
    return [
        {**row, **_measurements(record, at, kept[at], scale), "batch_trials": batch.trials}
        for at, row in _planned(plan, batch, how)
    ]


def rows_without(
    plan: Plan, batch: BatchPlan, status: str, error: str, how: ExecutionDetails
) -> list[dict[str, Any]]:
    """Give one row a trial of a batch that left no measurement: what happened to it, and why."""
    ending = {
        "status": status,
        "error": _storable(error),
        "calls": 0.0,
        "steps": 0,
        "batch_trials": batch.trials,
    }
    return [{**row, **ending} for _, row in _planned(plan, batch, how)]


def _planned(
    plan: Plan, batch: BatchPlan, how: ExecutionDetails
) -> Iterator[tuple[tuple[int, int], dict[str, Any]]]:
    common = {
        "problem": batch.problem.name,
        "problem_parameters": json.dumps(batch.problem.parameters),
        "optimizer": batch.optimizer,
        "role": batch.role,
        "gradient": plan.gradient,
        "oracle": batch.oracle,
        "budget": batch.problem.budget,
        "device": plan.device,
        "dtype": batch.problem.dtype,
        "problem_source": batch.problem.source,
        "optimizer_source": batch.optimizer_source,
        "gradient_source": plan.gradient_source or None,
        **how._asdict(),
    }
    settings = [json.dumps(setting) for setting in batch.settings]
    for seed, keys in enumerate(plan.keys(batch)):
        for setting, key in enumerate(keys):
            own = {"trial_key": key, "hyperparameters": settings[setting], "seed": batch.seeds[seed]}
            yield (seed, setting), {**common, **own}


def _measurements(
    record: Record, at: tuple[int, int], kept: np.ndarray, scale: float | None
) -> dict[str, Any]:
    """Give what the trial `at` came to; `kept` are the measurements of its curve that say something new."""
    objective = record.curve_objective[at][kept]
    status = str(record.status[at])
    optimum = None if record.optimum is None else float(record.optimum[at])
    return {
        "status": status,
        "engine": str(record.engine[at]),
        "engine_requested": str(record.engine_requested[at]),
        "engine_reason": _storable(record.engine_reason[at]),
        "fallback_reason": _storable(record.fallback_reason[at]),
        "error": _storable({"failed": record.error, "skipped": record.skip_reason}.get(status)),
        "calls": float(record.calls[at]),
        "steps": int(record.steps[at]),
        **_objectives(objective, optimum, scale),
        "optimum": optimum,
        "scale": scale,
        "gradient_norm": _known(record.gradient_norm[at]),
        "calls_to_target": [_reached(value) for value in record.calls_to_target[at]],
        "curve_calls": record.curve_calls[at][kept],
        "curve_objective": objective,
        "curve_gradient_norm": record.curve_gradient_norm[at][kept],
        "curve_theta": None if record.curve_theta is None else list(record.curve_theta[at][kept]),
        "final_theta": record.final_theta[at],
        "metrics": list(_metrics(record, at)),
        "wall_seconds": max(0.0, float(record.step_seconds[at])),
        "state_bytes": record.state_bytes,
        "reads_progress": bool(record.reads_progress[at]),
    }


def _metrics(record: Record, at: tuple[int, int]) -> Iterator[tuple[str, float]]:
    for name, values in record.metrics.items():
        # Beside tiles that raised, and so measured nothing, other tiles may have: there it is not known, not NaN.
        if name != START_IN_BASIN or not np.isnan(values[at]):
            yield name, float(values[at])


def _objectives(curve: np.ndarray, optimum: float | None, scale: float | None) -> Mapping[str, float | None]:
    if not len(curve):
        return {}
    gap = None if optimum is None or scale is None else (float(curve[-1]) - optimum) / scale
    best = float(np.min(curve, where=~np.isnan(curve), initial=np.inf))
    return {
        "initial_objective": float(curve[0]),
        "final_objective": float(curve[-1]),
        "best_objective": best,
        "gap": gap,
    }


def _storable(error: str | None) -> str | None:
    # A message is anyone's text, and Parquet stores no lone surrogate.
    return None if error is None else error.encode("utf-8", "backslashreplace").decode("utf-8")


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _reached(calls: float) -> float | None:
    return float(calls) if np.isfinite(calls) else None
