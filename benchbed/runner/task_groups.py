"""Sizes of the groups of tasks that one submission to an executor runs."""

from collections.abc import Sequence
from statistics import median

SHORTEST_SECONDS, LONGEST_SECONDS = 10.0, 60.0
"""Limits of the wall time of a group that has several tasks, at small and at large overheads."""
OVERHEAD_FACTOR = 10
"""A group takes at least this many times the overhead of its submission, if enough work is left."""


class TaskTimes:
    """Measured times of tasks, from which those of the next ones are estimated."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}
        self._seconds, self._amount = 0.0, 0.0
        self._overheads: list[float] = []

    def add_task(self, kind: str, amount: float, seconds: float) -> None:
        """Add the time that a task of a kind took; `amount` is its work in any unit."""
        self._rates[kind] = seconds / amount
        self._seconds += seconds
        self._amount += amount

    def add_overhead(self, seconds: float) -> None:
        """Add the time between a submission and its result in which no task ran."""
        self._overheads.append(seconds)

    @property
    def overhead(self) -> float:
        """Median overhead of a submission in seconds."""
        return median(self._overheads) if self._overheads else 0.0

    def estimate(self, kind: str, amount: float) -> float | None:
        """Return the expected seconds of a task; None before any task has ended."""
        if not self._amount:
            return None
        return amount * self._rates.get(kind, self._seconds / self._amount)


def group_length(seconds: Sequence[float | None], slots: int, overhead: float) -> int:
    """Return how many of the waiting tasks, whose expected times are given, the next group takes.

    Groups become shorter towards the end, so that all `slots` finish at about the same time. A task of unknown length
    is alone.
    """
    first, *others = seconds
    if first is None:
        return 1
    share = sum(expected or 0.0 for expected in seconds) / slots
    wanted = OVERHEAD_FACTOR * overhead
    longest = min(LONGEST_SECONDS, max(SHORTEST_SECONDS, wanted))
    limit = min(longest, max(share / 2, min(share, wanted)))
    total, length = first, 1
    for expected in others:
        if expected is None or total + expected > limit:
            break
        total += expected
        length += 1
    return length
