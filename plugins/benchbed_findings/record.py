"""The record of a known finding: its expected and its measured value, and the panel of a figure that shows both."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from torch import Tensor


class Series(NamedTuple):
    """Measured values in one color, with their 95 % interval, and the values that they are compared with."""

    label: str
    x: Sequence[float] | Sequence[str]
    """Numbers, or names of categories."""
    y: Sequence[float]
    interval: tuple[Sequence[float], Sequence[float]] | None = None
    """Lower and upper ends at each `x`."""
    reference: tuple[Sequence[float] | Sequence[str], Sequence[float]] | None = None
    """The x and y of a formula or of published values."""


class Panel(NamedTuple):
    """One panel of a figure."""

    title: str
    x_label: str
    y_label: str
    series: Sequence[Series]
    reference: str = "formula"
    """Label of the references of the series."""
    bounds: Mapping[str, float] = {}
    """Horizontal lines by their labels."""
    log_x: bool = False
    log_y: bool = True


class Finding(NamedTuple):
    """A sentence with the expected and the measured value, and whether they agree."""

    sentence: str
    expected: str
    measured: str
    holds: bool
    source: str
    panel: Panel | None = None
    """None where the panel of another finding of the same part shows both values."""


class Mean(NamedTuple):
    """The mean of independent simulations and its standard error."""

    value: float
    standard_error: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval."""
        half = 1.96 * self.standard_error
        return self.value - half, self.value + half

    def agrees_with(self, expected: float) -> bool:
        """Return whether the mean is within three standard errors of `expected`, or equal to it up to rounding."""
        return abs(self.value - expected) <= max(3 * self.standard_error, 1e-12 * abs(expected))


def mean_of(values: Tensor) -> Mean:
    """Return the mean of `values: [trials]` with its standard error."""
    return Mean(values.mean().item(), (values.std() / math.sqrt(len(values))).item())


def series_of_means(
    label: str,
    x: Sequence[float] | Sequence[str],
    means: Sequence[Mean],
    reference: tuple[Sequence[float] | Sequence[str], Sequence[float]] | None = None,
) -> Series:
    """Return means with their intervals as a series."""
    lows, highs = zip(*(mean.interval for mean in means), strict=True)
    return Series(label, x, [mean.value for mean in means], (lows, highs), reference)


def near(
    sentence: str, expected: float, measured: float, tolerance: float, source: str, panel: Panel | None = None
) -> Finding:
    """Return a finding that holds if both values differ by at most `tolerance`."""
    holds = abs(expected - measured) <= tolerance
    return Finding(sentence, f"{expected:.6g} ± {tolerance:.0e}", f"{measured:.6g}", holds, source, panel)


def near_means(
    sentence: str, expected: Sequence[float], means: Sequence[Mean], source: str, panel: Panel | None = None
) -> Finding:
    """Return a finding that holds if each mean is within three standard errors of its expected value."""
    return Finding(
        sentence,
        ", ".join(f"{value:.4g}" for value in expected),
        ", ".join(f"{mean.value:.4g} [{mean.interval[0]:.4g}, {mean.interval[1]:.4g}]" for mean in means),
        all(mean.agrees_with(value) for mean, value in zip(means, expected, strict=True)),
        source,
        panel,
    )
