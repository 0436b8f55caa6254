"""Scales and labels of the axes that several plots share: calls, gaps and objectives."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.scale import LogTransform, SymmetricalLogTransform
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from benchbed.formatting import count, power_of_ten, short, tick_labels
from benchbed.interfaces.results import ProblemFacts
from benchbed.plotting.style import GREY

GAP_LABEL = "gap (f − f*) / Δ"
CALLS_LABEL = "calls (loss and gradient evaluations)"
STRIP = (1.02, 1.25)  # bottom and top of the strip for lost trials, in heights of the axis below it
_BELOW = -0.015  # bottom of the frame, in heights of the axis
_LINEAR = 0.9  # `linscale` with which the linear part from 0 to the threshold is as high as a decade
_HIGHEST_GAP = 1e4  # larger gaps are cut off at the top
_BELOW_TARGETS = 1e-2  # smallest gap on the axis, as a share of the hardest target
_HUGE = 1e150  # larger objectives are cut off, and smaller ones than 1 / _HUGE count as 0: no limit overflows
_RESOLUTION = 1e-9  # values that differ by less, as a share of the typical one, are drawn as equal
_NEAR = 0.3  # the axis is extended down to the success target only from about three times the target


class ValueScale(NamedTuple):
    """Range of a value axis: logarithmic where `threshold` is 0, else linear within ± threshold."""

    bottom: float
    top: float
    threshold: float = 0.0

    def clip(self, values: npt.ArrayLike, infinite: npt.ArrayLike = math.nan) -> np.ndarray:
        """Clip values to the range and replace infinite ones by `infinite`."""
        return np.where(np.isinf(values), infinite, np.clip(values, self.bottom, self.top))

    def describe_clipped(self, values: npt.ArrayLike) -> str:
        """Describe how finite values outside the range are drawn; empty if none are."""
        numbers = np.asarray(values, dtype=float)
        finite, sentences = numbers[np.isfinite(numbers)], []
        if (finite < self.bottom).any():
            sentences.append(f"Values below {short(self.bottom, 2)} are drawn at the lower edge.")
        if (finite > self.top).any():
            sentences.append(f"Values above {short(self.top, 2)} are drawn at the upper edge.")
        return " ".join(sentences)

    def at(self, share: float) -> float:
        """Return the value at a share of the height of the axis."""
        low, high = self._transform.transform(np.array([self.bottom, self.top]))
        return float(self._transform.inverted().transform(np.array([low + share * (high - low)]))[0])

    def shares(self, values: npt.ArrayLike) -> np.ndarray:
        """Return the heights of values, as shares of the height of the axis; the inverse of `at`."""
        low, high = self._transform.transform(np.array([self.bottom, self.top]))
        heights = self._transform.transform(np.asarray(values, dtype=float).ravel())
        return np.asarray((heights - low) / (high - low))

    def ticks(self) -> np.ndarray:
        """Return at least two values on the axis: powers of ten, also 0 and those of either sign with a linear part.

        If fewer than two are on the axis: 1, 2 and 5 times powers of ten, or values that are a round step apart.
        """
        largest = max(abs(self.bottom), abs(self.top))
        # A label at the threshold would touch that of 0.
        start = math.log10(self.threshold or self.bottom)
        low = math.floor(start) + 1 if self.threshold else math.ceil(start)
        high = math.floor(math.log10(largest))
        ticks = self._visible([10.0**power for power in range(low, high + 1, max(1, (high - low) // 5))])
        if len(ticks) < 2 and not self.bottom <= 0 <= self.top:
            ticks = self._visible([m * 10.0**power for power in range(low - 1, high + 1) for m in (1, 2, 5)])
        if len(ticks) < 2:
            ticks = np.asarray(MaxNLocator(5, steps=[1, 2, 5, 10]).tick_values(self.bottom, self.top))
        return ticks[(self.bottom <= ticks) & (ticks <= self.top)]

    def _visible(self, sizes: list[float]) -> np.ndarray:
        """Return the values of these sizes and either sign that are on the axis, with 0, in ascending order."""
        ticks = np.array([*(-size for size in reversed(sizes)), 0.0, *sizes])
        return ticks[(self.bottom <= ticks) & (ticks <= self.top)]

    @property
    def _transform(self) -> SymmetricalLogTransform | LogTransform:
        return SymmetricalLogTransform(10, self.threshold, _LINEAR) if self.threshold else LogTransform(10)

    def lane(self, index: int, count: int) -> float:
        """Return the height of one of `count` lines within the strip above the axis."""
        low, high = STRIP
        return self.at(high - (index + 1) / (count + 1) * (high - low))


def value_scale(values: np.ndarray, facts: ProblemFacts) -> ValueScale:
    """Return a range that contains the finite `values`: of gaps if the problem has an optimum, else of objectives."""
    return log_scale(values, facts) if facts.has_optimum else symmetric_scale(values)


def log_scale(values: np.ndarray, facts: ProblemFacts) -> ValueScale:
    """Return a logarithmic range of gaps.

    It contains the success target only if the smallest gap comes near to it.
    """
    floor = min(facts.targets, default=facts.success_target) * _BELOW_TARGETS
    gaps = np.clip(values[np.isfinite(values)], floor, _HIGHEST_GAP)
    low = float(gaps.min(initial=1.0))
    if facts.success_target >= low * _NEAR:
        low = min(low, facts.success_target)
    high = max(float(gaps.max(initial=low)), 1.0)
    margin = max(high / low, 10.0) ** 0.06
    return ValueScale(low / margin, high * margin * 1.1)


def symmetric_scale(values: np.ndarray) -> ValueScale:
    """Return a range for values of any sign, linear near zero."""
    finite = np.clip(values[np.isfinite(values)], -_HUGE, _HUGE)
    magnitudes = np.abs(finite)[np.abs(finite) > 1 / _HUGE]
    if not len(magnitudes):
        return ValueScale(-1.0, 1.0, 1.0)
    typical = float(np.median(magnitudes))
    threshold = float(np.clip(magnitudes.min(), typical * 1e-2, typical))
    high = min(float(finite.max()), typical * _HIGHEST_GAP)
    span = ValueScale(min(float(finite.min()), high), high, threshold)
    if span.top - span.bottom <= _RESOLUTION * threshold:
        span = ValueScale(span.bottom - threshold, span.top + threshold, threshold)
    return ValueScale(span.at(-0.05), span.at(1.1), threshold)


def value_axis(axes: Axes, scale: ValueScale, facts: ProblemFacts) -> None:
    """Set scale, ticks, limits and label of the vertical axis."""
    if scale.threshold:
        axes.set_yscale("symlog", linthresh=scale.threshold, linscale=_LINEAR)
    else:
        axes.set_yscale("log")
    ticks = scale.ticks().tolist()
    axes.set_yticks(ticks, tick_labels(ticks))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylim(scale.at(_BELOW), scale.top)  # a line along the lower edge would be on the frame
    axes.set_ylabel(GAP_LABEL if facts.has_optimum else "objective f (no known optimum)")


def label_powers(axis: Axis) -> None:
    """Label the ticks of a logarithmic axis as plain text, 10⁻³, and remove minor ticks."""
    axis.set_major_formatter(FuncFormatter(lambda value, _: power_of_ten(value)))
    axis.set_minor_locator(NullLocator())


def add_success_line(axes: Axes, scale: ValueScale, facts: ProblemFacts) -> None:
    """Draw the success target, and say in the legend if it is below the axis; nothing without an optimum."""
    label, has_gaps = f"success: {facts.success}", facts.has_optimum and not facts.target_metric
    if has_gaps and facts.success_target > scale.bottom:
        axes.axhline(facts.success_target, color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1, label=label)
    elif has_gaps:
        axes.plot([], [], " ", label=f"{label}\n(below this axis)")


def add_lost_strip(axes: Axes, scale: ValueScale, label: str = "diverged\nor failed") -> None:
    """Extend the axis by a shaded, labelled strip in which lost trials are drawn."""
    ticks = [tick for tick in axes.get_yticks() if scale.bottom <= tick <= scale.top]
    labels = axes.yaxis.get_major_formatter().format_ticks(ticks)
    axes.set_ylim(scale.at(_BELOW), scale.at(STRIP[1]))
    axes.set_yticks([*ticks, scale.at(sum(STRIP) / 2)], [*labels, label])
    axes.axhspan(scale.at(STRIP[0]), scale.at(STRIP[1]), color="0.93", zorder=0.6)


class GapAxis(NamedTuple):
    """The vertical axis of the gaps, or objectives, of a problem."""

    scale: ValueScale
    facts: ProblemFacts
    has_infinite: bool
    """Infinite values, as of lost trials, are drawn in a strip above the axis."""

    def set_on(self, axes: Axes, label: str = "", lost: str = "diverged\nor failed") -> None:
        """Set scale, limits and label, and the strip of lost trials."""
        value_axis(axes, self.scale, self.facts)
        if self.has_infinite:
            add_lost_strip(axes, self.scale, lost)
        axes.set_ylabel(f"{label}{axes.get_ylabel()}")


def call_axis(axes: Axes, budget: float) -> None:
    """Set the horizontal axis to calls up to `budget`: logarithmic from 1 on, with the start at 0."""
    axes.set_xscale("symlog", linthresh=1, linscale=0.3)
    decades = [10.0**power for power in range(int(math.log10(max(budget, 1))) + 1)]
    axes.xaxis.set_major_locator(FixedLocator([0.0, *decades]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axes.set_xlim(-0.15, max(budget, 1) * 1.08)
    axes.set_xlabel(CALLS_LABEL)
