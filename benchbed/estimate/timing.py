"""Timing of the batches of a plan: two small budgets each, and a line through them."""

import math
import time
from typing import NamedTuple

import msgspec

from benchbed.checkpoints import affordable_steps, checkpoint_steps
from benchbed.engine import Batch, Record, run_batch
from benchbed.engine.pytrees import tiles
from benchbed.engine.run import tiles_of
from benchbed.estimate.cost import Shape, Timing, shapes_of
from benchbed.plan import Plan
from benchbed.runner.global_state import default_global_state
from benchbed.runner.task import Task, catalog_of, engine_batch
from benchbed.runner.workers import WorkerFailure, Workers
from benchbed.seeds import DRAW_BLOCK

GROWTH = 4
ENOUGH_SECONDS = 0.2
"""Budgets grow until a run takes this long: the cost of a step then stands out from the noise of the clock."""
FEW_LANES = 4
LONG_SECONDS = 2.0
"""A few lanes stand for a tile that would take longer than this for two steps."""


class PlanTimings(NamedTuple):
    """Timings of all batches of a plan."""

    timings: dict[Shape, Timing | None]
    """None for a batch that failed."""
    warnings: list[str]
    """A sentence on each pairing that failed or will be skipped."""


class SmallRun(NamedTuple):
    """Counts and seconds of a run with a small budget."""

    seconds: float
    step_seconds: float
    """Share of the steps; the rest is spent on instances, checkpoints and final metrics."""
    record: Record

    @property
    def steps(self) -> int:
        """Steps of the longest trial."""
        return int(self.record.steps.max())

    @property
    def calls_per_step(self) -> float:
        """Calls of a step, on average; 0 without a step."""
        return float(self.record.calls.max()) / max(1, self.steps)

    @property
    def checkpoints(self) -> int:
        """Checkpoints of the longest trial, including the start."""
        return int(self.record.curve_calls.shape[-1])


def time_plan(plan: Plan, workers: Workers, plugin_files: tuple[str, ...]) -> PlanTimings:
    """Time a batch of every shape in a worker; a plugin that raises or dies leads to a warning."""
    bare = msgspec.structs.replace(plan, problems=(), entrants=(), suite={})
    pairings = plan.pairings()
    futures = {}
    for shape in shapes_of(plan):
        pairing = pairings[shape.pairing]
        # The same setting in every lane: a setting that diverges would leave the batch early.
        settings = [pairing.entrants[0].hyperparameters] * shape.settings
        batch = plan.batch(pairing, settings, "evaluation", range(shape.seeds))
        futures[shape] = workers.submit(time_batch, Task(bare, batch, plugin_files, jobs=1))
    timings: dict[Shape, Timing | None] = {}
    warnings = []
    for shape, future in futures.items():
        pairing = pairings[shape.pairing]
        label = f"{pairing.problem.label} × {pairing.entrants[0].name}"
        result = workers.result(future)
        if isinstance(result, WorkerFailure):
            timings[shape] = None
            warnings.append(f"cannot time {label}: {result.message}")
            continue
        seconds, is_threaded, skip_reason = result
        timings[shape] = Timing(seconds, is_threaded)
        if skip_reason is not None:
            warnings.append(f"{label} will be skipped because {skip_reason}")
    return PlanTimings(timings, list(dict.fromkeys(warnings)))


def time_batch(encoded: bytes) -> tuple[float, bool, str | None]:
    """Return the `Timing` of a task's batch, and the reason if its trials will be skipped.

    Runs the first tile of the batch with growing budgets. The estimate does not include the time of compiling, the end
    of trials that reach all targets or diverge, a cost of steps that changes after the first ones, nor competition
    for caches and memory between jobs.

    Raises: RuntimeError with the traceback of a plugin that raises.
    """
    task = msgspec.json.decode(encoded, type=Task)
    with default_global_state():
        batch = engine_batch(task.plan, task.batch, catalog_of(task.plugin_files))
        endless = batch._replace(targets=(), tolerance=None, planned=batch)
        tile = endless.part(*next(tiles_of(batch)))
        small_tile = tile.part(*next(tiles(len(tile.seeds), tile.settings, FEW_LANES)))
        budget = budget_of_two_steps(small_tile)
        smaller = run_compiled(small_tile, budget)
        if smaller.seconds * lanes_of(tile) / lanes_of(small_tile) > LONG_SECONDS:
            tile = small_tile  # so large a tile takes a time proportional to its lanes
        else:
            smaller = run_compiled(tile, budget)
        larger = run_compiled(tile, budget := budget * GROWTH)
        while larger.seconds < ENOUGH_SECONDS and budget < batch.budget:
            smaller, larger = larger, run_compiled(tile, budget := budget * GROWTH)
    seconds = larger.seconds if budget >= batch.budget else extrapolate(tile, smaller, larger)
    is_compiled = "compiled" in larger.record.engine
    return (
        seconds * lanes_of(batch) / lanes_of(tile),
        is_compiled,
        None if larger.steps else larger.record.skip_reason,
    )


def lanes_of(batch: Batch) -> int:
    """Return the number of trials of a batch."""
    return batch.settings * len(batch.seeds)


def budget_of_two_steps(tile: Batch) -> int:
    """Return the calls of two steps, by the first budget that affords one."""
    budget = 1
    while not (run := run_small(tile, budget)).steps and budget < tile.budget:
        budget *= GROWTH
    return math.ceil(2 * run.calls_per_step) or budget


def run_compiled(tile: Batch, budget: int) -> SmallRun:
    """Run a tile whose steps have been compiled, and all modules loaded, by a first run."""
    run_small(tile, budget)
    return run_small(tile, budget)


def run_small(tile: Batch, budget: int) -> SmallRun:
    """Run a tile with at most `budget` calls a trial.

    Measures the time of this process on a core, so that other processes do not count; on CUDA, where the processor
    waits for the device, the time on the wall.
    """
    clock = time.perf_counter if tile.device.startswith("cuda") else time.process_time
    start = clock()
    record = run_batch(tile._replace(budget=min(budget, tile.budget)), clock)
    seconds = clock() - start
    if record.error is not None:
        raise RuntimeError(record.error)
    return SmallRun(seconds, float(record.step_seconds.sum()), record)


def extrapolate(tile: Batch, smaller: SmallRun, larger: SmallRun) -> float:
    """Return the seconds of a tile with its planned budget.

    The steps and the rest are two lines, in the number of steps and of checkpoints. The fixed part of the steps, which
    contains the random draws of a block of steps, counts once a block.
    """
    if not larger.steps:
        return larger.seconds
    steps = affordable_steps(tile.budget, larger.calls_per_step)
    checkpoints = 1 + len(checkpoint_steps(tile.budget, larger.calls_per_step, tile.every_step))
    block, step = line_through((smaller.steps, smaller.step_seconds), (larger.steps, larger.step_seconds))
    fixed, checkpoint = line_through(
        (smaller.checkpoints, smaller.seconds - smaller.step_seconds),
        (larger.checkpoints, larger.seconds - larger.step_seconds),
    )
    return block * -(-steps // DRAW_BLOCK) + step * steps + fixed + checkpoint * checkpoints


def line_through(smaller: tuple[int, float], larger: tuple[int, float]) -> tuple[float, float]:
    """Return intercept and slope of the line through two points `(count, seconds)`, both at least 0."""
    growth = larger[0] - smaller[0]
    slope = max(0.0, larger[1] - smaller[1]) / growth if growth > 0 else larger[1] / max(1, larger[0])
    return max(0.0, larger[1] - slope * larger[0]), slope
