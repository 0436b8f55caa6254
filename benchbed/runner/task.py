"""Tasks of worker processes: one batch, from names and numbers to the bytes of a stored part."""

import functools
import itertools
import os
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa

from benchbed.catalog.discovery import DISABLE
from benchbed.catalog.loading import load_catalog
from benchbed.catalog.lookup import Catalog
from benchbed.engine import Batch, Record, run_batch
from benchbed.engine.fatal_errors import fatal_status
from benchbed.engine.purity import without_global_randomness
from benchbed.errors import BenchbedError, ContractError, UnknownOptimumError
from benchbed.interfaces import TrialStatus
from benchbed.plan import BatchPlan, Plan
from benchbed.runner.bisection import MOST_RUNS, halves_of
from benchbed.runner.columns import repeated
from benchbed.runner.devices import device_of_rows, finish_work
from benchbed.runner.engine_batches import cached_scale, engine_batch
from benchbed.runner.global_state import default_global_state
from benchbed.runner.library_patches import describe_patches, original_functions
from benchbed.runner.memory import peak_bytes
from benchbed.runner.pairing import PairingCheck, check_pairing, check_sources
from benchbed.runner.rows import ExecutionDetails, rows_of, rows_without_measurements
from benchbed.runner.supervisor import limited_memory
from benchbed.store import to_bytes


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
    memory: int | None = None
    """Bytes that the process may have; None for no limit."""
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
    """Run a task in JSON and return its part, with a row for every trial even if a plugin raises.

    Raises: an exception after which the process is not to be used (see `fatal_status`).
    """
    task = msgspec.json.decode(encoded, type=Task)
    with limited_memory(task.memory):
        rows = rows_of_task(task)
        finish_work()
        peak = peak_bytes()
    position = rows.schema.get_field_index("peak_bytes")
    return to_bytes(rows.set_column(position, "peak_bytes", repeated("peak_bytes", peak, len(rows))))


def rows_of_task(task: Task) -> pa.Table:
    """Run a task and return the row of each of its trials."""
    plan = task.plan
    deaths = task.attempt - 1 + (task.batch.trials < task.planned_trials)
    planned_trials = max(task.planned_trials, task.batch.planned_trials)
    details = ExecutionDetails(
        device_of_rows(plan.device), task.threads, task.jobs, task.attempt, planned_trials
    )

    def failed_rows(batch: BatchPlan, error: str) -> pa.Table:
        return rows_without_measurements(plan, batch, TrialStatus.FAILED, error, details)

    original_functions()
    try:
        with default_global_state():
            catalog = catalog_of(task.plugin_files, task.third_party)
        check_sources(catalog, plan, task.batch)
    except BenchbedError as error:
        return failed_rows(task.batch, str(error))
    tables: list[pa.Table] = []
    results = measure_batches(
        plan, task.batch, catalog, task.threads, planned_trials, task.first_steps, deaths
    )
    for batch, result in results:
        patches = None if task.third_party == () else describe_patches(task.third_party or ())
        if isinstance(result, MeasuredBatch) and patches is None:
            tables.append(rows_of(plan, batch, result.record, result.scale, details, result.score_error))
        else:
            tables.append(failed_rows(batch, patches or str(result)))
    return pa.concat_tables(tables)


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
    except (Exception, SystemExit) as error:
        if fatal_status(error):
            raise
        return traceback.format_exc()


def catalog_of(plugin_files: tuple[str, ...], needed: tuple[str, ...] | None = None) -> Catalog:
    """Return the catalog of this process, which is loaded again if other plugins are disabled.

    Of third-party plugins it contains the `needed` ones, or all if this is None.
    """
    return _catalog(plugin_files, needed, os.environ.get(DISABLE))


@functools.cache
def _catalog(plugin_files: tuple[str, ...], needed: tuple[str, ...] | None, disabled: str | None) -> Catalog:
    return load_catalog([Path(file) for file in plugin_files], os.environ, needed)
