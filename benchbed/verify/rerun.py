"""Another run of the sampled batches, compared with the stored rows: to the bit, or within a tolerance."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import msgspec
import numpy as np

from benchbed.interfaces import FINAL_STATUSES, Engine, TrialStatus
from benchbed.runner.scheduler import RunOptions
from benchbed.runner.task import Task, run_task
from benchbed.runner.third_party import third_party_plugins
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store import from_bytes
from benchbed.store.schema import ADDED_IN, EXECUTION_COLUMNS
from benchbed.verify.sampling import Sample, StoredBatch, StoredRow

FIRST_STEPS = 100
"""Steps that are compared between environments or engines: chaotic trials amplify the last bit later on."""
TOLERANCE = {"float64": 1e-10, "float32": 1e-4}
"""Tolerance of curves between environments or engines, relative to the value or to the start, whichever is larger."""
CURVES = ("curve_calls", "curve_objective", "curve_gradient_norm")


class Verdict(NamedTuple):
    """Result of the comparison of a batch."""

    name: str
    trials: int
    """Number of compared trials."""
    difference: str | None
    """Description of the difference, or the reason why the batch did not run again; None if all trials agree."""


class Difference(NamedTuple):
    """The first difference of two rows in a column."""

    column: str
    location: str
    """Index in a list, or number of calls; empty for a single value."""
    stored: Any
    rerun: Any


def run_again(sample: Sample, workers: Workers, options: RunOptions) -> Iterator[Verdict]:
    """Run the sampled batches again and yield a verdict on each, and on each contradictory one, in their order."""
    bare_plan = msgspec.structs.replace(sample.plan, problems=(), entrants=(), suite={})
    compare = compare_exactly if sample.changed_environment is None else compare_first_steps
    futures = []
    for stored in sample.batches:
        plan = msgspec.structs.replace(bare_plan, engine=stored.requested_engine)
        third_party = third_party_plugins(options.catalog, plan, stored.batch)
        task = Task(plan, stored.batch, options.plugin_files, options.jobs, third_party=third_party)
        eager_plan = msgspec.structs.replace(bare_plan, engine=Engine.EAGER)
        eager_task = msgspec.structs.replace(task, plan=eager_plan, first_steps=FIRST_STEPS)
        tasks = [task, eager_task] if stored.is_compiled else [task]
        futures.append([workers.submit(run_task, each, options.timeout, task.owner) for each in tasks])
    for name, (trials, contradiction) in sample.contradictions.items():
        yield Verdict(name, trials, f"is not run again: {contradiction}")
    for stored, (future, *eager) in zip(sample.batches, futures, strict=True):
        difference = _difference(sample, stored, workers.result(future), options, compare)
        for eager_future in eager:
            eager_difference = _difference(
                sample, stored, workers.result(eager_future), options, compare_first_steps
            )
            if difference is None and eager_difference is not None:
                difference = f"its compiled step and eager steps disagree: {eager_difference}"
        yield Verdict(stored.name, len(stored.measured_rows), difference)


def _difference(
    sample: Sample,
    stored: StoredBatch,
    result: bytes | WorkerFailure,
    options: RunOptions,
    compare: Callable[[StoredRow, StoredRow], list[Difference]],
) -> str | None:
    planned_keys = {key for keys in sample.plan.keys(stored.batch) for key in keys}
    if planned_keys != {row["trial_key"] for row in stored.rows}:
        return "differs in trial_key: the stored keys are not those of the stored settings and seeds"
    if isinstance(result, WorkerFailure):
        if result.kind is TrialStatus.TIMED_OUT:
            return f"did not finish within {options.timeout:g} s when it ran again"
        return f"did not run again: {result.kind}, {result.message}"
    rows = {row["trial_key"]: row for row in from_bytes(result).to_pylist()}
    pairs = [(row, rows[row["trial_key"]]) for row in stored.measured_rows]
    for _, row in pairs:
        if row["status"] not in FINAL_STATUSES:
            last_line = (row["error"] or row["status"]).strip().rpartition("\n")[2]
            return f"did not run again: {last_line}"
    return describe([compare(stored_row, row) for stored_row, row in pairs])


def compare_exactly(stored: StoredRow, rerun: StoredRow) -> list[Difference]:
    """Return the columns that are not equal to the bit, except for `EXECUTION_COLUMNS`.

    Metrics that were registered after the trial ran are not compared.
    """
    names = {name for name, _ in stored["metrics"] or ()}
    metrics = rerun["metrics"] and [item for item in rerun["metrics"] if item[0] in names]
    rerun = {**rerun, "metrics": metrics}
    return [
        _first_difference(name, value, rerun[name])
        for name, value in stored.items()
        if name not in EXECUTION_COLUMNS
        and not _are_equal(value, rerun[name])
        and not (name in ADDED_IN and value is None)  # an earlier schema lacks the column
    ]


def compare_first_steps(stored: StoredRow, rerun: StoredRow) -> list[Difference]:
    """Return the curves that differ by more than the tolerance of their dtype within the first 100 steps."""
    calls = FIRST_STEPS * stored["calls"] / max(stored["steps"], 1) * (1 + 1e-9)
    stored_curves, rerun_curves = _curves(stored, calls), _curves(rerun, calls)
    if not np.array_equal(stored_curves[0], rerun_curves[0]):
        return [_first_difference("curve_calls", stored_curves[0].tolist(), rerun_curves[0].tolist())]
    tolerance = TOLERANCE[stored["dtype"]]
    differences = []
    for name, expected, actual in zip(CURVES[1:], stored_curves[1:], rerun_curves[1:], strict=True):
        is_equal = (expected == actual) | (np.isnan(expected) & np.isnan(actual))
        with np.errstate(invalid="ignore", over="ignore"):
            reference = np.maximum(np.maximum(np.abs(expected), np.abs(actual)), np.abs(expected[:1]))
            is_close = np.abs(actual - expected) <= tolerance * reference
        is_close &= np.isfinite(expected) & np.isfinite(actual)
        indices = np.flatnonzero(~(is_equal | is_close))
        if len(indices):
            index = indices[0]
            location = f" at {stored_curves[0][index]:g} calls"
            differences.append(Difference(name, location, float(expected[index]), float(actual[index])))
    return differences


def describe(differences: list[list[Difference]]) -> str | None:
    """Format the differences of the trials of a batch in one line; None if there are none."""
    differing_trials = [trial for trial in differences if trial]
    if not differing_trials:
        return None
    columns = list(dict.fromkeys(difference.column for trial in differing_trials for difference in trial))
    first = differing_trials[0][0]
    return (
        f"differs in {', '.join(columns)} ({len(differing_trials)} of {len(differences)} trials): "
        f"{first.column}{first.location} is stored as {first.stored!r} and is now {first.rerun!r}"
    )


def _are_equal(stored: Any, rerun: Any) -> bool:
    # As text, floats are equal if and only if their bits are; NaN equals itself, and 0 does not equal -0.
    return json.dumps(stored) == json.dumps(rerun)


def _first_difference(column: str, stored: Any, rerun: Any, location: str = "") -> Difference:
    if not (isinstance(stored, list | tuple) and isinstance(rerun, list | tuple)):
        return Difference(column, location, stored, rerun)
    if len(stored) != len(rerun):
        return Difference(column, f"{location}'s length", len(stored), len(rerun))
    index = next(index for index in range(len(stored)) if not _are_equal(stored[index], rerun[index]))
    return _first_difference(column, stored[index], rerun[index], f"{location}[{index}]")


def _curves(row: StoredRow, calls: float) -> list[np.ndarray]:
    curves = [np.array(row[name] or [], dtype=float) for name in CURVES]
    return [curve[curves[0] <= calls] for curve in curves]
