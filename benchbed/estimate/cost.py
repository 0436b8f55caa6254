"""Count what a plan costs at most, pairing by pairing and track by track, as if nothing were stored."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from benchbed.plan import BatchPlan, Pairing, Plan
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

TOGETHER = "together"
"""Stands for the track in the cost of all tracks, where trials that they share count once."""


class Shape(NamedTuple):
    """What the time of a batch depends on: its pairing, by position in the plan, and how many settings and seeds."""

    pairing: int
    settings: int
    seeds: int


class Timing(NamedTuple):
    """What a whole batch takes."""

    seconds: float
    """Of one core."""
    is_shared: bool = False
    """Its steps are made by a program, whose threads take what cores are idle."""


Timings = Mapping[Shape, Timing | None]
"""What a batch of each shape takes; None where that could not be measured."""


class Cost(NamedTuple):
    """What a track costs at most: no trial stops early, and no choice is a setting that runs anyway."""

    problem: str
    """Empty for all of them."""
    optimizer: str
    track: str
    trials: int
    calls: int
    """0 where trials are skipped because their first step is beyond the budget."""
    seconds: float | None
    """On one core; None where it was not measured."""


class Estimate(NamedTuple):
    """The costs of a plan."""

    rows: list[Cost]
    """One a pairing and track; a track's cost is that of running it alone."""
    tracks: list[Cost]
    """One a track, over all pairings."""
    together: Cost
    longest: float | None
    """Seconds that the slowest pairing takes however many jobs there are: a choice waits for its tuning trials."""

    def wall_seconds(self, jobs: int) -> float | None:
        """Give the least time in which `jobs` cores can do all of it."""
        if self.together.seconds is None or self.longest is None:
            return None
        return max(self.together.seconds / jobs, self.longest)


def estimate(plan: Plan, timings: Timings | None = None, threads: int = 1) -> Estimate:
    """Give the costs of `plan`; seconds take the timings of all of `shapes_of(plan)`.

    A batch's program has so many `threads`, see `threads_of`.
    """
    pairings = list(enumerate(plan.pairings()))
    alone = {track: msgspec.structs.replace(plan, tracks=(track,)) for track in plan.tracks}
    rows = [
        _cost(part, place, pairing, track, timings)
        for place, pairing in pairings
        for track, part in alone.items()
    ]
    whole = [_cost(plan, place, pairing, TOGETHER, timings) for place, pairing in pairings]
    return Estimate(
        rows,
        tracks=[_sum(row for row in rows if row.track == track) for track in plan.tracks],
        together=_sum(whole),
        longest=None
        if timings is None
        else max(_longest(plan, place, pairing, timings, threads) for place, pairing in pairings),
    )


def shapes_of(plan: Plan) -> list[Shape]:
    """List the shapes of all batches of `plan`, and of its tracks alone; without those that will be skipped."""
    parts = (plan, *(msgspec.structs.replace(plan, tracks=(track,)) for track in plan.tracks))
    found = {
        _shape(place, batch): None
        for place, pairing in enumerate(plan.pairings())
        if not _is_skipped(pairing)
        for part in parts
        for wave in waves(part, pairing)
        for batch in wave
    }
    return list(found)


def waves(plan: Plan, pairing: Pairing) -> tuple[list[BatchPlan], list[BatchPlan]]:
    """List the batches that can run at once, and the evaluations of what their tuning trials will choose."""
    state = PairingState(plan, pairing)
    choices = [
        plan.batch(pairing, tried[:1], "evaluation", plan.seeds_of(pairing.problem, entrant, "evaluation"))
        for entrant in pairing.entrants
        for track in plan.tracks
        if (tried := state.settings_tried(entrant, track))
    ]
    return missing_batches(state), choices


def _cost(plan: Plan, place: int, pairing: Pairing, track: str, timings: Timings | None) -> Cost:
    batches = [batch for wave in waves(plan, pairing) for batch in wave]
    trials = sum(batch.trials for batch in batches)
    first, *others = pairing.entrants
    return Cost(
        problem=pairing.problem.label,
        optimizer=f"{first.name} ({len(pairing.entrants)} settings)" if others else first.label,
        track=track,
        trials=trials,
        calls=0 if _is_skipped(pairing) else trials * pairing.problem.budget,
        seconds=None if timings is None else _seconds(place, pairing, batches, timings),
    )


def _seconds(place: int, pairing: Pairing, batches: Iterable[BatchPlan], timings: Timings) -> float | None:
    if _is_skipped(pairing):
        return 0.0
    each = [timings[_shape(place, batch)] for batch in batches]
    known = [timing.seconds for timing in each if timing is not None]
    return sum(known) if len(known) == len(each) else None


def _longest(plan: Plan, place: int, pairing: Pairing, timings: Timings, threads: int) -> float:
    if _is_skipped(pairing):
        return 0.0
    each = [
        [_wall_seconds(_shape(place, batch), timings, threads) for batch in wave]
        for wave in waves(plan, pairing)
    ]
    return sum(max(wave, default=0.0) for wave in each)


def _wall_seconds(shape: Shape, timings: Timings, threads: int) -> float:
    timing = timings[shape]
    if timing is None:
        return 0.0
    lanes = shape.settings * shape.seeds  # a lane is the least that a thread takes
    return timing.seconds / min(threads, lanes) if timing.is_shared else timing.seconds


def _sum(costs: Iterable[Cost]) -> Cost:
    each = list(costs)
    known = [cost.seconds for cost in each if cost.seconds is not None]
    trials, calls = sum(cost.trials for cost in each), sum(cost.calls for cost in each)
    return Cost("", "", each[0].track, trials, calls, sum(known) if known else None)


def _shape(place: int, batch: BatchPlan) -> Shape:
    return Shape(place, len(batch.settings), len(batch.seeds))


def _is_skipped(pairing: Pairing) -> bool:
    return pairing.problem.price_of(pairing.entrants[0]) > pairing.problem.budget
