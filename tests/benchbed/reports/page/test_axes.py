"""The axes that a reader chooses: lines are at the values that the new ticks name."""

import re

import numpy as np
import pytest

from benchbed.interfaces import MEASURED_STATUSES
from benchbed.reports.bands import quartiles

pytestmark = pytest.mark.slow

CHART = "#p0 > .charts > figure[data-t=tuned]:has(.title:text('Median gap'))"
SUPERSCRIPT = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-")


def number(text):
    """Return the number of a tick, such as 2·10⁻⁵ or 1 000; NaN if it is none."""
    text = text.replace("\N{THIN SPACE}", "")
    factor, power = re.fullmatch(r"(?:([\d.]+)·)?10([⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)|.*", text).groups()
    if power:
        return float(factor or 1) * 10.0 ** int(power.translate(SUPERSCRIPT))
    return float("nan") if text == "lost" else float(text.translate(SUPERSCRIPT))


def ticks(chart, axis):
    """Return positions, in units of the paths, and numbers of the ticks of an axis."""
    texts = chart.locator(f".ticks-{axis} text").all()
    shift = (lambda text: float(text.get_attribute("x")) - 66) if axis == "x" else (
        lambda text: 224 - float(text.get_attribute("y"))
    )  # fmt: skip
    pairs = [(10 * shift(text), number(text.text_content())) for text in texts]
    return np.array([pair for pair in pairs if not np.isnan(pair[1])]).T


@pytest.fixture(scope="module")
def band(results):
    """The quartiles of adam on the first problem, in the track tuned."""
    trials = results.outcomes[
        (results.outcomes["problem"] == "quadratic")
        & (results.outcomes["track"] == "tuned")
        & (results.outcomes["optimizer"] == "adam")
    ]
    assert set(trials["status"]) <= set(MEASURED_STATUSES)
    return quartiles(trials, results.curves, "gap", 1000)


@pytest.mark.parametrize(("unit", "cost"), [("calls", 1), ("steps", 0.5), ("seconds", 5e-6)])
def test_a_linear_axis_has_the_values_of_its_unit(open_page, decode, band, unit, cost):
    """Half a step and 5 µs a call; the line is at the median gap of each value, on a linear axis, too."""
    tab = open_page(f"#unit={unit}&x=linear&y=linear")
    chart = tab.locator(CHART)
    assert chart.locator(".label-x").text_content() == unit
    columns, values = ticks(chart, "x")
    assert (columns[0], values[0]) == (0, 0)
    assert values[-1] == pytest.approx(1000 * cost)
    assert columns == pytest.approx(3600 * values / values[-1], abs=1)
    heights, gaps = ticks(chart, "y")
    assert heights == pytest.approx(gaps * (heights[-1] / gaps[-1]), abs=1)
    (line,) = decode(chart.locator("g[data-o='5'] .line").get_attribute("d"))
    x, y = np.array(line).T
    expected = np.interp(x / 3600 * 1000, band["calls"], band["median"]) * heights[-1] / gaps[-1]
    # A height of the default view, of which there are 2100, is 1.1 % of a gap; columns are rounded, too.
    assert np.abs(y - expected).max() < 60


@pytest.mark.parametrize(("unit", "cost"), [("steps", 0.5), ("seconds", 5e-6)])
def test_a_logarithmic_axis_has_the_values_of_its_unit(open_page, decode, unit, cost):
    """All optimizers cost the same, so that the lines stay and the decades move."""
    default = open_page().locator(CHART).locator("g[data-o='5'] .line").get_attribute("d")
    chart = open_page(f"#unit={unit}").locator(CHART)
    columns, values = ticks(chart, "x")
    is_positive = values > 0
    expected = 0.06 + 0.94 * np.log(values[is_positive] / cost) / np.log(1000)
    assert columns[is_positive] == pytest.approx(3600 * expected, abs=1)
    after = chart.locator("g[data-o='5'] .line").get_attribute("d")
    assert np.abs(np.array(decode(after)) - decode(default)).max() <= 1


def test_the_default_axes_come_back(open_page):
    """With the paths that the page was written with."""
    tab = open_page()
    chart = tab.locator(CHART)
    before = chart.locator("svg").evaluate("element => element.outerHTML")
    for name, value in (("unit", "seconds"), ("x", "linear"), ("y", "linear")):
        tab.locator(f"#{name}").select_option(value)
    assert chart.locator("svg").evaluate("element => element.outerHTML") != before
    tab.get_by_role("button", name="Reset").click()
    assert chart.locator("svg").evaluate("element => element.outerHTML") == before
    assert tab.url.endswith("#")


def test_hiding_a_line_extends_the_linear_axis_of_the_others(open_page):
    """The gap of sgd grows before it diverges."""
    tab = open_page("#y=linear&track=default")
    chart = tab.locator(CHART.replace("tuned", "default"))
    before = ticks(chart, "y")[1][-1]
    tab.locator(".legend button", has_text="sgd").first.click()
    assert ticks(chart, "y")[1][-1] < before


def test_lost_lines_stay_in_their_strip(open_page):
    """Only the column of a cross changes."""
    tab = open_page("#y=linear&x=linear&track=default")
    chart = tab.locator(CHART.replace("tuned", "default"))
    assert chart.locator(".ticks-y text").last.text_content() == "lost"
    (x, y) = map(int, re.match(r"M(-?\d+) (\d+)", chart.locator(".lost").get_attribute("d")).groups())
    assert 0 < x < 3600
    assert y > int(re.match(r"M0 (\d+)", chart.locator(".strip").get_attribute("d")).group(1))
