"""Scale the axes that several figures share: calls, gaps and objectives."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchbed.interfaces.results import ProblemFacts
from benchbed.reports.bands import Band
from benchbed.reports.formatting import power_of_ten

GAP = "gap (f − f*) / Δ"
CALLS = "calls (loss and gradient evaluations)"
_RAIL = (1.02, 1.25)  # where the rail begins and ends, in heights of the axis below it
_HIGHEST_GAP = 1e4  # beyond the protocol's divergence rule nothing is worth the room
_BELOW_TARGETS = 1e-2  # how far below the hardest target a gap is still told apart


class Scale(NamedTuple):
    """The range of a value axis, logarithmic where `threshold` is 0, else linear within ± threshold."""

    bottom: float
    top: float
    threshold: float = 0.0
    has_rail: bool = False

    def clip(self, values: np.ndarray, infinite: float = math.nan) -> np.ndarray:
        """Give values within the axis, and `infinite` in place of +inf (NaN leaves a hole)."""
        return np.where(np.isfinite(values), np.clip(values, self.bottom, self.top), infinite)

    def at(self, share: float) -> float:
        """Give the value at a share of the height of the axis."""
        low, high = self._forward(self.bottom), self._forward(self.top)
        return self._backward(low + share * (high - low))

    def _forward(self, value: float) -> float:
        if not self.threshold:
            return math.log10(value)
        scaled = abs(value) / self.threshold
        return math.copysign(scaled if scaled <= 1 else 1 + math.log10(scaled), value)

    def _backward(self, height: float) -> float:
        if not self.threshold:
            return float(10**height)
        size = abs(height) if abs(height) <= 1 else 10 ** (abs(height) - 1)
        return math.copysign(size * self.threshold, height)


def value_scale(bands: Sequence[Band], facts: ProblemFacts) -> Scale:
    """Give the range that shows every finite median and lower quartile; what is larger ends at the top."""
    values = np.concatenate([*(band.median for band in bands), *(band.lower for band in bands), np.empty(0)])
    scale = log_scale(values, facts) if facts.has_optimum else symmetric_scale(values)
    return scale._replace(has_rail=not all(np.isfinite(band.median).all() for band in bands))


def log_scale(values: np.ndarray, facts: ProblemFacts) -> Scale:
    """Give a logarithmic range: from just below the hardest target to the largest gap below divergence."""
    floor = min(facts.targets, default=facts.success_target) * _BELOW_TARGETS
    shown = np.clip(values[np.isfinite(values)], floor, _HIGHEST_GAP)
    low = min(float(shown.min(initial=1.0)), facts.success_target)
    high = max(float(shown.max(initial=facts.success_target)), 1.0)
    return Scale(low / 2, high * (high / low) ** 0.06 * 1.3)


def symmetric_scale(values: np.ndarray) -> Scale:
    """Give a range for values of any sign, linear near zero, where no optimum tells how small is small."""
    finite = values[np.isfinite(values)]
    if not len(finite) or not finite.any():
        return Scale(-1.0, 1.0, 1.0)
    sizes = np.abs(finite[finite != 0])
    typical = float(np.median(sizes))
    threshold = float(np.clip(sizes.min(), typical * 1e-2, typical))
    high = min(float(finite.max()), typical * _HIGHEST_GAP)
    span = Scale(min(float(finite.min()), high), high, threshold)
    if span.bottom == span.top:
        span = Scale(span.bottom - threshold, span.top + threshold, threshold)
    return Scale(span.at(-0.05), span.at(1.1), threshold)


def value_axis(axes: Axes, scale: Scale, facts: ProblemFacts) -> None:
    """Set the vertical axis of a panel."""
    if scale.threshold:
        axes.set_yscale("symlog", linthresh=scale.threshold, linscale=0.9)  # one decade for the linear part
        axes.yaxis.set_major_locator(FixedLocator(_symmetric_ticks(scale)))
    else:
        axes.set_yscale("log")
    label_powers(axes.yaxis)
    axes.set_ylim(scale.bottom, scale.top)
    axes.set_ylabel(GAP if facts.has_optimum else "objective f (no known optimum)")


def label_powers(axis: Axis) -> None:
    """Write the ticks of a logarithmic axis as powers of ten, as plain text: matplotlib's are formulas to be set.

    Nobody sees minor ticks, but laying them out takes half of the time of a figure, and formulas another tenth.
    """
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axis.set_minor_locator(NullLocator())


def add_rail(axes: Axes, scale: Scale) -> None:
    """Put a shaded rail above the scale, where what is +inf stays visible."""
    ticks = [tick for tick in axes.get_yticks() if scale.bottom <= tick <= scale.top]
    labels = axes.yaxis.get_major_formatter().format_ticks(ticks)
    axes.set_ylim(scale.bottom, scale.at(_RAIL[1]))
    axes.set_yticks([*ticks, scale.at(sum(_RAIL) / 2)], [*labels, "diverged\nor failed"])
    axes.axhspan(scale.at(_RAIL[0]), scale.at(_RAIL[1]), color="0.93", zorder=0.6)


def rail_height(scale: Scale, number: int, count: int) -> float:
    """Give one of `count` heights within the rail, so that no line hides another there."""
    low, high = _RAIL
    return scale.at(high - (number + 1) / (count + 1) * (high - low))


def _symmetric_ticks(scale: Scale) -> list[float]:
    """Give 0 and powers of ten of either sign, but for those next to 0, whose labels would touch its own."""
    first = math.floor(math.log10(scale.threshold)) + 1
    last = math.floor(math.log10(max(abs(scale.bottom), abs(scale.top))))
    powers = [10.0**power for power in range(first, last + 1, max(1, (last - first) // 5))]
    ticks = [*(-power for power in reversed(powers)), 0.0, *powers]
    return [tick for tick in ticks if scale.bottom <= tick <= scale.top]


def call_axis(axes: Axes, budget: float) -> None:
    """Set the horizontal axis: logarithmic, but that the start has its place before 1 call."""
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    decades = [10.0**power for power in range(int(math.log10(max(budget, 1))) + 1)]
    axes.xaxis.set_major_locator(FixedLocator([0.0, *decades]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    axes.set_xlim(-0.15, max(budget, 1) * 1.08)
    axes.set_xlabel(CALLS)
