"""Tasks of worker processes: one batch, from names and numbers to the bytes of a stored part."""

import contextlib
import functools
import itertools
import os
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import torch

from benchbed.catalog.discovery import DISABLE
from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.catalog.parameters import convert_hyperparameter, factory_arguments
from benchbed.checkpoints import affordable_steps
from benchbed.engine import Batch, Record, run_batch, scale_of
from benchbed.engine.purity import without_global_randomness
from benchbed.errors import BenchbedError, ContractError, UnknownOptimumError
from benchbed.formatting import shortened
from benchbed.interfaces import Gradient, NotServedError, Problem, TrialStatus
from benchbed.interfaces.modules.drawn_noise import with_drawn_noise
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.bisection import MOST_RUNS, halves_of
from benchbed.runner.global_state import default_global_state
from benchbed.runner.library_patches import describe_patches, original_functions
from benchbed.runner.pairing import PairingCheck, check_pairing, check_sources
from benchbed.runner.rows import ExecutionDetails, rows_of, rows_without_measurements
from benchbed.seeds import InstanceSeed
from benchbed.store import table_of, to_bytes


class Task(msgspec.Struct, frozen=True):
    """A batch and everything that a worker needs to run it; crosses processes as JSON."""

    plan: Plan
    """Without its problems and entrants: the batch contains its own."""
    batch: BatchPlan
    plugin_files: tuple[str, ...]
    jobs: int
    attempt: int = 1
    threads: int = 1
    """Threads of a compiled step; eager operations have one, which fixes the order of their sums."""
    planned_trials: int = 0
    """Trials of the planned batch, which decide the engine, if this one is a part of it; 0 if it is all of it."""
    first_steps: int | None = None
    """End each trial after this number of steps, to compare engines; None for the whole budget."""
    third_party: tuple[str, ...] | None = None
    """Names of the third-party plugins that the batch needs; None if they are not known."""

    @property
    def owner(self) -> str | None:
        """The owner of the process that runs the task; None, for a shared process, if all parts are built in."""
        return None if self.third_party == () else f"{self.batch.problem.label} × {self.batch.optimizer}"


class MeasuredBatch(NamedTuple):
    """Measurements of a batch by the engine."""

    record: Record
    scale: float | None
    """Δ of the problem, the unit of the gap."""
    score_error: str | None = None
    """Why the trials have no score although the problem has an optimum."""


def run_task(encoded: bytes) -> bytes:
    """Run a task in JSON and return its part, with a row for every trial even if a plugin raises."""
    task = msgspec.json.decode(encoded, type=Task)
    plan = task.plan
    planned_trials = task.planned_trials or task.batch.trials
    details = ExecutionDetails(task.threads, task.jobs, task.attempt, planned_trials)

    def failed_rows(batch: BatchPlan, error: str) -> list[dict[str, Any]]:
        return rows_without_measurements(plan, batch, TrialStatus.FAILED, error, details)

    original_functions()
    try:
        with default_global_state():
            catalog = catalog_of(task.plugin_files, task.third_party)
        check_sources(catalog, plan, task.batch)
    except BenchbedError as error:
        return to_bytes(table_of(failed_rows(task.batch, str(error))))
    rows: list[dict[str, Any]] = []
    deaths = task.attempt - 1 + (task.batch.trials < planned_trials)
    results = measure_batches(
        plan, task.batch, catalog, task.threads, planned_trials, task.first_steps, deaths
    )
    for batch, result in results:
        patches = None if task.third_party == () else describe_patches(task.third_party or ())
        if isinstance(result, MeasuredBatch) and patches is None:
            rows += rows_of(plan, batch, result.record, result.scale, details, result.score_error)
        else:
            rows += failed_rows(batch, patches or str(result))
    return to_bytes(table_of(rows))


def measure_batches(
    plan: Plan,
    batch: BatchPlan,
    catalog: Catalog,
    threads: int,
    planned_trials: int,
    first_steps: int | None = None,
    deaths: int = 0,
) -> Iterator[tuple[BatchPlan, MeasuredBatch | str]]:
    """Run a batch; if a plugin raises, split it over settings and seeds until the failing trials are alone.

    A batch is checked before. If a plugin raises in the check, its parts are checked again, and a trial whose check
    raises has failed, even if the trial itself does not raise: its numbers are unchecked.

    The engine and the threads of a part are those of the whole batch of `planned_trials`. `deaths` processes have died
    with its trials.
    """
    options = {"threads": threads, "first_steps": first_steps}
    pending: deque[tuple[BatchPlan, PairingCheck | None]] = deque([(batch, None)])
    for runs in itertools.count(1):
        if not pending:
            return
        batch, check = pending.popleft()  # breadth first: healthy parts are large
        if check is None:

            def build(batch: BatchPlan = batch) -> Batch:
                return engine_batch(plan, batch, catalog, is_measured=False)._replace(deaths=deaths)

            try:
                check = check_pairing(plan, batch, catalog, build)
            except ContractError as error:
                yield batch, str(error)
                continue
        result = measure_batch(plan, batch, catalog, planned_trials, **options, **check.fields)
        if check.error is not None and not isinstance(result, str):
            record = result.record
            result = check.error if record.error is None and record.skip_reason is None else result
        has_failed = isinstance(result, str) or result.record.error is not None
        if has_failed and batch.trials > 1 and runs + len(pending) < MOST_RUNS:
            pending += [(half, check if check.error is None else None) for half in halves_of(batch)]
        else:
            yield batch, result


