"""Run the chosen batches again as a study does, and judge what comes out."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from benchbed.interfaces import FINAL_STATUSES, TrialStatus
from benchbed.runner.scheduler import RunOptions
from benchbed.runner.task import Task, run_task
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.store import from_bytes
from benchbed.verify.diff import describe, over_the_first_steps, to_the_bit
from benchbed.verify.sampling import Part, Sample


class Verdict(NamedTuple):
    """What came of one batch."""

    name: str
    trials: int
    """How many were compared."""
    difference: str | None
    """Where they differ, or why they could not run again; None if they agree."""


def run_again(sample: Sample, workers: Workers, options: RunOptions) -> Iterator[Verdict]:
    """Run the sampled batches again and yield a verdict on each in their order."""
    bare = msgspec.structs.replace(sample.plan, problems=(), entrants=(), suite={})
    futures = []
    for part in sample.parts:
        plan = msgspec.structs.replace(bare, engine=part.requested_engine)
        task = Task(plan, part.batch, options.plugin_files, options.jobs)
        futures.append(workers.submit(run_task, task, options.timeout))
    for part, future in zip(sample.parts, futures, strict=True):
        difference = _difference(sample, part, workers.result(future), options)
        yield Verdict(part.name, len(part.results), difference)


def _difference(sample: Sample, part: Part, result: bytes | WorkerFailure, options: RunOptions) -> str | None:
    planned = {key for keys in sample.plan.keys(part.batch) for key in keys}
    if planned != {row["trial_key"] for row in part.rows}:
        return "differs in trial_key: the stored keys are not those of the stored settings and seeds"
    if isinstance(result, WorkerFailure):
        if result.kind is TrialStatus.TIMED_OUT:
            return f"did not finish within {options.timeout:g} s when it ran again"
        return f"did not run again: {result.kind}, {result.message}"
    again = {row["trial_key"]: row for row in from_bytes(result).to_pylist()}
    lost = [
        row
        for row in (again[stored["trial_key"]] for stored in part.results)
        if row["status"] not in FINAL_STATUSES
    ]
    if lost:
        return f"did not run again: {_last_line(lost[0]['error'] or lost[0]['status'])}"
    compare = to_the_bit if sample.elsewhere is None else over_the_first_steps
    return describe([compare(stored, again[stored["trial_key"]]) for stored in part.results])


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "no error message"
