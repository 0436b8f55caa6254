"""The animation of paths to a mean: dots on the parabola, and lines near the mean."""

import numpy as np
import pytest

from benchbed_course.figures.motion import Mover
from benchbed_course.figures.toy_mean_animation import animate_paths
from benchbed_course.figures.trials import trials_of
from benchbed_problems.toy_mean import ToyMean

pytestmark = pytest.mark.slow

SMALL = ["toy-mean[samples=320]"]
STEPS, SEEDS = 60, 4
BLUE, RED, DEVIATION = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0), 0.02


@pytest.fixture(scope="module")
def movers(study_of):
    """Gradient descent, and a few seeds of its stochastic form."""
    gd = trials_of(study_of("course-toy-mean-gd", problems=SMALL, steps=10 * STEPS))
    sgd = trials_of(study_of("course-toy-mean-sgd", problems=SMALL, steps=STEPS, seeds=SEEDS))
    return [*(Mover(trial, "GD", BLUE) for trial in gd), *(Mover(trial, "SGD", RED) for trial in sgd)]


@pytest.fixture(scope="module")
def motion(movers, animated):
    """The animation with the observations' mean and variance."""
    y = ToyMean(samples=320).shared_data().y.numpy()
    return animated(animate_paths, movers, y.mean(), DEVIATION, y.var())


def test_dots_follow_the_trials_on_the_parabola(movers, motion):
    """At each step a dot a trial, at its stored point; its loss is on the curve of the closed form."""
    figure, show, _, _ = motion
    curve, near_mean = figure.axes
    parabola, *dots = curve.get_lines()
    y = ToyMean(samples=320).shared_data().y.numpy()
    theta, loss = parabola.get_data()
    np.testing.assert_allclose(loss, [((x - y) ** 2).mean() for x in theta], rtol=1e-9)
    for step in (0, 7, STEPS):
        show(step)
        assert sorted(dot.get_xdata()[0] for dot in dots) == sorted(
            mover.trial.path[step, 0] for mover in movers
        )
        for dot in dots:
            x, height = dot.get_xydata()[0]
            assert height == pytest.approx(((x - y) ** 2).mean(), rel=1e-9)
        assert curve.get_title() == f"step {step}"
        lines = [line.get_ydata() for line in near_mean.get_lines()[1:]]
        assert {len(line) for line in lines} == {step + 1}
    assert near_mean.get_ylim() == pytest.approx((y.mean() - 5 * DEVIATION, y.mean() + 5 * DEVIATION))


def test_the_first_trial_of_a_label_is_emphasized(motion):
    """And alone in the legend."""
    figure = motion[0]
    labelled = [line for line in figure.axes[0].get_lines() if not line.get_label().startswith("_")]
    assert sorted(line.get_label() for line in labelled) == ["GD", "SGD"]
    assert {line.get_alpha() for line in labelled} == {1.0}


def test_the_frames_are_few_and_small(motion, assert_small_and_moving):
    """From the start to the end."""
    _, _, steps, gif = motion
    assert (steps[0], steps[-1]) == (0, STEPS)
    assert_small_and_moving(gif, len(steps))
