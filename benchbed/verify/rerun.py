"""Run the chosen batches again as a study does, and judge what comes out."""

from collections.abc import Generator
from concurrent.futures import Executor
from typing import NamedTuple

import msgspec

from benchbed.runner.isolation import Answer, answer_of, caller, end_children
from benchbed.runner.scheduler import Settings
from benchbed.runner.task import Task, run_task
from benchbed.store import FINAL, from_bytes
from benchbed.verify.diff import describe, over_the_first_steps, to_the_bit
from benchbed.verify.sampling import Part, Sample


class Verdict(NamedTuple):
    """What came of one batch."""

    name: str
    trials: int
    """How many were compared."""
    difference: str | None
    """Where they differ, or why they could not run again; None if they agree."""


def run_again(sample: Sample, executor: Executor, settings: Settings) -> Generator[Verdict, None, None]:
    """Run the chosen batches, each in a child process, and give a verdict on each in their order."""
    bare = msgspec.structs.replace(sample.plan, problems=(), entrants=(), suite={})
    call, futures = caller(executor), []
    try:
        for part in sample.parts:
            same = msgspec.structs.replace(bare, engine=part.asked_engine)
            task = Task(same, part.batch, settings.plugin_files, settings.jobs)
            futures.append(executor.submit(call, run_task, msgspec.json.encode(task), settings.timeout))
        for part, future in zip(sample.parts, futures, strict=True):
            difference = _difference(sample, part, answer_of(future), settings)
            yield Verdict(part.name, len(part.results), difference)
        executor.shutdown()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        end_children()


def _difference(sample: Sample, part: Part, answer: Answer, settings: Settings) -> str | None:
    planned = {key for keys in sample.plan.keys(part.batch) for key in keys}
    if planned != {row["trial_key"] for row in part.rows}:
        return "differs in trial_key: the stored keys are not those of the stored settings and seeds"
    if answer.death == "timed_out":
        return f"did not run again within {settings.timeout:g} s"
    if answer.death is not None:
        return f"did not run again: {answer.death}, {_last_line(answer.log)}"
    again = {row["trial_key"]: row for row in from_bytes(answer.result).to_pylist()}
    lost = [
        row for row in (again[stored["trial_key"]] for stored in part.results) if row["status"] not in FINAL
    ]
    if lost:
        return f"did not run again: {_last_line(lost[0]['error'] or lost[0]['status'])}"
    compare = to_the_bit if sample.elsewhere is None else over_the_first_steps
    return describe([compare(stored, again[stored["trial_key"]]) for stored in part.results])


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "it left no word"
