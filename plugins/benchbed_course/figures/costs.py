"""Processor time of calls by their size: measured in turns, and drawn on log axes."""

import math
import statistics
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
from matplotlib.axes import Axes

from benchbed.plotting import LineStyle

CallName = TypeVar("CallName", bound=Hashable)
Call = Callable[[], object]
CostCurve = dict[str, list[float]]
"""The "sizes" at which a call was measured, and its "seconds" there."""
Costs = dict[str, CostCurve]
"""The curve of each call, by name: plain data."""

REPETITIONS = 5
FLAT_SLOPE = 0.3
"""Largest exponent of a cost that a caption calls flat."""
GROWTH = 1.5
"""Factor up to which a caption calls a ratio of two costs the same: times of a shared machine vary."""
_SHORTEST_TURN = 2e-3
"""Seconds that a turn should take at least, so that resolution and cost of the clock do not matter."""
_MOST_REPEATS = 1_000


def sweep(calls_at: Callable[[int], Mapping[str, Call]], sizes: Sequence[int]) -> Costs:
    """Measure the calls of all sizes in turns; a call that is too slow for a large size may be missing there."""
    calls = {(name, size): call for size in sizes for name, call in calls_at(size).items()}
    costs: Costs = {}
    for (name, size), seconds in seconds_of(calls).items():
        curve = costs.setdefault(name, {"sizes": [], "seconds": []})
        curve["sizes"].append(size)
        curve["seconds"].append(seconds)
    return costs


def seconds_of(
    calls: Mapping[CallName, Call],
    repetitions: int = REPETITIONS,
    clock: Callable[[], float] = time.process_time,
) -> dict[CallName, float]:
    """Measure the processor time of each call: the median over rounds in which all calls take turns.

    In turns, a disturbance of the machine affects all calls; processor time excludes most of the time of other
    programs. A short call is repeated within its turn.
    """
    repeats = {name: _repeats(call, clock) for name, call in calls.items()}
    rounds = [
        {name: _turn(call, repeats[name], clock) for name, call in calls.items()} for _ in range(repetitions)
    ]
    return {name: statistics.median(seconds[name] for seconds in rounds) for name in calls}


def slope(curve: CostCurve, low: float = 0.0, high: float = math.inf) -> float:
    """Fit the exponent p of seconds ∝ size^p, by least squares on log axes, to the sizes from `low` to `high`."""
    pairs = zip(curve["sizes"], curve["seconds"], strict=True)
    points = [(size, seconds) for size, seconds in pairs if low <= size <= high]
    sizes, seconds = np.log(np.array(points)).T
    return float(np.polyfit(sizes, seconds, 1)[0])


def at(curve: CostCurve, size: float) -> float:
    """Return the seconds at one of the sizes."""
    return curve["seconds"][curve["sizes"].index(size)]


def ratio(curve: CostCurve, base: CostCurve) -> CostCurve:
    """Divide a curve by `base`, which has all of its sizes."""
    return {
        "sizes": curve["sizes"],
        "seconds": [
            seconds / at(base, size) for size, seconds in zip(curve["sizes"], curve["seconds"], strict=True)
        ],
    }


def is_flat(curve: CostCurve, high: float = math.inf) -> bool:
    """Return whether the cost hardly depends on the size up to `high`: as a power of at most `FLAT_SLOPE`."""
    return slope(curve, high=high) <= FLAT_SLOPE


def ratios_at_ends(curve: CostCurve, base: CostCurve) -> tuple[float, float]:
    """Return the cost at the smallest and at the largest size, in units of `base`."""
    seconds = ratio(curve, base)["seconds"]
    return seconds[0], seconds[-1]


def draw_curve(axes: Axes, curve: CostCurve, look: LineStyle, label: str) -> None:
    """Draw a curve with its points on log axes."""
    axes.loglog(
        curve["sizes"], curve["seconds"], marker=look.marker, color=look.color, markersize=4.5, label=label
    )


def format_distance(difference: float) -> str:
    """Format a distance from a value that the sentence names next: "within 1e-16 of", or "exactly" if it is 0."""
    return f"within {difference:.1g} of" if difference else "exactly"


def format_duration(seconds: float) -> str:
    """Format a duration with three digits, in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-9:.3g} ns"


def _repeats(call: Call, clock: Callable[[], float]) -> int:
    call()  # not timed: it loads, caches and allocates
    seconds = _turn(call, 1, clock)
    return min(_MOST_REPEATS, math.ceil(_SHORTEST_TURN / seconds)) if seconds > 0 else _MOST_REPEATS


def _turn(call: Call, repeats: int, clock: Callable[[], float]) -> float:
    start = clock()
    for _ in range(repeats):
        call()
    return (clock() - start) / repeats
