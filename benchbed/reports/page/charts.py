"""Charts of the page: axes, and lines as SVG paths with integer coordinates.

A library of interactive charts is not used: bokeh's JavaScript is 1.3 MB and evaluates strings, plotly's is 4.8 MB, and
both draw nothing without JavaScript, so that every chart would be in the page twice.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.ticker import MaxNLocator

from benchbed.formatting import count, tick_labels
from benchbed.interfaces import Results
from benchbed.plotting.axes import GAP_LABEL, STRIP, GapAxis, ValueScale
from benchbed.reports.captions import EXACT_MARK

WIDTH, HEIGHT = 3600, 2100
"""Size of the area of a plot, in tenths of the unit of the SVG."""
_ZERO_CALLS = 0.06
"""Width of the linear part of an axis of calls, between 0 and 1 calls."""
_MOST_TICKS = 6


class ChartAxis(NamedTuple):
    """Label and ticks of an axis."""

    label: str
    ticks: Sequence[tuple[int, str]]
    """Position and text of each tick."""
    scale: str = ""
    """Numbers from which the script computes the values of positions; empty if it draws no other axis.

    Of calls: the calls at which the logarithm starts, those at the right end, and the share of the width below the
    start. Of values: bottom, top, and the threshold below which the scale is linear, and the height of the top.
    """


class CallCost(NamedTuple):
    """Steps and seconds of a call; NaN if no step was timed."""

    steps: float = math.nan
    seconds: float = math.nan

    @property
    def text(self) -> str:
        """Both numbers, "nan" for unknown seconds; empty if the steps are unknown."""
        return "" if math.isnan(self.steps) else f"{self.steps:.4g} {self.seconds:.4g}"


class ChartLine(NamedTuple):
    """The line of an optimizer, with its quartiles and marks."""

    optimizer: int
    """Index of the optimizer in the study."""
    title: str
    path: str
    band: str = ""
    dots: str = ""
    """Path of separate points."""
    lost: str = ""
    """Path of crosses: here more than half of the trials diverged or failed."""
    cost: CallCost = CallCost()


class Chart(NamedTuple):
    """A chart with one line for each optimizer."""

    title: str
    caption: str
    x: ChartAxis
    y: ChartAxis
    lines: Sequence[ChartLine]
    track: str = ""
    """Track of all lines; empty if they belong to none."""
    level: int | None = None
    """Height of the line of success."""
    strip: int | None = None
    """Height above which infinite values are drawn; None if there are none."""
    cost: CallCost = CallCost()
    """Of the calls of all lines without a cost of their own."""


class ValueAxis(GapAxis):
    """A scale of gaps, objectives or metrics with a strip for infinite values, and the condition of success."""

    @property
    def height(self) -> float:
        """Height of the area as a multiple of that of the axis."""
        return STRIP[1] if self.has_infinite else 1.0

    def heights(self, values: npt.ArrayLike, infinite: float = math.nan) -> np.ndarray:
        """Return the heights of values as shares of the area; `infinite` is that of +inf, in heights of the axis."""
        values = np.asarray(values, dtype=float)
        shares = self.scale.shares(np.clip(values, self.scale.bottom, self.scale.top))
        return np.where(np.isinf(values), infinite, shares) / self.height

    def lane(self, index: int, lines: int) -> float:
        """Return the height of one of several lines above the axis, in heights of the axis."""
        low, high = STRIP
        return high - (index + 1) / (lines + 1) * (high - low)

    def axis(self, prefix: str = "") -> ChartAxis:
        """Return label and ticks."""
        ticks = self.scale.ticks()
        label = GAP_LABEL if self.facts.has_optimum else "objective f (no known optimum)"
        positions = np.rint(self.heights(ticks) * HEIGHT).astype(int)
        labels = [*zip(positions.tolist(), tick_labels(ticks.tolist()), strict=True)]
        if self.has_infinite:
            labels.append((round(sum(STRIP) / 2 / self.height * HEIGHT), "lost"))
        numbers = self.scale.bottom, self.scale.top, self.scale.threshold, HEIGHT / self.height
        return ChartAxis(f"{prefix}{label}", labels, " ".join(f"{number:.12g}" for number in numbers))

    @property
    def strip(self) -> int | None:
        """Lower end of the area for infinite values."""
        return round(STRIP[0] / self.height * HEIGHT) if self.has_infinite else None

    @property
    def level(self) -> int | None:
        """Height of the line of success; None if there is none, or it is below the axis."""
        facts = self.facts
        if not facts.has_optimum or facts.target_metric or facts.success_target <= self.scale.bottom:
            return None
        return round(float(self.heights([facts.success_target])[0]) * HEIGHT)


def call_costs(results: Results, problem: str) -> Mapping[tuple[str, str], CallCost]:
    """Return the mean steps and seconds of a call by track and optimizer, unknown ones without a summary."""
    rows = results.measures[results.measures["problem"] == problem]
    steps = 1 / rows["calls_per_step"].astype(float)
    costs = map(CallCost, steps, steps * rows["microseconds_per_step"].astype(float) * 1e-6)
    return defaultdict(CallCost, zip(zip(rows["track"], rows["optimizer"], strict=True), costs, strict=True))


def marked_names(optimizers: Iterable[str], trials: pd.DataFrame) -> dict[str, str]:
    """Return the names of optimizers for titles, marked if any of these trials used the exact oracle."""
    exact = set(trials["optimizer"][trials["oracle"] == "exact"])
    return {name: f"{name} {EXACT_MARK}" if name in exact else name for name in optimizers}


def call_positions(calls: npt.ArrayLike, budget: float) -> np.ndarray:
    """Return the horizontal positions of calls, from 0 to 1: logarithmic from 1 on, with 0 at the left."""
    calls = np.asarray(calls, dtype=float)
    span = math.log(max(budget, 2.0))
    return np.where(
        calls < 1, _ZERO_CALLS * calls, _ZERO_CALLS + (1 - _ZERO_CALLS) * np.log(np.maximum(calls, 1)) / span
    )


def call_axis(budget: float) -> ChartAxis:
    """Return the axis of calls."""
    decades = [10.0**power for power in range(int(math.log10(max(budget, 1))) + 1)]
    ticks = [0.0, *decades]
    positions = np.rint(call_positions(ticks, budget) * WIDTH).astype(int)
    return ChartAxis(
        "calls",
        [(int(position), count(tick)) for position, tick in zip(positions, ticks, strict=True)],
        f"1 {max(budget, 2.0):.9g} {_ZERO_CALLS}",
    )


def decade_axis(label: str, low: float, high: float) -> ChartAxis:
    """Return a logarithmic axis from `low` to `high`."""
    ticks = ValueScale(low * (1 - 1e-9), high * (1 + 1e-9)).ticks() if high > low else np.array([low])
    ticks = ticks[:: math.ceil(len(ticks) / _MOST_TICKS)]
    positions = np.rint(np.log(ticks / low) / (math.log(high / low) or 1.0) * WIDTH).astype(int)
    return ChartAxis(label, [*zip(positions.tolist(), tick_labels(ticks.tolist()), strict=True)])


def linear_axis(label: str, low: float, high: float) -> ChartAxis:
    """Return a linear vertical axis from `low` to `high` with round ticks."""
    ticks = np.asarray(MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(low, high))
    ticks = ticks[(low <= ticks) & (ticks <= high)]
    positions = np.rint((ticks - low) / (high - low) * HEIGHT).astype(int)
    return ChartAxis(label, [*zip(positions.tolist(), tick_labels(ticks.tolist()), strict=True)])


def share_axis(label: str, top: float = 1.0) -> ChartAxis:
    """Return a linear vertical axis from 0 to `top`, at most 1."""
    step = 0.2 if top > 0.5 else 0.1 if top > 0.2 else 0.05
    shares = np.arange(0, top + 1e-9, step)
    return ChartAxis(label, [(round(share / top * HEIGHT), f"{share:.2g}") for share in shares])


def polyline(x: np.ndarray, y: np.ndarray, is_step: bool = False) -> str:
    """Return the path through points, whose coordinates are shares of the area; NaN interrupts it.

    Points that fall on the same coordinates are left out. With `is_step`, y holds until the next x.
    """
    is_drawn = np.isfinite(x) & np.isfinite(y)
    columns = np.rint(np.where(is_drawn, x, 0.0) * WIDTH).astype(int).tolist()
    rows = np.rint(np.where(is_drawn, y, 0.0) * HEIGHT).astype(int).tolist()
    path, before = "", None
    for drawn, column, row in zip(is_drawn.tolist(), columns, rows, strict=True):
        if not drawn:
            before = None
            continue
        if before is None:
            path += f"M{column} {row}"
        elif before != (column, row):
            right, up = column - before[0], row - before[1]
            path += (f"h{right}" if right else "") + (f"v{up}" if up else "") if is_step else f"l{right} {up}"
        before = (column, row)
    return path.replace(" -", "-")


def area(x: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> str:
    """Return the closed path between two lines; points at which one of them is missing are left out."""
    is_drawn = np.isfinite(lower) & np.isfinite(upper)
    x, lower, upper = x[is_drawn], lower[is_drawn], upper[is_drawn]
    outline = polyline(np.concatenate([x, x[::-1]]), np.concatenate([lower, upper[::-1]]))
    return f"{outline}z" if outline else ""


def points(x: np.ndarray, y: np.ndarray) -> str:
    """Return a path of separate points, which round line caps make visible."""
    is_drawn = np.isfinite(x) & np.isfinite(y)
    columns = np.rint(x[is_drawn] * WIDTH).astype(int)
    rows = np.rint(y[is_drawn] * HEIGHT).astype(int)
    return "".join(f"M{column} {row}h0" for column, row in zip(columns, rows, strict=True))


def cross(x: float, y: float) -> str:
    """Return the path of a cross."""
    column, row = round(x * WIDTH), round(y * HEIGHT)
    return f"M{column - 40} {row - 40}l80 80m-80 0l80-80"
