"""The loop that steps one tile of a batch from checkpoint to checkpoint, without synchronization between them."""

import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.engine.backends import Backend, EagerBackend, EngineChoice, make_backend
from benchbed.engine.evaluation import gradient_is_cheap, measure_gradient_norm
from benchbed.engine.pytrees import LanePositions, Lanes, where_lanes
from benchbed.engine.recorder import Gaps, Recorder
from benchbed.engine.tile import Tile
from benchbed.interfaces import Engine, NotServedError

Clock = Callable[[], float]


class TileResult(NamedTuple):
    """The result of stepping one tile."""

    recorder: Recorder
    seconds: float
    """Wall time of one step of one lane, averaged over all lanes that were stepped, finished ones included."""
    state_bytes: float | None
    reads_progress: bool
    """The optimizer read `oracle.progress`, so it knows the budget."""
    engine: Engine
    """The engine that ran."""
    engine_reason: str
    fallback_reason: str | None = None
    error: str | None = None
    """Traceback of a plugin that raised."""
    budget_error: str | None = None
    """Why the budget does not pay for one step."""
    gradient_error: str | None = None
    """Why the gradient does not support the loss."""


def run_tile(tile: Tile, clock: Clock, choice: EngineChoice) -> TileResult:
    """Step every lane until its budget is spent, all targets are reached, or it has converged or diverged.

    The first step always runs eagerly: it shows how many calls a step makes, and errors of plugins.
    """
    device, batch = tile.instances.device, tile.batch
    eager = EagerBackend(choice.reason)
    backend: Backend = eager
    positions = LanePositions.all(len(tile.instances.seeds), batch.settings, device)
    recorder = _make_recorder(tile, positions)
    seconds, lane_steps, step = 0.0, 0, 0
    state_bytes = error = gradient_error = None
    with torch.no_grad():
        try:
            lanes = tile.start_lanes()
            state_bytes = tile.state_bytes(lanes)
            lanes = checkpoint(tile, recorder, lanes, positions, backend)
            stops = [] if tile.budget_error else [1]
            while stops:
                upcoming = stops[: backend.lookahead(lanes, step, stops)]
                started = _now(clock, device)
                snapshots = backend.advance(tile, lanes, step, upcoming)
                seconds += _now(clock, device) - started
                lane_steps += (upcoming[-1] - step) * lanes.running.numel()
                measured, tile, lanes, positions = measure_snapshots(
                    tile, recorder, lanes, snapshots, positions, backend
                )
                if tile.budget_error or not lanes.running.any():
                    break
                step, stops = upcoming[measured - 1], stops[measured:]
                if step == 1:
                    backend, stops = make_backend(choice, tile, lanes), list(tile.later_checkpoints())
        except (Exception, SystemExit) as raised:  # plugin code may raise anything
            if batch.raises:
                raise
            if isinstance(raised, NotServedError):
                gradient_error = str(raised)
            else:
                error = traceback.format_exc()
    return TileResult(
        recorder,
        seconds=seconds / max(1, lane_steps),
        state_bytes=state_bytes,
        reads_progress=tile.stepper.reads_progress,
        # A tile that ends in its first step counts as run by the engine that was chosen.
        engine=choice.engine if backend is eager else backend.engine,
        engine_reason=backend.reason,
        fallback_reason=backend.fallback_reason,
        error=error,
        budget_error=tile.budget_error,
        gradient_error=gradient_error,
    )


def _make_recorder(tile: Tile, positions: LanePositions) -> Recorder:
    batch, instances = tile.batch, tile.instances
    return Recorder(
        positions,
        dimension=instances.start.shape[-1],
        targets=batch.targets if batch.stop_when_solved else (),
        gaps=Gaps(instances.optimum(), batch.scale, instances.device),
        budget=batch.budget,
        price=tile.stepper.price,
    )


def measure_snapshots(
    tile: Tile,
    recorder: Recorder,
    lanes: Lanes,
    snapshots: Sequence[Lanes],
    positions: LanePositions,
    backend: Backend,
) -> tuple[int, Tile, Lanes, LanePositions]:
    """Measure the snapshots that were computed from `lanes`, in order; a lane that finishes at one keeps its values.

    Returns the number of measured snapshots and the lanes that remain. It stops early when no lane runs any more, or
    when so few do that the others are dropped: the remaining snapshots are discarded.
    """
    for measured, snapshot in enumerate(snapshots, start=1):
        before, after = lanes, snapshot
        if measured > 1 and not before.running.all():
            after = where_lanes(before.running, snapshot, before)
        lanes = tile.stepper.account(before, after)
        if tile.budget_error:
            break
        lanes = checkpoint(tile, recorder, lanes, positions, backend)
        remaining = drop_finished(tile, lanes, positions, backend.minimum_lanes)
        if remaining[-1] is not positions or not lanes.running.any():
            return measured, *remaining
    return measured, tile, lanes, positions


def checkpoint(
    tile: Tile, recorder: Recorder, lanes: Lanes, positions: LanePositions, backend: Backend
) -> Lanes:
    """Measure every present lane at the optimizer's answer, and stop the lanes that are finished."""
    point = tile.rule.answer(lanes.state, lanes.theta)
    objective = backend.measure(tile, point)
    gradient_norm = None
    if gradient_is_cheap(tile.batch):
        gradient_norm = measure_gradient_norm(tile.batch, tile.instances, point)
    return recorder.add(lanes, positions, point, objective, gradient_norm)


def drop_finished(
    tile: Tile, lanes: Lanes, positions: LanePositions, minimum: int = 1
) -> tuple[Tile, Lanes, LanePositions]:
    """Drop the seeds and settings without a running lane, if that halves the tile; keep at least `minimum` of both."""
    running = lanes.running
    if running.all():
        return tile, lanes, positions
    seeds, settings = _remaining(running.any(dim=1), minimum), _remaining(running.any(dim=0), minimum)
    if not running.any() or 2 * len(seeds) * len(settings) > running.numel():
        return tile, lanes, positions
    remaining = LanePositions(positions.seeds[seeds], positions.settings[settings])
    return tile.select(seeds, settings), lanes.select(seeds, settings), remaining


def _remaining(running: Tensor, minimum: int) -> Tensor:
    """Return the positions that run, in order, filled up with others to `minimum`."""
    first = torch.argsort(~running, stable=True)[: max(minimum, int(running.sum()))]
    return first.sort().values


def _now(clock: Clock, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # the clock must include kernels that still run
    return clock()
