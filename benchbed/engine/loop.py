"""The loop that steps one tile of a batch from checkpoint to checkpoint, without synchronization between them."""

import sys
import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.engine.backends import CompiledBackend, EagerBackend, EngineChoice
from benchbed.engine.evaluation import measure_gradient_norm
from benchbed.engine.fatal_errors import fatal_status
from benchbed.engine.metrics import measure_curves
from benchbed.engine.pytrees import Lanes, where_lanes
from benchbed.engine.recorder import Recorder
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine, NotServedError

Clock = Callable[[], float]


class TileResult(NamedTuple):
    """The result of stepping one tile."""

    recorder: Recorder
    backend: EagerBackend
    """The backend of the last step."""
    seconds: float
    """Wall time of one step of one lane, averaged over all lanes that were stepped, finished ones included."""
    state_bytes: float | None
    error: str | None
    """Traceback of a plugin that raised."""
    gradient_error: str | None
    """Why the gradient does not support the loss."""


def run_tile(tile: Tile, clock: Clock, choice: EngineChoice) -> TileResult:
    """Step every lane until its budget is spent, all targets are reached, or it has converged or diverged.

    The first step always runs eagerly: it shows how many calls a step makes, and errors of plugins.
    """
    recorder, backend = Recorder(tile), EagerBackend(choice)
    if tile.batch.python_state is not None:
        # A smaller tile would build the optimizer anew, with its first state.
        backend.minimum_lanes = sys.maxsize
    device = tile.instances.device
    seconds, lane_steps, step_index = 0.0, 0, 0
    state_bytes = error = gradient_error = None
    with torch.no_grad():
        try:
            lanes = tile.start_lanes()
            state_bytes = tile.state_bytes(lanes)
            lanes = measure(tile, lanes, recorder, backend)
            checkpoint_steps = [] if tile.budget_error else [1]
            while checkpoint_steps:
                next_steps = checkpoint_steps[: backend.lookahead(lanes, step_index, checkpoint_steps)]
                start_time = _synchronized(clock, device)
                snapshots = backend.advance(tile, lanes, step_index, next_steps)
                seconds += _synchronized(clock, device) - start_time
                lane_steps += (next_steps[-1] - step_index) * lanes.running.numel()
                tile, lanes, measured_count = measure_snapshots(tile, lanes, snapshots, recorder, backend)
                if tile.budget_error or not lanes.running.any():
                    break
                step_index = next_steps[measured_count - 1]
                checkpoint_steps = checkpoint_steps[measured_count:]
                if step_index == 1:
                    checkpoint_steps = tile.later_checkpoints()
                    if choice.engine == Engine.COMPILED:
                        backend = CompiledBackend(choice, tile, lanes)
            state_bytes = tile.state_bytes(lanes)  # torch's classes create their state in steps
        except NotServedError as raised:
            if tile.batch.raises:
                raise
            gradient_error = str(raised)
        except (Exception, SystemExit) as raised:  # plugin code may raise anything
            if tile.batch.raises or fatal_status(raised):
                raise
            error = traceback.format_exc()
    return TileResult(
        recorder,
        backend,
        seconds / max(1, lane_steps),
        state_bytes,
        error=error,
        gradient_error=gradient_error,
    )


def measure_snapshots(
    tile: Tile, lanes: Lanes, snapshots: Sequence[Lanes], recorder: Recorder, backend: EagerBackend
) -> tuple[Tile, Lanes, int]:
    """Measure the snapshots that were computed from `lanes`, in order; a lane that finishes at one keeps its values.

    Returns the lanes that remain, with their tile, and the number of measured snapshots. It stops early when no lane
    runs any more, or when so few do that the others are dropped: the remaining snapshots are discarded.
    """
    for measured_count, snapshot in enumerate(snapshots, start=1):
        after = snapshot
        if measured_count > 1 and not lanes.running.all():
            after = where_lanes(lanes.running, snapshot, lanes)
        lanes = tile.stepper.account(lanes, after)
        if tile.budget_error:
            break
        lanes = measure(tile, lanes, recorder, backend)
        smaller_tile, remaining_lanes = drop_finished(tile, lanes, backend.minimum_lanes)
        if smaller_tile is not tile or not lanes.running.any():
            return smaller_tile, remaining_lanes, measured_count
    return tile, lanes, measured_count


def measure(tile: Tile, lanes: Lanes, recorder: Recorder, backend: EagerBackend) -> Lanes:
    """Measure every lane at the optimizer's answer, and stop the lanes that are finished."""
    point = tile.rule.answer(lanes.state, lanes.theta)
    objective = backend.measure(tile, point, lanes.buffers)
    gradient_norm = None
    # Every checkpoint can afford a full gradient that costs at most as much as a step.
    if (tile.batch.problem.full_price or 1.0) <= 1.0:
        gradient_norm = measure_gradient_norm(tile.batch, tile.instances, point, lanes.buffers)
    metrics = measure_curves(tile.batch, tile.instances, point, lanes.buffers)
    return recorder.add(lanes, tile.positions, point, objective, gradient_norm, metrics)


def drop_finished(tile: Tile, lanes: Lanes, minimum: int = 1) -> tuple[Tile, Lanes]:
    """Drop the seeds and settings without a running lane, if that halves the tile; keep at least `minimum` of both."""
    running = lanes.running
    if running.all() or not running.any():
        return tile, lanes
    seeds, settings = (_running_first(running.any(dim=dimension), minimum) for dimension in (1, 0))
    if 2 * len(seeds) * len(settings) > running.numel():
        return tile, lanes
    return tile.select(seeds, settings), lanes.select(seeds, settings)


def _running_first(running: Tensor, minimum: int) -> Tensor:
    """Return the positions that run, in order, filled up with others to `minimum`."""
    running_first = torch.argsort(~running, stable=True)
    return running_first[: max(minimum, int(running.sum()))].sort().values


def _synchronized(clock: Clock, device: torch.device) -> float:
    """Return the time after all kernels of the device have ended."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return clock()
