"""Paths are the coordinates of values, and axes say which values they are."""

import math
import re

import numpy as np
import pytest

from benchbed.interfaces import ProblemFacts
from benchbed.plotting.axes import ValueScale
from benchbed.reports.page.charts import (
    HEIGHT,
    WIDTH,
    ValueAxis,
    area,
    call_axis,
    call_positions,
    decade_axis,
    linear_axis,
    points,
    polyline,
    share_axis,
)  # fmt: skip

FACTS = ProblemFacts(1000, (1e-1, 1e-3), 1e-2, 2, "float64", True)


def test_a_line_goes_through_its_points(decode):
    """NaN interrupts it, and points that fall together are drawn once."""
    x = np.array([0.0, 0.5, 0.50001, 0.6, 0.7, 1.0])
    y = np.array([1.0, 0.2, 0.2, math.nan, 0.4, 0.1])
    shares = [(0, 1), (0.5, 0.2)], [(0.7, 0.4), (1, 0.1)]
    expected = [[(round(a * WIDTH), round(b * HEIGHT)) for a, b in segment] for segment in shares]
    assert decode(polyline(x, y)) == expected


def test_steps_hold_until_the_next_point(decode):
    """As the share of targets does."""
    ((first, middle, last),) = decode(polyline(np.array([0, 1.0]), np.array([0, 0.5]), is_step=True))
    assert (first, middle, last) == ((0, 0), (WIDTH, 0), (WIDTH, HEIGHT // 2))


def test_a_band_is_closed_and_has_no_gaps(decode):
    """From left to right along the lower line, and back along the upper one."""
    x, lower, upper = np.array([0, 0.5, 1]), np.array([0.1, math.nan, 0.2]), np.array([0.3, 0.4, 0.5])
    path = area(x, lower, upper)
    assert path.endswith("z")
    expected = [(0, 0.1), (1, 0.2), (1, 0.5), (0, 0.3)]
    assert decode(path[:-1]) == [[(round(a * WIDTH), round(b * HEIGHT)) for a, b in expected]]
    assert area(x, lower * math.nan, upper) == ""


def test_points_are_separate(decode):
    """Each is a segment without length."""
    assert decode(points(np.array([0, 0.5]), np.array([1, math.nan]))) == [[(0, HEIGHT), (0, HEIGHT)]]


@pytest.mark.parametrize("scale", [ValueScale(1e-6, 10.0), ValueScale(-1e3, 1e4, 0.5)])
def test_ticks_are_at_the_values_that_they_name(scale):
    """By the inverse of the scale."""
    axis = ValueAxis(scale, FACTS, has_infinite=False)
    values = {"0": 0.0} | {f"{sign}10{power}": 0 for sign in ("", "−") for power in ""}
    digits = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
    for height, text in axis.axis().ticks:
        value = values.get(text)
        if value is None:
            sign, exponent = re.fullmatch(r"([−-]?)10(.*)", text).groups() if "10" in text else ("", None)
            value = (-1 if sign else 1) * 10.0 ** int(exponent.translate(digits)) if exponent else float(text)
        assert scale.at(height / HEIGHT) == pytest.approx(value, rel=0.02, abs=0.005)
    assert len(axis.axis().ticks) >= 3


def test_infinite_values_are_above_the_axis():
    """In a strip that the axis names, and finite values below it."""
    axis = ValueAxis(ValueScale(1e-3, 1.0), FACTS, has_infinite=True)
    inside, top, lost = axis.heights([1e-2, 1.0, math.inf], infinite=axis.lane(0, 1))
    assert inside < top < axis.strip / HEIGHT < lost < 1
    assert axis.axis().ticks[-1][1] == "lost"
    assert axis.level == round(inside * HEIGHT)
    assert math.isnan(axis.heights([math.inf])[0])


def test_calls_are_logarithmic_from_one_call():
    """With the start at the left and the budget at the right."""
    positions = call_positions([0, 1, 10, 100, 1000], 1000)
    assert positions[0] == 0
    assert positions[-1] == pytest.approx(1)
    assert np.diff(positions[1:]) == pytest.approx(np.full(3, (1 - positions[1]) / 3))
    assert [text for _, text in call_axis(1000).ticks] == ["0", "1", "10", "100", "1\N{THIN SPACE}000"]
    assert call_axis(1).ticks[-1][0] < WIDTH


def test_a_linear_axis_has_round_ticks():
    """At the heights that they name."""
    axis = linear_axis("accuracy", 7.87e-6, 0.431)
    assert [text for _, text in axis.ticks] == ["0.1", "0.2", "0.3", "0.4"]
    assert [height / HEIGHT for height, _ in axis.ticks] == pytest.approx(
        [(value - 7.87e-6) / (0.431 - 7.87e-6) for value in (0.1, 0.2, 0.3, 0.4)], abs=1e-3
    )
    assert [text for _, text in linear_axis("error", 0.0, 1.0).ticks][:2] == ["0", "0.2"]


def test_axes_have_few_ticks():
    """Also over many decades; a share ends at its highest value."""
    axis = decade_axis("learning rate", 1e-12, 1e2)
    assert 3 <= len(axis.ticks) <= 8
    assert axis.ticks[0] == (0, "10⁻¹²")
    assert decade_axis("learning rate", 0.1, 0.1).ticks == [(0, "10⁻¹")]
    assert [text for _, text in decade_axis("learning rate", 0.02, 0.06).ticks] == ["0.02", "0.05"]
    assert share_axis("share", 0.5).ticks[-1] == (HEIGHT, "0.5")
