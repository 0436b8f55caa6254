"""Run one tile of a batch: from checkpoint to checkpoint, without synchronisation between them."""

import traceback
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.engine.backends import Backend, EagerBackend, make_steps
from benchbed.engine.batch import ASKED
from benchbed.engine.evaluation import gradient_is_cheap, measure_gradient_norm
from benchbed.engine.pytrees import LanePositions, Lanes, choose
from benchbed.engine.recorder import Gaps, Recorder
from benchbed.engine.tile import Tile
from benchbed.interfaces import NotServedError

Clock = Callable[[], float]


class TileResult(NamedTuple):
    """What a tile's loop leaves behind."""

    recorder: Recorder
    seconds: float
    """What a lane's step took, those of finished lanes that were still present included."""
    state_bytes: float | None
    error: str | None
    """Traceback of a plugin that raised."""
    excess: str | None
    """Why not even one step could be paid for."""
    reads_progress: bool
    """The rule asked for the share of the budget spent, so it knows the budget."""
    engine: str
    """How the steps were made."""
    engine_reason: str
    """Why so."""
    refusal: str | None = None
    """Why the gradient cannot differentiate the loss."""


def run_tile(program: Tile, clock: Clock, engine: str = "eager", reason: str = ASKED) -> TileResult:
    """Step every lane until its budget is spent, all targets are reached, or it has converged or diverged.

    The first step is made eagerly whatever the `engine`: it shows what a step costs, and where a plugin is at fault.
    """
    first = EagerBackend(reason)
    steps: Backend = first
    device, batch = program.instances.device, program.batch
    place = LanePositions.all(len(program.instances.seeds), batch.settings, device)
    gaps = Gaps(program.instances.optimum(), batch.scale, device)
    dimension, price = program.instances.start.shape[-1], program.stepper.price
    targets = (
        batch.targets if batch.stop_when_solved else ()
    )  # those that end a lane; they are scored from its curve
    recorder = Recorder(place, dimension, targets, gaps, batch.budget, price)
    seconds, made, step, error, held, refusal = 0.0, 0, 0, None, None, None
    with torch.no_grad():
        try:
            lanes = program.start_lanes()
            held = program.bytes_of_state(lanes)
            lanes = checkpoint(program, recorder, lanes, place, steps)
            stops = [] if program.excess else [1]  # what a step costs shows in the first
            while stops:
                near = stops[: steps.reach(lanes, step, stops)]
                begun = _now(clock, device)
                ahead = steps.advance(program, lanes, step, near)
                seconds += _now(clock, device) - begun
                made += (near[-1] - step) * lanes.running.numel()
                looks, program, lanes, place = measure_ahead(program, recorder, lanes, ahead, place, steps)
                if program.excess or not lanes.running.any():
                    break
                step, stops = near[looks - 1], stops[looks:]
                if step == 1:
                    steps, stops = make_steps(engine, reason, program, lanes), list(program.stops())
        except (Exception, SystemExit) as raised:
            if batch.raises:
                raise
            # Plugin code may raise anything: its traceback, or its reason, becomes the result.
            refusal = str(raised) if isinstance(raised, NotServedError) else None
            error = traceback.format_exc() if refusal is None else None
    used = (
        engine if steps is first else steps.engine
    )  # a tile that ended at once is as the others of its batch
    spent, knows = seconds / max(1, made), program.stepper.reads_progress
    return TileResult(recorder, spent, held, error, program.excess, knows, used, steps.reason, refusal)


def measure_ahead(
    program: Tile,
    recorder: Recorder,
    lanes: Lanes,
    ahead: Sequence[Lanes],
    place: LanePositions,
    steps: Backend,
) -> tuple[int, Tile, Lanes, LanePositions]:
    """Measure the lanes `ahead`, which were made from `lanes`, one after the other; who ends at one stays there.

    Gives how many were measured: not all, if none runs any more, or so few that the others are dropped.
    """
    for looks, made in enumerate(ahead, start=1):
        before, moved = lanes, made
        if looks > 1 and not before.running.all():
            moved = choose(before.running, made, before)  # the steps of the others were in vain
        lanes = program.stepper.account(before, moved)
        if program.excess:
            break
        lanes = checkpoint(program, recorder, lanes, place, steps)
        fewer = drop_finished(program, lanes, place, steps.least)
        if fewer[-1] is not place or not lanes.running.any():
            return looks, *fewer
    return looks, program, lanes, place


def checkpoint(
    program: Tile, recorder: Recorder, lanes: Lanes, place: LanePositions, steps: Backend
) -> Lanes:
    """Measure every present lane at its answer, and freeze those that are done."""
    answer = program.rule.answer(lanes.state, lanes.theta)
    objective = steps.measure(program, answer)
    slope = None
    if gradient_is_cheap(program.batch):
        slope = measure_gradient_norm(program.batch, program.instances, answer)
    return recorder.add(lanes, place, answer, objective, slope)


def drop_finished(
    program: Tile, lanes: Lanes, place: LanePositions, least: int = 1
) -> tuple[Tile, Lanes, LanePositions]:
    """Leave out whole seeds and settings without a running lane, once they are half of the batch.

    At least `least` of both stay, if there were as many.
    """
    running = lanes.running
    if running.all():  # as long as none has finished there is nothing to count
        return program, lanes, place
    seeds, settings = _kept(running.any(dim=1), least), _kept(running.any(dim=0), least)
    if not running.any() or 2 * len(seeds) * len(settings) > running.numel():
        return program, lanes, place
    kept = LanePositions(place.seeds[seeds], place.settings[settings])
    return program.select(seeds, settings), lanes.select(seeds, settings), kept


def _kept(running: Tensor, least: int) -> Tensor:
    """Give the positions of those that run, filled up with others to `least`, in order."""
    first = torch.argsort(~running, stable=True)[: max(least, int(running.sum()))]
    return first.sort().values


def _now(clock: Clock, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # kernels run behind the program's back; a clock must wait for them
    return clock()
