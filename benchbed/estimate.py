"""Estimate what a plan costs by timing a few real steps of every pairing."""

import time
from collections.abc import Iterator
from typing import NamedTuple

import torch

from benchbed.analysis.tracks import missing_batches
from benchbed.analysis.tries import settings_tried
from benchbed.catalog import Catalog
from benchbed.engine import checkpoint_calls, run_batch
from benchbed.plan import BatchPlan, Pairing, Plan
from benchbed.runner.task import engine_batch

PROBE_STEPS = 6
"""Steps that are timed; each is followed by a checkpoint, as the first ten of every trial are."""


class Cost(NamedTuple):
    """What a pairing costs at most: no trial stops early, and a tuned choice is never the default."""

    problem: str
    optimizer: str
    trials: int
    calls: float
    seconds: float | None
    """On one core; None if it was not measured."""


def estimate(plan: Plan, catalog: Catalog, timed: bool) -> Iterator[Cost]:
    """Give the cost of every pairing of `plan`, as if nothing were stored."""
    for pairing in plan.pairings():
        batches = missing_batches(plan, pairing, {})
        batches += [
            plan.batch(pairing, [entrant.hyperparameters], "evaluation", range(plan.evaluation_seeds))
            for entrant in pairing.entrants
            for track in plan.tracks
            if settings_tried(plan, pairing, entrant, track, {})
        ]
        calls = sum(batch.trials for batch in batches) * pairing.problem.budget
        seconds = sum(_seconds(plan, batch, pairing, catalog) for batch in batches) if timed else None
        name = pairing.entrants[0].name if len(pairing.entrants) > 1 else pairing.entrants[0].label
        yield Cost(pairing.problem.label, name, sum(batch.trials for batch in batches), calls, seconds)


def _seconds(plan: Plan, batch: BatchPlan, pairing: Pairing, catalog: Catalog) -> float:
    torch.set_num_threads(1)
    price = pairing.problem.price_of(pairing.entrants[0])
    prepared = engine_batch(plan, batch, catalog)
    probe = prepared._replace(budget=int(PROBE_STEPS * price), targets=prepared.targets[-1:])
    begun = time.perf_counter()
    record = run_batch(probe)
    whole = time.perf_counter() - begun
    stepping = float(record.step_seconds.sum())
    steps = max(1, int(record.steps.max()))
    of_a_step = stepping / steps
    of_a_checkpoint = (whole - stepping) / int(record.curve_calls.shape[-1])
    return of_a_step * batch.problem.budget / price + of_a_checkpoint * _checkpoints(batch, price)


def _checkpoints(batch: BatchPlan, price: float) -> int:
    return len({int(calls / price) for calls in checkpoint_calls(batch.problem.budget)})
