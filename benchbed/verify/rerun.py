"""Another run of the sampled batches, and a verdict on each."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from benchbed.interfaces import FINAL_STATUSES, TrialStatus
from benchbed.runner.scheduler import RunOptions
from benchbed.runner.task import Task, run_task
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store import from_bytes
from benchbed.verify.diff import compare_exactly, compare_first_steps, describe
from benchbed.verify.sampling import Sample, StoredBatch


class Verdict(NamedTuple):
    """Result of the comparison of a batch."""

    name: str
    trials: int
    """Number of compared trials."""
    difference: str | None
    """Description of the difference, or the reason why the batch did not run again; None if all trials agree."""


def run_again(sample: Sample, workers: Workers, options: RunOptions) -> Iterator[Verdict]:
    """Run the sampled batches again and yield a verdict on each in their order."""
    bare_plan = msgspec.structs.replace(sample.plan, problems=(), entrants=(), suite={})
    futures = []
    for stored in sample.batches:
        plan = msgspec.structs.replace(bare_plan, engine=stored.requested_engine)
        task = Task(plan, stored.batch, options.plugin_files, options.jobs)
        futures.append(workers.submit(run_task, task, options.timeout))
    for stored, future in zip(sample.batches, futures, strict=True):
        difference = _difference(sample, stored, workers.result(future), options)
        yield Verdict(stored.name, len(stored.measured_rows), difference)


def _difference(
    sample: Sample, stored: StoredBatch, result: bytes | WorkerFailure, options: RunOptions
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
    compare = compare_exactly if sample.changed_environment is None else compare_first_steps
    return describe([compare(stored_row, row) for stored_row, row in pairs])
