"""Run one tile of a batch: from checkpoint to checkpoint, without synchronisation between them."""

import traceback
from collections.abc import Callable
from typing import NamedTuple

import torch

from benchbed.engine.measure import gradient_is_cheap, measure_gradient_norm, measure_objective
from benchbed.engine.program import Program
from benchbed.engine.recorder import Gaps, Recorder
from benchbed.engine.state import Lanes, Place

Clock = Callable[[], float]


class Trace(NamedTuple):
    """What a tile's loop leaves behind."""

    recorder: Recorder
    seconds: float
    state_bytes: float | None
    error: str | None
    """Traceback of a plugin that raised."""
    excess: str | None
    """Why not even one step could be paid for."""


def run_tile(program: Program, clock: Clock) -> Trace:
    """Step every lane until its budget is spent, all targets are reached, or it has diverged."""
    device, batch = program.instances.device, program.batch
    place = Place.all(len(program.instances.seeds), batch.settings, device)
    gaps = Gaps(program.instances.optimum(), batch.scale, device)
    recorder = Recorder(place, program.instances.start.shape[-1], batch.targets, gaps, batch.budget)
    seconds, step, error, held = 0.0, 0, None, None
    with torch.no_grad():
        try:
            lanes = program.begin()
            held = program.bytes_of_state(lanes)
            lanes = checkpoint(program, recorder, lanes, place)
            for stop in () if program.excess else program.stops():
                before, begun = lanes, _now(clock, device)
                while step < stop and not (program.rule.opaque and not lanes.running.any()):
                    lanes = program.step(lanes, step)
                    step += 1
                seconds += _now(clock, device) - begun
                lanes = program.account(before, lanes)
                if program.excess:
                    break
                lanes = checkpoint(program, recorder, lanes, place)
                program, lanes, place = drop_finished(program, recorder, lanes, place)
                if not lanes.running.any():
                    break
        except (Exception, SystemExit):  # noqa: BLE001 (plugin code may raise anything; its traceback becomes the result)
            error = traceback.format_exc()
    return Trace(recorder, seconds, held, error, program.excess)


def checkpoint(program: Program, recorder: Recorder, lanes: Lanes, place: Place) -> Lanes:
    """Measure every present lane at its answer, and freeze those that are done."""
    answer = program.rule.answer(lanes.state, lanes.theta)
    objective = measure_objective(program.instances, answer)
    slope = None
    if gradient_is_cheap(program.batch):
        slope = measure_gradient_norm(program.batch, program.instances, answer)
    return recorder.add(lanes, place, answer, objective, slope)


def drop_finished(
    program: Program, recorder: Recorder, lanes: Lanes, place: Place
) -> tuple[Program, Lanes, Place]:
    """Leave out whole seeds and settings without a running lane, once they are half of the batch."""
    running = lanes.running
    seeds, settings = running.any(dim=1).nonzero()[:, 0], running.any(dim=0).nonzero()[:, 0]
    if not len(seeds) or 2 * len(seeds) * len(settings) > running.numel():
        return program, lanes, place
    kept = Place(place.seeds[seeds], place.settings[settings])
    return program.select(seeds, settings), lanes.select(seeds, settings), kept


def _now(clock: Clock, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)  # kernels run behind the program's back; a clock must wait for them
    return clock()
