"""The lines of the charts are the numbers of the study."""

import numpy as np
import pytest

from benchbed.reports.bands import quartiles
from benchbed.reports.page.charts import HEIGHT, WIDTH, call_positions
from benchbed.reports.page.problem_charts import charts_of, loss_charts


@pytest.fixture(scope="module")
def numbers(results):
    """The index of each optimizer."""
    return {optimizer: index for index, optimizer in enumerate(results.optimizers)}


def points_of(path):
    """Return the points of a path of absolute starts and relative lines."""
    start, *steps = path.removeprefix("M").split("l")
    values = [[int(number) for number in step.replace("-", " -").split()] for step in (start, *steps)]
    return np.cumsum(values, axis=0)


def test_each_problem_has_the_charts_that_apply(results, numbers):
    """Curves and targets for each track, then learning rates and best of k, with every optimizer."""
    charts = charts_of(results, "quadratic", numbers)
    assert [(chart.title, chart.track) for chart in charts] == [
        ("Median gap", "default"),
        ("Median gap", "tuned"),
        ("Targets reached", "default"),
        ("Targets reached", "tuned"),
        ("Learning-rate sensitivity", ""),
        ("Best of k settings", ""),
    ]
    assert all({line.optimizer for line in chart.lines} == set(range(7)) for chart in charts)


def test_the_curve_is_the_median(results, numbers):
    """On the axis that the ticks name: 10⁰ and a small power fix the scale."""
    chart = next(loss_charts(results, "quadratic", numbers))
    trials = results.outcomes[
        (results.outcomes["problem"] == "quadratic")
        & (results.outcomes["track"] == "default")
        & (results.outcomes["optimizer"] == "adam")
    ]
    band = quartiles(trials, results.curves, "gap", 1000)
    (line,) = (line for line in chart.lines if line.optimizer == numbers["adam"])
    drawn = points_of(line.path)
    ticks = {text: height for height, text in chart.y.ticks}
    decade = ticks["10⁰"] - ticks["10⁻²"]
    heights = ticks["10⁰"] + np.log10(band["median"].to_numpy()) / 2 * decade
    columns = call_positions(band["calls"], 1000) * WIDTH
    expected = np.interp(drawn[:, 0], columns, heights)
    # The lowest gaps are cut off at the bottom; coordinates and ticks are rounded to integers.
    assert np.abs(drawn[:, 1] - np.maximum(expected, 0)).max() < 0.01 * HEIGHT
    assert line.band.endswith("z")
    assert line.cost.text == "0.5 5e-06"  # half a step and 5 µs a call


def test_a_lost_median_ends_in_a_cross(results, numbers):
    """Three of five trials of sgd diverge."""
    chart = next(loss_charts(results, "quadratic", numbers))
    assert [line.optimizer for line in chart.lines if line.lost] == [numbers["sgd"]]
    assert chart.strip is not None
    (line,) = (line for line in chart.lines if line.lost)
    assert line.title == "sgd (3 of 5 diverged)"


def test_metrics_have_a_chart(results, numbers):
    """A metric at checkpoints, with the range of its values."""
    curves = results.curves.assign(accuracy=np.linspace(0.2, 0.8, len(results.curves)))
    charts = [
        chart
        for chart in charts_of(results._replace(curves=curves), "quadratic", numbers)
        if chart.title == "Median accuracy"
    ]
    assert [chart.track for chart in charts] == ["default", "tuned"]
    assert charts[0].y.label == "accuracy"
