"""Have a batch of every shape in a plan timed where its trials would run: in child processes."""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from benchbed.estimate.cost import Shape, Timing, Timings, shapes_of
from benchbed.estimate.probe import probe
from benchbed.interfaces import NotServedError
from benchbed.plan import Plan
from benchbed.runner.task import Task
from benchbed.runner.workers import WorkerFailure, Workers


class Measured(NamedTuple):
    """The timings of a plan, and a sentence on each pairing that could not be timed."""

    timings: Timings
    complaints: list[str]


def measure(plan: Plan, workers: Workers, plugin_files: tuple[str, ...]) -> Measured:
    """Time a batch of every shape; a plugin that raises or dies leaves a message instead."""
    futures = {shape: workers.submit(probe, task) for shape, task in _tasks(plan, plugin_files)}
    results = {shape: workers.result(future) for shape, future in futures.items()}
    failures = {shape: result for shape, result in results.items() if isinstance(result, WorkerFailure)}
    timings = {shape: None if shape in failures else Timing(*result) for shape, result in results.items()}
    return Measured(timings, list(dict.fromkeys(_complaints(plan, failures))))


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


def _complaints(plan: Plan, failures: dict[Shape, WorkerFailure]) -> Iterator[str]:
    pairings = plan.pairings()
    for shape, failure in failures.items():
        pairing = pairings[shape.pairing]
        _, refused, why = failure.message.partition(f"{NotServedError.__name__}: ")
        place = f"{pairing.problem.label} × {pairing.entrants[0].name}"
        yield f"{place} will be skipped, as {why}" if refused else f"cannot time {place}: {failure.message}"
