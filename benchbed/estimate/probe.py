"""Time a few real steps and checkpoints of one batch, and say how long all of it would take."""

import math
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import torch

from benchbed.checkpoints import affordable_steps, checkpoint_steps
from benchbed.engine import Batch, run_batch
from benchbed.engine.backends import EngineChoice, choose_engine, compiles_objective, make_backend
from benchbed.engine.evaluation import measure_objective
from benchbed.engine.loop import Clock
from benchbed.engine.pytrees import Lanes, tiles
from benchbed.engine.run import is_stateful, tiles_of
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine
from benchbed.runner.global_state import usual_conditions
from benchbed.runner.task import Task, catalog_of, engine_batch
from benchbed.seeds import DRAW_BLOCK

PATIENCE = 0.5
"""Seconds that the largest part which is timed may take: by then time grows in proportion to the lanes."""
GROWTH = 4
LEAST_STEPS, MOST_STEPS = 3, 20
CHUNK = 40
"""Steps that a program makes at a time: about as many as between two checkpoints."""


class Steps(NamedTuple):
    """Seconds that the steps of a part take."""

    block: float
    """To make the draws of a block of steps."""
    step: float


class Measures(NamedTuple):
    """Seconds that everything else takes in a part."""

    beginning: float
    """Instances and the checkpoint at the start."""
    checkpoint: float
    ending: float
    """The last checkpoint and the measures at the end."""


def probe(encoded: bytes) -> tuple[float, bool]:
    """Give what a `Timing` holds for the batch of the task in JSON `encoded`, if no trial stops early.

    Its steps are made as they would be, but by a scan, which takes too long to compile: by the loop instead. Compiling
    is not counted. Raises whatever a plugin raises.
    """
    task = msgspec.json.decode(encoded, type=Task)
    with usual_conditions():
        batch = engine_batch(task.plan, task.batch, catalog_of(task.plugin_files))
        engine = choose_engine(batch, is_stateful(batch)).engine
        # No trial may stop early.
        endless = batch._replace(targets=(), tolerance=None, engine=engine)
        return seconds_of(endless, clock_of(batch.device)), is_shared(endless)


def seconds_of(batch: Batch, clock: Clock) -> float:
    """Estimate the seconds of a batch from parts of its first tile."""
    tile = batch.part(*next(tiles_of(batch)))
    price = calls_of_a_step(part_of(tile, 1))
    steps = affordable_steps(batch.budget, price)
    checkpoints = len(checkpoint_steps(batch.budget, price, batch.every_step))
    made = Steps(*extrapolate(tile, time_steps, clock))
    rest = Measures(*extrapolate(tile, lambda part, clock: time_measures(part, price, clock), clock))
    (saved,) = extrapolate(tile, lambda part, clock: (time_saved(part, tile, clock),), clock)
    seconds = (
        made.block * math.ceil(steps / DRAW_BLOCK)
        + made.step * steps
        + rest.beginning
        + max(0.0, rest.checkpoint - saved) * max(0, checkpoints - 1)
        + rest.ending
    )
    return seconds * (batch.settings * len(batch.seeds)) / (tile.settings * len(tile.seeds))


def is_shared(batch: Batch) -> bool:
    """Tell whether the steps of a batch are made by a program of lanes, which may have several threads."""
    if batch.engine != Engine.COMPILED:
        return False
    program, lanes = _begin(part_of(batch, 1))
    with torch.no_grad():
        lanes = program.step(lanes, 0)
        return (
            make_backend(EngineChoice(batch.engine, ""), program, lanes, may_scan=False).engine
            == Engine.COMPILED
        )


def extrapolate(
    tile: Batch, time_part: Callable[[Batch, Clock], tuple[float, ...]], clock: Clock
) -> tuple[float, ...]:
    """Time larger and larger parts of a tile, up to the whole or until patience ends, and scale up the last."""
    lanes = 1
    while True:
        part = part_of(tile, lanes)
        begun = clock()
        times = time_part(part, clock)
        share = part.settings * len(part.seeds) / (tile.settings * len(tile.seeds))
        if share == 1 or GROWTH * (clock() - begun) > PATIENCE:
            return tuple(seconds / share for seconds in times)
        lanes *= GROWTH


