"""Axes of gaps and objectives have finite, ordered limits that fit the values."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchbed.interfaces.results import ProblemFacts
from benchbed.plotting.axes import ValueScale, add_lost_strip, log_scale, symmetric_scale, value_axis

FACTS = ProblemFacts(1000, tuple(10.0**-k for k in range(1, 9)), 1e-3, 2, "float64", True)


@pytest.mark.parametrize(
    "values",
    [
        *([], [math.inf], [1e-30, 1e30, math.inf], [0.0], [-3.0, 0.0, 5e8], [2.0, 2.0]),
        *(
            [1.0, math.nextafter(1.0, 2.0)],
            [-1e16, -1e16 + 2],
            [1.7e308],
            [-1.7e308, 1.7e308],
            [5e-324],
            [-5e-324, 1e308],
        ),
    ],
)
def test_limits_are_finite_and_ordered(values):
    """For any values, with and without a known optimum; matplotlib warns of none of these limits."""
    numbers = np.array(values, dtype=float)
    for scale in (log_scale(numbers, FACTS), symmetric_scale(numbers)):
        assert -math.inf < scale.bottom < scale.at(0.5) < scale.top < math.inf
        assert np.isclose(scale.at(0), scale.bottom)
        assert np.isclose(scale.at(1), scale.top)
        figure = Figure()
        axes = figure.add_subplot()
        value_axis(axes, scale, FACTS)
        add_lost_strip(axes, scale)
        figure.draw_without_rendering()


def test_the_axis_ends_near_the_smallest_gap():
    """The success target is on the axis only if the gaps come within a factor of about three."""
    assert log_scale(np.array([1.0, 0.01]), FACTS).bottom > 5e-3
    assert log_scale(np.array([1.0, 0.002]), FACTS).bottom < 1e-3


def test_lines_in_the_strip_do_not_overlap():
    """Each of three lost lines has its own height above the axis."""
    scale = log_scale(np.array([1.0, 0.1]), FACTS)
    heights = [scale.lane(index, 3) for index in range(3)]
    assert scale.top < heights[2] < heights[1] < heights[0]


@pytest.mark.parametrize(
    "values",
    [
        *([1.2, 2.3], [1.2, 1.2009], [3.7], [0.0], [-3.0, 5.0], [-2.3, -1.2], [-0.4, 0.0], [5.0, 40.0]),
        *(
            [2e-9, 7e-9],
            [3e7, 3.00001e7],
            [-1e3, 1e4],
            [-7e-5, 90.0],
            [0.5, 1e30],
            [1.0, 1.0 + 1e-8],
            [0.4, 0.9],
        ),
    ],
)
@pytest.mark.parametrize("make_scale", [symmetric_scale, lambda values: log_scale(values, FACTS)])
def test_every_axis_has_at_least_two_numbers(values, make_scale):
    """They differ, lie at the values that they name, and are all on the axis."""
    scale = make_scale(np.array(values))
    figure = Figure()
    axes = figure.add_subplot()
    value_axis(axes, scale, FACTS)
    figure.draw_without_rendering()
    ticks = axes.get_yticks()
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert 2 <= len(ticks) <= 15
    assert ((scale.bottom <= ticks) & (ticks <= scale.top)).all()
    assert len(set(labels)) == len(labels)
    for tick, label in zip(ticks, labels, strict=True):
        assert math.isclose(_number(label), tick, rel_tol=1e-9)


def test_powers_of_ten_are_counted_from_the_smallest_on_the_axis():
    """Over ten decades every second one, with both ends."""
    assert ValueScale(5e-11, 2.0).ticks() == pytest.approx([1e-10, 1e-8, 1e-6, 1e-4, 1e-2, 1.0])


def test_labels_do_not_overlap():
    """On the axis of a small panel, however narrow the range is."""
    generator = np.random.default_rng(0)
    for _ in range(300):
        values = generator.normal() * 10.0 ** generator.integers(-9, 9) + generator.normal(
            size=3
        ) * 10.0 ** generator.integers(-9, 9)
        scale = symmetric_scale(values)
        heights = scale.shares(scale.ticks())
        assert len(heights) >= 2
        assert np.diff(heights).min() > 0.03


def _number(label):
    """Return the number that a label names."""
    text = label.replace("−", "-")
    if "10" in text and set(text) & set("⁻⁰¹²³⁴⁵⁶⁷⁸⁹"):
        factor, _, exponent = text.rpartition("10")
        exponent = int(exponent.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")))
        factor = factor.removesuffix("·")
        return float(f"{factor}1" if factor in ("", "-") else factor) * 10.0**exponent
    return float(text)


def test_values_outside_the_axis_are_described():
    """Each edge by its value, and only finite values; none inside."""
    scale = ValueScale(5.6e-5, 20.0)
    assert scale.describe_clipped([1e-4, 1.0, math.inf, math.nan]) == ""
    assert scale.describe_clipped([0.0, 1.0]) == "Values below 5.6e-05 are drawn at the lower edge."
    assert scale.describe_clipped([1.0, 21.0]) == "Values above 20 are drawn at the upper edge."