def measure_batch(
    plan: Plan, batch: BatchPlan, catalog: Catalog, planned_trials: int = 0, **options: Any
) -> MeasuredBatch | str:
    """Run a batch once and return its measurements, or the traceback if its instances cannot be built.

    `options` are fields of the engine's batch.
    """
    try:
        with default_global_state(), without_global_randomness():
            prepared = engine_batch(plan, batch, catalog)._replace(**options)
            if planned_trials > batch.trials:
                prepared = prepared._replace(
                    planned=prepared._replace(settings=planned_trials, seeds=prepared.seeds[:1])
                )
            _, score_error = cached_scale(prepared.problem, batch.problem.name, plan.study_seed)
            return MeasuredBatch(run_batch(prepared), prepared.scale, score_error)
    except ContractError as error:
        return str(error)
    except UnknownOptimumError as error:
        if batch.trials > 1 or "scale" in options:
            return str(error)
        without_score = measure_batch(plan, batch, catalog, planned_trials, **options, scale=None)
        if isinstance(without_score, str):
            return without_score
        return without_score._replace(score_error=str(error))
    except (Exception, SystemExit):  # noqa: BLE001 (plugins may raise anything; the traceback becomes the result)
        return traceback.format_exc()


def engine_batch(plan: Plan, batch: BatchPlan, catalog: Catalog, is_measured: bool = True) -> Batch:
    """Resolve the names of a batch in the catalog; a batch that is only checked needs no scale."""
    problem = with_drawn_noise(catalog.problem(batch.problem.name, batch.problem.parameters))
    factory = catalog.optimizer(batch.optimizer).implementation
    first = batch.settings[0]
    parameters = catalog.parameters(batch.optimizer)
    # JSON has changed tuples to lists.
    statics = {
        name: convert_hyperparameter(batch.optimizer, parameters[name], first[name]) for name in batch.statics
    }
    # The engine skips a batch whose budget pays for no step.
    steps = max(1, affordable_steps(batch.problem.budget, batch.price))
    return Batch(
        problem=problem,
        factory=factory,
        statics=factory_arguments(factory, statics, problem.layout, steps),
        hyperparameters={
            name: [float(setting[name]) for setting in batch.settings]
            for name in first
            if name not in batch.statics
        },
        settings=len(batch.settings),
        seeds=[InstanceSeed(plan.study_seed, batch.problem.name, batch.role, seed) for seed in batch.seeds],
        budget=batch.problem.budget,
        targets=batch.problem.targets,
        target_metric=batch.problem.target_metric,
        scale=cached_scale(problem, batch.problem.name, plan.study_seed)[0] if is_measured else None,
        gradient=problem.change_gradient(_warmed_up(catalog.gradient(plan.gradient))),
        metrics={name: catalog.entry("metrics", name).implementation for name in plan.metrics},
        dtype=batch.problem.dtype,
        device=plan.device,
        every_step=plan.checkpoints == "all",
        engine=plan.engine,
        tolerance=plan.tolerance,
        stop_when_solved=plan.stop_when_solved,
    )


@functools.cache
def _warmed_up(gradient: Gradient) -> Gradient:
    """Call a gradient once a process: torch takes seconds to load some modules, which no step should include."""
    point = torch.ones(1, 1, 1, dtype=torch.float64)
    draws = None if gradient.make_draws is None else gradient.make_draws(torch.Generator(), 1, 1)
    with torch.no_grad(), contextlib.suppress(NotServedError):
        gradient(lambda theta: theta.square().sum(-1), point, draws)
    return gradient


def catalog_of(plugin_files: tuple[str, ...], needed: tuple[str, ...] | None = None) -> Catalog:
    """Return the catalog of this process, which is loaded again if other plugins are disabled.

    Of third-party plugins it contains the `needed` ones, or all if this is None.
    """
    return _catalog(plugin_files, needed, os.environ.get(DISABLE))


@functools.cache
def _catalog(plugin_files: tuple[str, ...], needed: tuple[str, ...] | None, disabled: str | None) -> Catalog:
    return load_catalog([Path(file) for file in plugin_files], os.environ, needed)


@functools.lru_cache(maxsize=64)
def cached_scale(problem: Problem, name: str, study_seed: int) -> tuple[float | None, str | None]:
    """Return the scale of a problem and why it is unknown, if it has an optimum; measured once a process.

    Problems with equal parameters are equal keys.
    """
    try:
        return scale_of(problem, name, study_seed), None
    except UnknownOptimumError as error:
        return None, str(error)
    except ContractError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 (the trials run without it, and store the reason)
        return None, shortened(f"the scale of problem {name!r} raises {type(error).__name__}: {error}", 300)
