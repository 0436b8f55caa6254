"""Cost of a plan for an empty folder: an upper bound of its trials and calls, and its seconds."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from benchbed.plan import BatchPlan, Pairing, Plan
from benchbed.tuning.scheduling import waves_of

TOGETHER = "together"
"""Name in place of a track for all tracks together, whose shared trials count once."""


class Shape(NamedTuple):
    """The properties of a batch that its time depends on."""

    pairing: int
    """Position in the plan."""
    settings: int
    seeds: int


class Timing(NamedTuple):
    """The time of a batch."""

    seconds: float
    """On one core."""
    is_threaded: bool = False
    """Its steps are compiled, so its threads use idle cores."""
    skip_reason: str | None = None
    """Why its trials will be skipped; None if they will run."""
    peak_bytes: float | None = None
    """Memory of the process that runs it; None where the system does not report it."""


class Cost(NamedTuple):
    """Upper bound of the cost of a track: no trial stops early, and each choice is a setting of its own."""

    problem: str
    """Empty in a sum."""
    optimizer: str
    track: str
    trials: int
    calls: int
    """0 where trials are skipped because their first step costs more than the budget."""
    seconds: float | None
    """On one core; None where it was not measured."""


class Estimate(NamedTuple):
    """The costs of a plan."""

    rows: list[Cost]
    """One for each pairing and track; the cost of a track is that of running it alone."""
    tracks: list[Cost]
    """One for each track, over all pairings."""
    together: Cost
    longest: float | None
    """Seconds of the slowest pairing with any number of jobs: a choice waits for its tuning trials."""
    occupied: float | None
    """Seconds of all batches with their threads, one after the other in one process."""
    peak_bytes: float | None
    """Memory of the process of the largest batch; None where it was not measured."""

    def wall_seconds(self, cores: int, jobs: int) -> float | None:
        """Return the least time in which `jobs` processes on some cores, or CUDA devices, can run the plan."""
        if self.together.seconds is None or self.longest is None or self.occupied is None:
            return None
        return max(self.together.seconds / cores, self.occupied / jobs, self.longest)


def estimate(
    plan: Plan,
    timings: Mapping[Shape, Timing] | None = None,
    threads: Mapping[str, int] = MappingProxyType({}),
) -> Estimate:
    """Return the costs of `plan`.

    Args:
        plan: The plan.
        timings: Timings of `shapes_of(plan)`, without those that could not be measured; None to count only.
        threads: Threads of compiled batches by the label of their problem (see `threads_by_problem`); 1 by default.
    """
    pairings = list(enumerate(plan.pairings()))
    rows = [
        _cost(track_plan, index, pairing, track_plan.tracks[0], timings)
        for index, pairing in pairings
        for track_plan in _single_tracks(plan)
    ]
    longest = occupied = None
    if timings is not None:
        waves = [_wave_seconds(plan, index, pairing, timings, threads) for index, pairing in pairings]
        longest = max(sum(max(wave, default=0.0) for wave in of_pairing) for of_pairing in waves)
        occupied = sum(sum(wave) for of_pairing in waves for wave in of_pairing)
    return Estimate(
        rows,
        tracks=[_sum(row for row in rows if row.track == track) for track in plan.tracks],
        together=_sum(_cost(plan, index, pairing, TOGETHER, timings) for index, pairing in pairings),
        longest=longest,
        occupied=occupied,
        peak_bytes=max(
            (timing.peak_bytes for timing in (timings or {}).values() if timing.peak_bytes), default=None
        ),
    )


def shapes_of(plan: Plan) -> list[Shape]:
    """List the shapes of all batches of `plan` and of each track alone, without those that will not run."""
    shapes = (
        _shape(index, batch)
        for index, pairing in enumerate(plan.pairings())
        if pairing.fault is None and not _is_skipped(pairing)
        for each in (plan, *_single_tracks(plan))
        for wave in waves_of(each, pairing)
        for batch in wave
    )
    return list(dict.fromkeys(shapes))


def _single_tracks(plan: Plan) -> list[Plan]:
    return [msgspec.structs.replace(plan, tracks=(track,)) for track in plan.tracks]


def _cost(
    plan: Plan, index: int, pairing: Pairing, track: str, timings: Mapping[Shape, Timing] | None
) -> Cost:
    batches = [batch for wave in waves_of(plan, pairing) for batch in wave]
    trials = sum(batch.trials for batch in batches)
    calls, seconds = trials * pairing.problem.budget, None
    shapes = [_shape(index, batch) for batch in batches]
    if _is_skipped(pairing):
        calls, shapes = 0, []
    if timings is not None and all(shape in timings for shape in shapes):
        seconds = sum((timings[shape].seconds for shape in shapes), start=0.0)
    first, count = pairing.entrants[0], len(pairing.entrants)
    name = first.label if count == 1 else f"{first.name} ({count} settings)"
    return Cost(pairing.problem.label, name, track, trials, calls, seconds)


def _wave_seconds(
    plan: Plan, index: int, pairing: Pairing, timings: Mapping[Shape, Timing], threads: Mapping[str, int]
) -> list[list[float]]:
    """Return the seconds of the batches of a pairing, with their threads, in the order of `waves_of`."""

    def wall_seconds(batch: BatchPlan) -> float:
        timing = timings.get(_shape(index, batch), Timing(0.0))
        # A thread runs at least one lane.
        useful_threads = min(threads.get(pairing.problem.label, 1), batch.trials)
        return timing.seconds / (useful_threads if timing.is_threaded else 1)

    return [list(map(wall_seconds, wave)) for wave in waves_of(plan, pairing)]


def _sum(costs: Iterable[Cost]) -> Cost:
    rows = list(costs)
    seconds = [row.seconds for row in rows if row.seconds is not None]
    trials, calls = sum(row.trials for row in rows), sum(row.calls for row in rows)
    return Cost("", "", rows[0].track, trials, calls, sum(seconds) if seconds else None)


def _shape(index: int, batch: BatchPlan) -> Shape:
    return Shape(index, len(batch.settings), len(batch.seeds))


def _is_skipped(pairing: Pairing) -> bool:
    return pairing.problem.price_of(pairing.entrants[0]) > pairing.problem.budget
