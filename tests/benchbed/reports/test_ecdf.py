"""The share of targets reached, whose area is the score."""

import numpy as np
import pandas as pd
import pytest

from benchbed.interfaces import ALL_PROBLEMS
from benchbed.interfaces.results import ProblemFacts
from benchbed.reports.ecdf import averaged, draw, pieces, reached
from benchbed.tuning.scores import trial_scores

FACTS = ProblemFacts(1000, (0.1, 0.01, 0.001), 1e-3, 2, "float64", True)


def area(steps):
    """Integrate a step function from 0 to 1."""
    positions, share = steps
    widths = np.diff(np.append(positions, 1.0))
    return float((widths * share).sum())


@pytest.mark.parametrize("seed", range(3))
def test_the_area_is_the_score(seed):
    """Over random calls, a third of which never reach their target."""
    generator = np.random.default_rng(seed)
    calls = np.exp(generator.uniform(0, np.log(1000), (20, 3)))
    calls[generator.random((20, 3)) < 1 / 3] = np.inf
    trials = pd.DataFrame({"calls_to_target": list(calls)})
    assert area(reached(trials, FACTS)) == pytest.approx(trial_scores(calls, 1000).mean(), rel=1e-12)


def test_the_area_of_the_mean_is_the_mean_of_the_areas():
    """So the overall curve has the overall score."""
    curves = [
        (np.array([0.1, 0.5]), np.array([0.5, 1.0])),
        (np.array([0.3]), np.array([0.25])),
        (np.array([]), np.array([])),
    ]
    assert area(averaged(curves)) == pytest.approx(np.mean([area(curve) for curve in curves]))


def test_nothing_reached_is_a_line_at_zero(make_results):
    """A study in which every trial diverged at once is drawn all the same."""
    results = make_results(problems=("quadratic",), lost=lambda *_: True)
    lost = results.outcomes.assign(calls_to_target=[[np.inf] * 8] * len(results.outcomes))
    assert set(draw(results._replace(outcomes=lost), "quadratic")) == {
        "plots/ecdf-quadratic.png",
        "plots/ecdf-quadratic.svg",
    }


def test_the_exact_oracle_is_not_averaged(results):
    """The overall figure is there, without the rows that are not compared."""
    assert pieces(results) == ["quadratic", "quartic[noise=0.1]", ALL_PROBLEMS]
    assert set(draw(results, ALL_PROBLEMS)) == {"plots/ecdf-overall.png", "plots/ecdf-overall.svg"}
