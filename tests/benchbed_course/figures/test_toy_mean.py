"""The paths to the mean: one that is monotone and dear, and many that wander and are cheap."""

import math

import numpy as np
import pytest

from benchbed_course.figures.toy_mean import draw_paths, spread, stationary_deviation
from benchbed_course.figures.trials import trials_of
from benchbed_problems.toy_mean import ToyMean

pytestmark = pytest.mark.slow

SMALL = ["toy-mean[samples=320]"]
STEPS, SEEDS = 60, 4


@pytest.fixture(scope="module")
def gd(study_of):
    """Gradient descent at ten calls a step."""
    return study_of("course-toy-mean-gd", problems=SMALL, steps=10 * STEPS)


@pytest.fixture(scope="module")
def sgd(study_of):
    """Its stochastic form at one call a step."""
    return study_of("course-toy-mean-sgd", problems=SMALL, steps=STEPS, seeds=SEEDS)


def test_the_caption_agrees_with_independent_computations(gd, sgd, drawn):
    """Its numbers are computed again from the observations and the stored paths."""
    y = ToyMean(samples=320).shared_data().y.numpy()
    rows = sgd.trials.sort_values("seed")
    paths = np.array([np.stack(list(path))[:, 0] for path in rows["curve_theta"]])
    assert paths.shape == (SEEDS, STEPS + 1)
    found = math.sqrt(((paths[:, STEPS // 2 + 1 :] - y.mean()) ** 2).mean())
    predicted = math.sqrt(0.05 * y.var() / (0.95 * 32))
    _, picture = drawn(draw_paths, gd, sgd)
    assert f"their mean, {y.mean():.4f}, in {STEPS} of {STEPS} steps" in picture.caption
    assert f"square distance from the mean is {found:.4f} (95 % interval" in picture.caption
    assert f"σ² / ((1 − η) B): {predicted:.4f})" in picture.caption
    farthest = abs(paths - trials_of(gd)[0].path[:, 0]).max()
    assert f"stays within {farthest:.2g} of this path" in picture.caption
    assert (
        "costs 10 calls with all observations and 1 with a batch, which is 10 times less" in picture.caption
    )
    assert f"{10 * STEPS} calls against {STEPS} for the {STEPS} steps" in picture.caption
    assert set(picture.files) == {"png", "svg", "gif"}


def test_every_path_is_drawn(gd, sgd, drawn, followed_lines):
    """In both panels by step: each seed, gradient descent and the mean; and three curves by cost."""
    figure, picture = drawn(draw_paths, gd, sgd)
    assert [len(axes.get_lines()) for axes in figure.axes] == [SEEDS + 2, SEEDS + 2, 3]
    assert followed_lines(picture) == 2 * (SEEDS + 1) + 2
    (trial,) = trials_of(gd)
    assert any(np.array_equal(line.get_ydata(), trial.path[:, 0]) for line in figure.axes[0].get_lines())
    by_cost = {line.get_label(): line.get_xdata() for line in figure.axes[2].get_lines()}
    assert by_cost["GD"][1] == 10
    assert by_cost["GD"][-1] == 10 * STEPS


def test_the_stationary_deviation_is_that_of_a_simulation(sgd):
    """4 000 chains in plain NumPy: the standard error of their variance is 2.2 %, and four of them are allowed."""
    problem, generator = ToyMean(samples=320), np.random.default_rng(1)
    y = problem.shared_data().y.numpy()
    theta = np.full(4_000, y.mean())
    for _ in range(150):
        theta -= 0.05 * 2 * (theta - y[generator.integers(len(y), size=(4_000, 32))].mean(1))
    predicted = stationary_deviation(problem, trials_of(sgd)[0])
    assert (theta - y.mean()).var() == pytest.approx(predicted**2, rel=4 * math.sqrt(2 / 4_000))


def test_the_prediction_is_compared_with_the_interval(gd, sgd, study_of, drawn):
    """In the long run the interval contains it; on the way to the mean it does not."""
    for trials, verb in ((sgd, "contains"), (study_of("course-toy-mean-sgd", steps=10), "does not contain")):
        problem = ToyMean(**trials.plan.problems[0].parameters)
        mean = float(problem.shared_data().y.mean())
        _, low, high = spread(trials_of(trials), mean)
        is_inside = low <= stationary_deviation(problem, trials_of(trials)[0]) <= high
        assert is_inside == (verb == "contains")
        _, picture = drawn(draw_paths, gd, trials)
        assert f"which {verb} the prediction" in picture.caption


def test_the_interval_of_the_spread_contains_it(sgd):
    """The interval is that of the mean square over seeds, under a square root."""
    mean = float(ToyMean(samples=320).shared_data().y.mean())
    found, low, high = spread(trials_of(sgd), mean)
    assert 0 < low < found < high


def test_a_trial_without_a_result_is_an_error(study_of, sgd):
    """With nine calls gradient descent cannot take a step that costs ten."""
    skipped = study_of("course-toy-mean-gd", problems=SMALL, steps=9)
    with pytest.raises(ValueError, match="has no result to draw"):
        draw_paths(skipped, sgd)


def test_the_slider_follows_an_added_optimizer(study_of, gd, drawn, followed_lines):
    """In all panels."""
    optimizers = ["sgd[learning_rate=0.05]", "momentum[learning_rate=0.05]"]
    both = study_of("course-toy-mean-sgd", problems=SMALL, steps=STEPS, seeds=SEEDS, optimizers=optimizers)
    _, picture = drawn(draw_paths, gd, both)
    assert followed_lines(picture) == 2 * (SEEDS + 2) + 3
