"""Bisection of a batch over settings and seeds, until its failing trials stand alone."""

import msgspec

from benchbed.interfaces import TrialStatus
from benchbed.plan import BatchPlan

MOST_RUNS = 512
"""Runs of a batch and its parts in one process; enough for each of 256 trials to fail alone."""
MOST_DEATHS = 64
"""Deaths of processes that run parts of one batch; enough for each of 32 trials to die alone."""


def part_of(batch: BatchPlan, settings: range, seeds: range) -> BatchPlan:
    """Return the batch of the settings and seeds at these positions."""
    return msgspec.structs.replace(
        batch,
        settings=batch.settings[settings.start : settings.stop],
        seeds=batch.seeds[seeds.start : seeds.stop],
    )


def halves_of(batch: BatchPlan) -> list[BatchPlan]:
    """Split a batch of at least two trials along its settings or its seeds, whichever are more."""
    settings, seeds = range(len(batch.settings)), range(len(batch.seeds))
    if len(settings) >= len(seeds):
        middle = len(settings) // 2
        return [part_of(batch, positions, seeds) for positions in (settings[:middle], settings[middle:])]
    middle = len(seeds) // 2
    return [part_of(batch, settings, positions) for positions in (seeds[:middle], seeds[middle:])]


def corners_of(batch: BatchPlan) -> tuple[list[BatchPlan], list[BatchPlan]]:
    """Return the first and the last trial of a batch of at least two trials, and the other trials in batches."""
    settings, seeds = range(len(batch.settings)), range(len(batch.seeds))
    corners = [part_of(batch, settings[:1], seeds[:1]), part_of(batch, settings[-1:], seeds[-1:])]
    if len(settings) == 1:
        rest = [part_of(batch, settings, seeds[1:-1])]
    else:
        rest = [
            part_of(batch, settings[:1], seeds[1:]),
            part_of(batch, settings[1:-1], seeds),
            part_of(batch, settings[-1:], seeds[:-1]),
        ]
    return corners, [part for part in rest if part.trials]


class Search:
    """The search for the failing trials of a batch that ends processes or exceeds the limits of time or memory.

    A death is cheap, so that every trial can die alone. Reaching a limit is not: first run two trials alone, and only
    if one of them finishes, the others. An optimizer that always hangs then costs two or three time limits a batch. A
    batch that needs too much memory is divided until its parts fit.
    """

    def __init__(self, whole: BatchPlan) -> None:
        self.whole = whole
        self._failures, self._probes = 0, 0
        self._waiting: list[BatchPlan] = []
        """Parts that run once a probe has finished."""

    def split(self, batch: BatchPlan, kind: TrialStatus) -> list[BatchPlan]:
        """Return the parts of a failed batch to run next; none if it is a single trial, or failures were too many."""
        self._failures += 1
        most = MOST_DEATHS
        if kind is TrialStatus.OUT_OF_MEMORY:
            most = 2 * self.whole.trials
        elif kind is TrialStatus.TIMED_OUT:
            most = 4 + 2 * self.whole.trials.bit_length()
        if batch.trials == 1 or self._failures > most:
            return []
        if kind in (TrialStatus.TIMED_OUT, TrialStatus.OUT_OF_MEMORY) and batch is self.whole:
            probes, self._waiting = corners_of(batch)
            self._probes = len(probes)
            return probes
        return halves_of(batch)

    def after_part(self, has_finished: bool) -> tuple[list[BatchPlan], list[BatchPlan]]:
        """Return the waiting parts that may run after a part has ended, and those that count as lost."""
        self._probes -= 1
        if not self._waiting or (self._probes > 0 and not has_finished):
            return [], []
        waiting, self._waiting = self._waiting, []
        return (waiting, []) if has_finished else ([], waiting)
