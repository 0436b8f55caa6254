"""Have a batch of every shape in a plan timed where its trials would run: in child processes."""

from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import msgspec

from benchbed.estimate.cost import Shape, Timing, Timings, shapes_of
from benchbed.estimate.probe import probe
from benchbed.interfaces import NotServedError
from benchbed.plan import Plan
from benchbed.runner.isolation import Answer, answer_of, caller, end_children
from benchbed.runner.task import Task


class Measured(NamedTuple):
    """The timings of a plan, and a sentence on each pairing that could not be timed."""

    timings: Timings
    complaints: list[str]


def measure(plan: Plan, executor: Executor, plugin_files: tuple[str, ...]) -> Measured:
    """Time a batch of every shape; where a plugin raises or dies, there is no time but a complaint."""
    call = caller(executor)
    try:
        futures = {
            shape: executor.submit(call, probe, msgspec.json.encode(task), None)
            for shape, task in _tasks(plan, plugin_files)
        }
        answers = {shape: answer_of(future) for shape, future in futures.items()}
        executor.shutdown()
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        end_children()
    timings = {shape: None if answer.death else Timing(*answer.result) for shape, answer in answers.items()}
    return Measured(timings, list(dict.fromkeys(_complaints(plan, answers))))


def _tasks(plan: Plan, plugin_files: tuple[str, ...]) -> Iterator[tuple[Shape, Task]]:
    bare = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
    pairings = plan.pairings()
    for shape in shapes_of(plan):
        pairing = pairings[shape.pairing]
        # The same setting in every lane: one that diverges within the few steps would leave the batch.
        settings = [pairing.entrants[0].hyperparameters] * shape.settings
        yield (
            shape,
            Task(bare, plan.batch(pairing, settings, "evaluation", range(shape.seeds)), plugin_files, 1),
        )


def _complaints(plan: Plan, answers: dict[Shape, Answer]) -> Iterator[str]:
    pairings = plan.pairings()
    for shape, answer in answers.items():
        if answer.death is not None:
            pairing = pairings[shape.pairing]
            reason = answer.log.strip().rpartition("\n")[2] or "its process died"
            _, refused, why = reason.partition(f"{NotServedError.__name__}: ")
            place = f"{pairing.problem.label} × {pairing.entrants[0].name}"
            yield f"{place} will be skipped, as {why}" if refused else f"cannot time {place}: {reason}"
