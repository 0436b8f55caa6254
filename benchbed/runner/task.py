"""Run one batch where the work is done: names and numbers in, the bytes of a part out."""

import contextlib
import functools
import os
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import torch

from benchbed.catalog import Catalog, load_catalog
from benchbed.catalog.discovery import DISABLE
from benchbed.catalog.validation import factory_arguments
from benchbed.engine import Batch, Record, run_batch, scale_of
from benchbed.errors import BenchbedError
from benchbed.interfaces import Engine, Gradient, NotServedError, Problem
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.global_state import usual_conditions
from benchbed.runner.rows import ExecutionDetails, rows_of, rows_without
from benchbed.seeds import InstanceSeed
from benchbed.store import table_of, to_bytes


class Task(msgspec.Struct, frozen=True):
    """A batch with what a worker needs to run it; crosses processes as JSON."""

    plan: Plan
    """Without its problems and entrants: the batch names its own."""
    batch: BatchPlan
    plugin_files: tuple[str, ...]
    jobs: int
    attempt: int = 1
    threads: int = 1
    """Those of a compiled program; all else has one, which keeps every sum in its order."""


def run_task(encoded: bytes) -> bytes:
    """Run the task in JSON `encoded` and give its part: one row for every trial, whatever a plugin raises."""
    task = msgspec.json.decode(encoded, type=Task)
    how = ExecutionDetails(threads=task.threads, jobs=task.jobs, attempt=task.attempt)
    try:
        with usual_conditions():
            catalog = catalog_of(task.plugin_files)
        check_sources(catalog, task.plan, task.batch)
    except BenchbedError as error:
        return to_bytes(table_of(rows_without(task.plan, task.batch, "failed", str(error), how)))
    if task.attempt > 1:  # what made the first child die may have been the compiler
        task = msgspec.structs.replace(task, plan=msgspec.structs.replace(task.plan, engine=Engine.EAGER))
    rows = [row for part, outcome in outcomes(task, catalog) for row in _rows(task.plan, part, outcome, how)]
    return to_bytes(table_of(rows))


Outcome = tuple[Record, float | None] | str
"""What the engine measured, with the problem's scale; or the traceback, where not even instances could be made."""


def outcomes(task: Task, catalog: Catalog) -> Iterator[tuple[BatchPlan, Outcome]]:
    """Run the batch; where a plugin raises, halve it until the guilty settings stand alone."""
    waiting = [task.batch]
    while waiting:
        batch = waiting.pop()
        outcome = attempt(task.plan, batch, catalog, task.threads)
        raised = isinstance(outcome, str) or outcome[0].error is not None
        if not raised or len(batch.settings) == 1:
            yield batch, outcome
            continue
        middle = len(batch.settings) // 2
        halves = range(middle), range(middle, len(batch.settings))
        waiting += [batch.part(half) for half in reversed(halves)]


def attempt(plan: Plan, batch: BatchPlan, catalog: Catalog, threads: int = 1) -> Outcome:
    """Run a batch once."""
    try:
        with usual_conditions():
            prepared = engine_batch(plan, batch, catalog)._replace(threads=threads)
            return run_batch(prepared), prepared.scale
    except (Exception, SystemExit):  # noqa: BLE001 (plugin code may raise anything; its traceback becomes the result)
        return traceback.format_exc()


def engine_batch(plan: Plan, batch: BatchPlan, catalog: Catalog) -> Batch:
    """Resolve a batch's names into what the engine runs."""
    problem = catalog.problem(batch.problem.name, batch.problem.parameters)
    factory = catalog.optimizer(batch.optimizer).implementation
    first = batch.settings[0]
    statics = {name: first[name] for name in batch.statics}
    return Batch(
        problem=problem,
        factory=factory,
        statics=factory_arguments(factory, statics, problem.layout),
        hyperparameters={
            name: [float(setting[name]) for setting in batch.settings]
            for name in first
            if name not in batch.statics
        },
        settings=len(batch.settings),
        seeds=[InstanceSeed(plan.study_seed, batch.problem.name, batch.role, seed) for seed in batch.seeds],
        budget=batch.problem.budget,
        targets=batch.problem.targets,
        scale=cached_scale(problem, batch.problem.name, plan.study_seed),
        gradient=_warmed_up(catalog.gradient(plan.gradient)),
        metrics={name: catalog.entry("metrics", name).implementation for name in catalog.names("metrics")},
        dtype=batch.problem.dtype,
        device=plan.device,
        every_step=plan.checkpoints == "all",
        engine=plan.engine,
        tolerance=plan.tolerance,
        stop_when_solved=plan.stop_when_solved,
    )


@functools.cache
def _warmed_up(gradient: Gradient) -> Gradient:
    """Have torch load what a gradient needs, once a process: it takes seconds, which are none of the first step's."""
    point = torch.ones(1, 1, 1, dtype=torch.float64)
    drawn = None if gradient.make_draws is None else gradient.make_draws(torch.Generator(), 1, 1)
    with torch.no_grad(), contextlib.suppress(NotServedError):
        gradient(lambda theta: theta.square().sum(-1), point, drawn)
    return gradient


def check_sources(catalog: Catalog, plan: Plan, batch: BatchPlan) -> None:
    """Refuse to run a plugin whose file differs from the one that was planned with."""
    planned: Mapping[Any, tuple[str, str]] = {
        "problems": (batch.problem.name, batch.problem.source),
        "optimizers": (batch.optimizer, batch.optimizer_source),
    }
    if plan.gradient_source:
        planned = {**planned, "gradients": (plan.gradient, plan.gradient_source)}
    for kind, (name, source) in planned.items():
        entry = catalog.entry(kind, name)
        if entry.source != source:
            raise BenchbedError(
                f"{kind[:-1]} {name!r} differs: the plan was made with file digest {source}, "
                f"this worker has {entry.source}; install the same version of {entry.distribution} everywhere"
            )


def catalog_of(plugin_files: tuple[str, ...]) -> Catalog:
    """Load the catalog once a process, and again where other plugins are disabled than before."""
    return _catalog(plugin_files, os.environ.get(DISABLE))


@functools.cache
def _catalog(plugin_files: tuple[str, ...], disabled: str | None) -> Catalog:
    return load_catalog([Path(file) for file in plugin_files], os.environ)


@functools.lru_cache(maxsize=64)
def cached_scale(problem: Problem, name: str, study_seed: int) -> float | None:
    """Measure a problem's scale once a process: problems are frozen, so equal parameters are one key."""
    return scale_of(problem, name, study_seed)


def _rows(plan: Plan, batch: BatchPlan, outcome: Outcome, how: ExecutionDetails) -> list[dict[str, Any]]:
    if isinstance(outcome, str):
        return rows_without(plan, batch, "failed", outcome, how)
    return rows_of(plan, batch, *outcome, how)
