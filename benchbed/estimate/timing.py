"""Timing of the batches of a plan: two small budgets each, and a line through them; and their memory."""

import math
import time
from typing import NamedTuple

import msgspec
import numpy as np

from benchbed.catalog.lookup import Catalog
from benchbed.checkpoints import affordable_steps, checkpoint_steps
from benchbed.engine import Batch, Record, run_batch
from benchbed.engine.pytrees import tiles
from benchbed.engine.run import tiles_of
from benchbed.estimate.cost import Shape, Timing, shapes_of
from benchbed.plan import Plan
from benchbed.runner.engine_batches import engine_batch
from benchbed.runner.failures import describe_failure
from benchbed.runner.global_state import default_global_state
from benchbed.runner.memory import peak_bytes, reset_peak
from benchbed.runner.task import Task, catalog_of
from benchbed.runner.third_party import third_party_plugins
from benchbed.runner.workers import WorkerFailure, Workers

GROWTH = 4
ENOUGH_SECONDS = 0.2
"""Budgets grow until a run takes this long: the cost of a step then stands out from the noise of the clock."""
FEW_LANES = 4
LONG_SECONDS = 2.0
"""A few lanes stand for a tile that would take longer than this for two steps."""


class SmallRun(NamedTuple):
    """Measurements of a run with a small budget."""

    seconds: float
    step_seconds: float
    """Share of the steps; the rest is spent on instances, checkpoints and final metrics."""
    steps: int
    """Steps of the longest trial."""
    checkpoints: int
    """Checkpoints of the longest trial, including the start."""
    record: Record


def time_plan(
    plan: Plan,
    catalog: Catalog,
    workers: Workers,
    plugin_files: tuple[str, ...],
    timeout: float | None = None,
) -> tuple[dict[Shape, Timing], list[str]]:
    """Time a batch of every shape in a worker.

    Returns the timings, and a warning for each pairing that raised or died, which has no timing, or will be skipped.
    """
    bare_plan = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
    pairings = plan.pairings()
    futures = {}
    for shape in shapes_of(plan):
        pairing = pairings[shape.pairing]
        # The same setting in every lane: a setting that diverges would leave the batch early.
        settings = [pairing.entrants[0].hyperparameters] * shape.settings
        batch = plan.batch(pairing, settings, "evaluation", range(shape.seeds))
        third_party = third_party_plugins(catalog, bare_plan, batch)
        task = Task(bare_plan, batch, plugin_files, jobs=1, third_party=third_party)
        futures[shape] = workers.submit(time_batch, task, timeout, task.owner)
    timings: dict[Shape, Timing] = {}
    warnings = []
    for shape, future in futures.items():
        pairing = pairings[shape.pairing]
        label = f"{pairing.problem.label} × {pairing.entrants[0].name}"
        timing = workers.result(future)
        if isinstance(timing, WorkerFailure):
            warnings.append(f"cannot time {label}: {describe_failure(timing, 'it', timeout or math.inf)}")
            continue
        timings[shape] = timing
        if timing.skip_reason is not None:
            warnings.append(f"{label} will be skipped because {timing.skip_reason}")
    return timings, list(dict.fromkeys(warnings))


def time_batch(encoded: bytes) -> Timing:
    """Run the first tile of a task's batch with growing budgets and return the timing of the batch.

    The timing does not include compiling, the end of trials that reach all targets or diverge, a cost of steps that
    changes after the first ones, nor competition for caches and memory between jobs.

    Raises: RuntimeError with the traceback of a plugin that raises.
    """
    task = msgspec.json.decode(encoded, type=Task)
    reset_peak()
    with default_global_state():
        batch = engine_batch(task.plan, task.batch, catalog_of(task.plugin_files, task.third_party))
        endless = batch._replace(targets=(), tolerance=None, planned=batch)
        tile = endless.part(*next(tiles_of(batch)))
        few_lanes = tile.part(*next(tiles(len(tile.seeds), tile.settings, FEW_LANES)))
        budget = 1
        while (smaller := run_small(few_lanes, budget)).steps < 2 and budget < batch.budget:
            budget *= 2
        if smaller.seconds * _lanes(tile) / _lanes(few_lanes) > LONG_SECONDS:
            tile = few_lanes  # so large a tile takes a time proportional to its lanes
        else:
            smaller = run_small(tile, budget)
        larger = run_small(tile, budget := budget * GROWTH)
        while larger.seconds < ENOUGH_SECONDS and budget < batch.budget:
            smaller, larger = larger, run_small(tile, budget := budget * GROWTH)
    seconds = larger.seconds if budget >= batch.budget else extrapolate(tile, smaller, larger)
    # The measurements of all tiles are kept until the end of the batch.
    arrays = [values for values in larger.record if isinstance(values, np.ndarray)]
    further_bytes = sum(values.nbytes for values in arrays) * (_lanes(batch) / _lanes(tile) - 1)
    peak = peak_bytes()
    return Timing(
        seconds * _lanes(batch) / _lanes(tile),
        is_threaded="compiled" in larger.record.engine,
        skip_reason=None if larger.steps else larger.record.skip_reason,
        peak_bytes=None if peak is None else peak + further_bytes,
    )


def run_small(tile: Batch, budget: int) -> SmallRun:
    """Run a tile with at most `budget` calls a trial, twice: the first run compiles steps and loads modules.

    Measures the time of this process on a core, so that other processes do not count; on CUDA, where the processor
    waits for the device, the time on the wall.
    """
    tile = tile._replace(budget=min(budget, tile.budget))
    clock = time.perf_counter if tile.device.startswith("cuda") else time.process_time
    run_batch(tile, clock)
    start = clock()
    record = run_batch(tile, clock)
    seconds = clock() - start
    if record.error is not None:
        raise RuntimeError(record.error)
    step_seconds, checkpoints = float(record.step_seconds.sum()), record.curve_calls.shape[-1]
    return SmallRun(seconds, step_seconds, int(record.steps.max()), checkpoints, record)


def extrapolate(tile: Batch, smaller: SmallRun, larger: SmallRun) -> float:
    """Return the seconds of a tile with its planned budget.

    One line through the two runs gives the time of a step, another one the time of a checkpoint. The fixed part of the
    steps contains the random draws of a block of steps and counts once a block.
    """
    if not larger.steps:
        return larger.seconds
    calls_per_step = float(larger.record.calls.max()) / larger.steps
    steps = affordable_steps(tile.budget, calls_per_step)
    checkpoints = 1 + len(checkpoint_steps(tile.budget, calls_per_step, tile.every_step))
    block, step = line_through((smaller.steps, smaller.step_seconds), (larger.steps, larger.step_seconds))
    fixed, checkpoint = line_through(
        (smaller.checkpoints, smaller.seconds - smaller.step_seconds),
        (larger.checkpoints, larger.seconds - larger.step_seconds),
    )
    return block * -(-steps // tile.problem.draw_block) + step * steps + fixed + checkpoint * checkpoints


def line_through(smaller: tuple[int, float], larger: tuple[int, float]) -> tuple[float, float]:
    """Return intercept and slope of the line through two points `(count, seconds)`, both at least 0."""
    growth = larger[0] - smaller[0]
    slope = max(0.0, larger[1] - smaller[1]) / growth if growth > 0 else larger[1] / max(1, larger[0])
    return max(0.0, larger[1] - slope * larger[0]), slope


def _lanes(batch: Batch) -> int:
    return batch.settings * len(batch.seeds)
