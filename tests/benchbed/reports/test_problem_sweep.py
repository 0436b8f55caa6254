"""Sweeps show how scores depend on a parameter of a problem."""

import re

import numpy as np
import pandas as pd
import pytest

from benchbed.reports import problem_sweep
from benchbed.reports.problem_sweep import ProblemSweep, draw, pieces, problem_sweeps

pytestmark = pytest.mark.slow

BATCHES = {1: "noisy", 8: "noisy[batch_size=8]", 64: "noisy[batch_size=64]"}


@pytest.fixture(scope="module")
def swept(make_results):
    """Three batch sizes of one problem, listed out of order, and another problem."""
    results = make_results(
        optimizers=("gd", "adam"), problems=(BATCHES[64], BATCHES[1], BATCHES[8], "quartic"), seeds=3
    )
    values = {label: {"batch_size": size, "rotated": True} for size, label in BATCHES.items()}
    facts = {
        label: of_problem._replace(name=label.split("[", maxsplit=1)[0], parameters=values.get(label, {}))
        for label, of_problem in results.problems.items()
    }
    return results._replace(problems=facts)


def test_a_parameter_with_three_values_is_a_sweep(swept):
    """Defaults count as values; the problems are sorted by the parameter."""
    assert problem_sweeps(swept) == [ProblemSweep("batch_size", BATCHES)]
    assert pieces(swept) == ["0"]


def test_problems_that_differ_in_more_are_no_sweep(swept):
    """Two values make no line, and another difference would be mistaken for that of the batch size."""
    turned = swept.problems[BATCHES[8]]._replace(parameters={"batch_size": 8, "rotated": False})
    assert problem_sweeps(swept._replace(problems={**swept.problems, BATCHES[8]: turned})) == []


def test_problems_without_scores_have_no_sweep(swept):
    """There is nothing to draw."""
    unscored = swept.summary.assign(score=np.nan)
    assert pieces(swept._replace(summary=unscored)) == []


def test_lines_have_the_values_of_the_summary(swept, saved):
    """The score, the median calls, and the samples: calls times the batch size. An infinite median has no mark."""
    summary = swept.summary.copy()
    is_tuned = summary["track"] == "tuned"
    is_lost = is_tuned & (summary["optimizer"] == "adam") & (summary["problem"] == BATCHES[8])
    summary.loc[is_lost, "median_calls"] = np.inf
    files = draw(swept._replace(summary=summary), "0")
    assert set(files) == {f"plots/problem-sweep-noisy-batch_size.{suffix}" for suffix in ("png", "svg")}
    rows = summary[is_tuned].set_index(["optimizer", "problem"]).loc["adam"].loc[list(BATCHES.values())]
    calls = rows["median_calls"].replace([np.inf], np.nan)
    for axes, values in zip(saved[-1].axes, [rows["score"], calls, calls * list(BATCHES)], strict=True):
        drawn = next(line for line in axes.lines if line.get_color() == color_of("adam", axes))
        expected = pd.Series(values.to_numpy(float), index=list(BATCHES)).dropna()
        np.testing.assert_array_equal(drawn.get_xdata(), expected.index)
        np.testing.assert_allclose(drawn.get_ydata(), expected)
    (caption,) = saved[-1].texts
    text = re.sub(r"\s", " ", caption.get_text())
    assert "over 3 evaluation seeds; 3 problems that differ in batch_size alone" in text


def color_of(optimizer, axes):
    """Return the color of an optimizer in the legend of a panel."""
    legend = axes.get_legend()
    labels = [text.get_text() for text in legend.get_texts()]
    return legend.get_lines()[labels.index(optimizer)].get_color()


def test_other_parameters_have_no_panel_of_samples(swept, saved):
    """Calls are samples only up to the batch size."""
    renamed = {
        label: facts._replace(parameters={"condition": facts.parameters.get("batch_size", 1)})
        for label, facts in swept.problems.items()
    }
    draw(swept._replace(problems=renamed), "0")
    labels = [axes.get_ylabel() for axes in saved[-1].axes]
    assert labels == ["score (0 to 1)", "median calls to success"]
    assert problem_sweep.FEWEST_VALUES == 3
