"""The area under the share of targets reached is the score."""

import numpy as np
import pandas as pd
import pytest

from benchbed.interfaces import ALL_PROBLEMS, ProblemFacts
from benchbed.reports.ecdf import draw, mean_curve, pieces, targets_reached
from benchbed.tuning.outcomes import trial_scores

pytestmark = pytest.mark.slow

FACTS = ProblemFacts(1000, (0.1, 0.01, 0.001), 1e-3, 2, "float64", True)


def area(curve):
    """Integrate a step function from 0 to 1."""
    widths = np.diff(curve["position"], append=1.0)
    return float((widths * curve["share"]).sum())


def curve(positions, shares):
    return pd.DataFrame({"position": positions, "share": shares})


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_the_score(seed):
    """For random calls, a third of which never reach their target."""
    generator = np.random.default_rng(seed)
    calls = np.exp(generator.uniform(0, np.log(1000), (20, 3)))
    calls[generator.random((20, 3)) < 1 / 3] = np.inf
    trials = pd.DataFrame({"calls_to_target": list(calls)})
    assert area(targets_reached(trials, FACTS)) == pytest.approx(trial_scores(calls, 1000).mean(), rel=1e-12)


def test_the_area_of_the_mean_is_the_mean_of_the_areas():
    """The area under the curve over all problems is the overall score."""
    curves = [
        curve([0.0, 0.1, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0]),
        curve([0.0, 0.3, 1.0], [0.0, 0.25, 0.25]),
        curve([0.0, 1.0], [0.0, 0.0]),
    ]
    assert area(mean_curve(curves)) == pytest.approx(np.mean([area(each) for each in curves]))


def test_a_study_without_reached_targets_is_drawn(make_results, saved):
    """Every curve is a line at zero, above the frame, which would hide it."""
    results = make_results(problems=("quadratic",), lost=lambda *_: True)
    lost = results.outcomes.assign(calls_to_target=[[np.inf] * 8] * len(results.outcomes))
    assert set(draw(results._replace(outcomes=lost), "quadratic")) == {
        "plots/ecdf-quadratic.png",
        "plots/ecdf-quadratic.svg",
    }
    for axes in saved[-1].axes:
        assert axes.get_ylim()[0] < 0
        assert axes.get_yticks()[axes.get_yticks() >= axes.get_ylim()[0]].min() == 0


def test_several_problems_have_a_mean(results):
    """One plot for each problem and one for the mean over all."""
    assert pieces(results) == ["quadratic", "quartic[noise=0.1]", ALL_PROBLEMS]
    assert set(draw(results, ALL_PROBLEMS)) == {"plots/ecdf-overall.png", "plots/ecdf-overall.svg"}


def test_a_mean_over_a_part_of_the_problems_is_not_called_overall(make_results, saved):
    """A problem without scores has no part in it, and the study has no overall score then."""
    results = make_results(problems=("a", "b", "open"), tracks=("tuned",), without_optimum=("open",))
    draw(results, ALL_PROBLEMS)
    (caption,), title = saved[-1].texts, saved[-1].axes[0].get_title(loc="left")
    text = caption.get_text().replace("\n", " ")
    assert (
        title == "the 2 problems with scores, tuned track: the area under a curve is its mean score on them"
    )
    assert "mean over 2 problems with scores" in text
    assert "the mean score on these problems of the optimizer" in text
    assert "overall" not in text


def test_the_mean_over_all_problems_is_the_overall_score(results, saved):
    """The title says that the mean is over all of them."""
    draw(results, ALL_PROBLEMS)
    (caption,), title = saved[-1].texts, saved[-1].axes[0].get_title(loc="left")
    assert title == "all 2 problems, tuned track: the area under a curve is its score"
    assert "is the overall score of the optimizer" in caption.get_text().replace("\n", " ")
