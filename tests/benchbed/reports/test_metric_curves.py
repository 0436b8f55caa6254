"""Curves of metrics at checkpoints."""

import math

import numpy as np
import pandas as pd
import pytest

from benchbed.reports.metric_curves import draw, median_curve, pieces


def test_the_median_is_over_trials_that_did_not_diverge():
    """A trial that ended keeps its value; the median of 1, 3 and 5 at 10 calls is 3, without the diverged trial."""
    trials = pd.DataFrame(
        {"trial_key": list("abcd"), "status": ["solved", "exhausted", "exhausted", "diverged"]}
    )
    points = [("a", 0, 2.0), ("a", 4, 1.0)]
    points += [(key, at, value) for key, value in (("b", 3), ("c", 5), ("d", 99)) for at in (0, 4, 10)]
    curves = pd.DataFrame(points, columns=["trial_key", "calls", "accuracy"])
    curve = median_curve(trials, curves, "accuracy", 20)
    assert curve["calls"].tolist() == [0, 4, 10, 20]
    assert curve["median"].tolist() == [3, 3, 3, 3]
    assert median_curve(trials[:1], curves, "accuracy", 20)["median"].tolist() == [2, 1, 1]


@pytest.mark.slow
def test_problems_with_metrics_at_checkpoints_have_a_plot(make_results, saved):
    """With the success target, and without the problems that have no metrics."""
    results = make_results(problems=("digits", "quadratic"), seeds=3)
    assert pieces(results) == []
    is_digits = results.curves["trial_key"].str.startswith("digits")
    values = np.where(is_digits, 1 - results.curves["gap"].clip(upper=1), math.nan)
    facts = results.problems["digits"]._replace(
        target_metric="accuracy", targets=(0.5, 0.9), success_target=0.9
    )
    results = results._replace(
        curves=results.curves.assign(accuracy=values), problems=results.problems | {"digits": facts}
    )
    assert pieces(results) == ["digits"]
    files = draw(results, "digits")
    assert set(files) == {"plots/metrics-digits.png", "plots/metrics-digits.svg"}
    axes = saved[-1].axes
    assert len(axes) == len(results.tracks)
    assert axes[0].get_ylabel() == "accuracy"
    assert "success: accuracy ≥ 0.9" in axes[0].get_legend_handles_labels()[1]
    (caption,) = saved[-1].texts
    assert "Line: median over 3 evaluation seeds" in caption.get_text().replace("\n", " ")
