"""Scale the axes that several figures share: calls, gaps and objectives."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from benchbed.analysis.results import ProblemFacts
from benchbed.reports.statistics import Band

GAP = "gap (f − f*) / Δ"
CALLS = "calls (loss and gradient evaluations)"
_HIGHEST_GAP = 1e4  # beyond the protocol's divergence rule nothing is worth the room
_BELOW_TARGETS = 1e-2  # how far below the hardest target a gap is still told apart


class Scale(NamedTuple):
    """The range of a value axis, logarithmic where `threshold` is 0, else linear within ± threshold."""

    bottom: float
    top: float
    threshold: float = 0.0

    def clip(self, values: np.ndarray, infinite: float = math.nan) -> np.ndarray:
        """Give values that can be drawn: not below the axis, `infinite` in place of +inf (NaN leaves a hole)."""
        return np.where(np.isfinite(values), np.clip(values, self.bottom, self.top * 1e6), infinite)

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
    """Give the range that shows every finite median and lower quartile; the upper ones may leave the top."""
    values = np.concatenate([*(band.median for band in bands), *(band.lower for band in bands), np.empty(0)])
    return log_scale(values, facts) if facts.has_optimum else symmetric_scale(values)


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
    axes.set_ylim(scale.bottom, scale.top)
    axes.set_ylabel(GAP if facts.has_optimum else "objective f (no known optimum)")


def _symmetric_ticks(scale: Scale) -> list[float]:
    """Give 0 and powers of ten of either sign, but for those next to 0, whose labels would touch its own."""
    first = math.floor(math.log10(scale.threshold)) + 1
    last = math.floor(math.log10(max(abs(scale.bottom), abs(scale.top))))
    powers = [10.0**power for power in range(first, last + 1, max(1, (last - first) // 5))]
    ticks = [*(-power for power in reversed(powers)), 0.0, *powers]
    return [tick for tick in ticks if scale.bottom <= tick <= scale.top]


def call_axis(axes: Axes, budget: float) -> None:
    """Set the horizontal axis: logarithmic, but that the start, at 0 calls, has its place before the first."""
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    decades = [10.0**power for power in range(int(math.log10(max(budget, 1))) + 1)]
    axes.xaxis.set_major_locator(FixedLocator([0.0, *decades]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}".replace(",", "\u2009")))
    axes.set_xlim(-0.15, max(budget, 1) * 1.08)
    axes.set_xlabel(CALLS)
