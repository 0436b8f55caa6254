"""Measure what calls cost against their size, and draw it on log axes."""

import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes

from benchbed.plotting import LineStyle

Name = TypeVar("Name", bound=Hashable)
Call = Callable[[], object]
Curve = dict[str, list[float]]
"""The "sizes" at which a call was measured, and its "seconds" there."""
Costs = dict[str, Curve]
"""The curve of each call, by name: plain data."""

REPETITIONS = 5
_SHORTEST = 2e-3
"""Seconds that a turn should take: the clock's own steps and cost do not count beside it."""
_MOST = 1_000


def sweep(calls_at: Callable[[int], Mapping[str, Call]], sizes: Sequence[int]) -> Costs:
    """Measure the calls of all sizes by turns; one that is too slow for a large size may be missing there."""
    calls = {(name, size): call for size in sizes for name, call in calls_at(size).items()}
    costs: Costs = {}
    for (name, size), seconds in seconds_of(calls).items():
        curve = costs.setdefault(name, {"sizes": [], "seconds": []})
        curve["sizes"].append(size)
        curve["seconds"].append(seconds)
    return costs


def seconds_of(
    calls: Mapping[Name, Call],
    repetitions: int = REPETITIONS,
    clock: Callable[[], float] = time.process_time,
) -> dict[Name, float]:
    """Give the processor time of each call: the median over rounds in which all take turns.

    By turns, what disturbs the machine for a while disturbs all of them; by processor time, other programs count
    little. A short call is repeated within its turn.
    """
    counts = {name: _count(call, clock) for name, call in calls.items()}
    rounds = [
        {name: _turn(call, counts[name], clock) for name, call in calls.items()} for _ in range(repetitions)
    ]
    return {name: statistics.median(one[name] for one in rounds) for name in calls}


def slope(curve: Curve, low: float = 0.0, high: float = math.inf) -> float:
    """Fit the exponent p of seconds ∝ size^p, by least squares on log axes, to the sizes from `low` to `high`."""
    pairs = zip(curve["sizes"], curve["seconds"], strict=True)
    points = [(size, seconds) for size, seconds in pairs if low <= size <= high]
    sizes, seconds = np.log(np.array(points)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def at(curve: Curve, size: float) -> float:
    """Give the seconds at one of the sizes."""
    return curve["seconds"][curve["sizes"].index(size)]


def ratio(curve: Curve, base: Curve) -> Curve:
    """Give how many times the seconds of `base`, which has all of its sizes, a curve takes."""
    return {
        "sizes": curve["sizes"],
        "seconds": [
            seconds / at(base, size) for size, seconds in zip(curve["sizes"], curve["seconds"], strict=True)
        ],
    }


def draw_curve(axes: Axes, curve: Curve, look: LineStyle, label: str) -> None:
    """Draw a curve with its points on log axes."""
    axes.loglog(
        curve["sizes"], curve["seconds"], marker=look.marker, color=look.color, markersize=4.5, label=label
    )


def nearness(difference: float) -> str:
    """Say that something is as far as this from what is named next."""
    return f"within {difference:.1g} of" if difference else "exactly"


def spoken(seconds: float) -> str:
    """Say a duration with three digits, in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _count(call: Call, clock: Callable[[], float]) -> int:
    call()  # what is loaded, cached or allocated on the first call belongs to no turn
    once = _turn(call, 1, clock)
    return min(_MOST, math.ceil(_SHORTEST / once)) if once > 0 else _MOST


def _turn(call: Call, count: int, clock: Callable[[], float]) -> float:
    begun = clock()
    for _ in range(count):
        call()
    return (clock() - begun) / count