def time_steps(part: Batch, clock: Clock) -> Steps:
    """Time the draws of a block, and the median of a few steps, or of as many chunks of a program's."""
    program, lanes = _begin(part)
    begun = clock()
    program.draws(0, 1)  # makes the whole block
    block = clock() - begun
    each: list[float] = []
    with torch.no_grad():
        lanes = program.step(lanes, 0)
        steps = make_backend(EngineChoice(part.engine, ""), program, lanes, may_scan=False)
        chunk = CHUNK if steps.engine == Engine.COMPILED else 1
        while len(each) < LEAST_STEPS or (len(each) < MOST_STEPS and sum(each) < PATIENCE):
            at = 1 + len(each) * chunk
            begun = clock()
            (lanes,) = steps.advance(program, lanes, at, [at + chunk])
            each.append((clock() - begun) / chunk)
    return Steps(block, statistics.median(each))


def time_measures(part: Batch, price: float, clock: Clock) -> Measures:
    """Time what the engine does beside the steps, in a run of three: it reads its clock around each."""
    marks: list[float] = []

    def noted() -> float:
        marks.append(clock())
        return marks[-1]

    begun = clock()
    record = run_batch(part._replace(budget=math.ceil(LEAST_STEPS * price), engine=Engine.EAGER), noted)
    ended = clock()
    if record.error is not None:
        raise RuntimeError(record.error)
    between = [after - before for before, after in zip(marks[1::2], marks[2::2], strict=False)]
    ending = ended - marks[-1]
    return Measures(marks[0] - begun, statistics.median(between or [ending]), ending)


def time_saved(part: Batch, tile: Batch, clock: Clock) -> float:
    """Give what a checkpoint costs less where the work of the whole `tile` is worth a program of its objective."""
    if tile.engine != Engine.COMPILED or not compiles_objective(tile):
        return 0.0
    program, lanes = _begin(part)
    with torch.no_grad():
        answer = program.step(lanes, 0).theta
        steps = make_backend(EngineChoice(part.engine, ""), program, lanes, may_scan=False, planned=tile)
        steps.measure(program, answer)  # makes the program
        eager = _median_of(lambda: measure_objective(program.instances, answer), clock)
        return eager - _median_of(lambda: steps.measure(program, answer), clock)


def _median_of(act: Callable[[], object], clock: Clock) -> float:
    each = []
    for _ in range(LEAST_STEPS):
        begun = clock()
        act()
        each.append(clock() - begun)
    return statistics.median(each)


def calls_of_a_step(part: Batch) -> float:
    """Give the calls that a step costs: what the first shows, or a mean where lanes and steps differ."""
    program, lanes = _begin(part)
    with torch.no_grad():
        for index in range(LEAST_STEPS):
            lanes = program.step(lanes, index)
    kernel = program.stepper
    if not kernel.adaptive:
        return kernel.calls_per_step
    return max(kernel.price, float(lanes.calls.sum()) / max(1, int(lanes.steps.sum())))


def part_of(batch: Batch, lanes: int) -> Batch:
    """Cut a batch to its first tile of at most so many lanes."""
    return batch.part(*next(tiles(len(batch.seeds), batch.settings, lanes)))


def clock_of(device: str) -> Clock:
    """Give the clock that estimates are made by: this process's time on a core, whoever else is using it.

    On CUDA, where the processor only waits, wall time with everything done that was asked for.
    """
    if not device.startswith("cuda"):
        return time.process_time

    def now() -> float:
        torch.cuda.synchronize(device)
        return time.perf_counter()

    return now


def _begin(part: Batch) -> tuple[Tile, Lanes]:
    device, dtype = torch.device(part.device), getattr(torch, part.dtype)
    program = Tile(part, Instances(part.problem, part.seeds, device, dtype))
    return program, program.start_lanes()
