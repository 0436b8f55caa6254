"""Axes of gaps and objectives have finite, ordered limits that fit the values."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from benchbed.interfaces.results import ProblemFacts
from benchbed.plotting.axes import add_lost_strip, log_scale, symmetric_scale, value_axis

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
