"""The charts of scores are the targets that trials reached, on each problem, in each group and over all."""

import numpy as np
import pytest

from benchbed.reports.page.charts import CallCost
from benchbed.reports.page.score_charts import mean_target_charts, target_charts


@pytest.fixture(scope="module")
def numbers(results):
    """The index of each optimizer."""
    return {optimizer: index for index, optimizer in enumerate(results.optimizers)}


def share_at_the_end(chart, line):
    """Return the share of targets at the right end of a line."""
    scale = chart.y.ticks[-1][0] / float(chart.y.ticks[-1][1])
    return sum(int(step.split("h")[0].split("l")[0]) for step in line.path.split("v")[1:]) / scale


def test_the_last_share_is_that_of_the_targets(results, numbers):
    """The end of a curve is the share of all targets that the trials reached."""
    chart = next(target_charts(results, ["quadratic"], numbers))
    trials = results.outcomes[
        (results.outcomes["problem"] == "quadratic") & (results.outcomes["track"] == "default")
    ]
    for line in chart.lines:
        rows = trials[trials["optimizer"] == results.optimizers[line.optimizer]]
        share = np.isfinite(np.concatenate(rows["calls_to_target"].to_list())).mean()
        assert share_at_the_end(chart, line) == pytest.approx(share, abs=0.005)
        assert line.cost.text == "0.5 5e-06"


def test_the_mean_over_problems_has_a_chart_of_its_own(results, numbers):
    """Without the track default, of which there is no mean, and without a cost of a call, which differs."""
    (chart,) = mean_target_charts(results, numbers)
    assert (chart.title, chart.track) == ("Targets reached, all 2 problems", "tuned")
    assert {line.cost for line in chart.lines} == {CallCost()}
    assert chart.x.scale == ""


def test_groups_of_several_problems_have_a_chart(make_results, numbers):
    """Its shares are the means over the problems of the group; a group of one problem has no chart of its own."""
    results = make_results(
        problems=("a", "b", "c"), tracks=("tuned",), groups={"a": "one", "b": "two", "c": "two"}
    )
    overall, group = mean_target_charts(results, numbers)
    assert (overall.title, group.title) == ("Targets reached, all 3 problems", "Targets reached, group two")
    of_problems = [next(target_charts(results, [name], numbers)) for name in ("b", "c")]
    for number, line in enumerate(group.lines):
        shares = [share_at_the_end(chart, chart.lines[number]) for chart in of_problems]
        assert share_at_the_end(group, line) == pytest.approx(np.mean(shares), abs=0.005)


def test_a_mean_over_a_part_of_the_problems_is_not_called_overall(make_results, numbers):
    """Neither for the study nor for a group; a group whose problems all have scores is named alone."""
    results = make_results(
        problems=("a", "b", "open", "c", "d"),
        tracks=("tuned",),
        without_optimum=("open",),
        groups={"a": "one", "b": "one", "open": "one", "c": "two", "d": "two"},
    )
    charts = mean_target_charts(results, numbers)
    assert [chart.title for chart in charts] == [
        "Targets reached, the 4 problems with scores",
        "Targets reached, group one, the 2 problems with scores",
        "Targets reached, group two",
    ]
    assert all("overall" not in chart.caption for chart in charts)
