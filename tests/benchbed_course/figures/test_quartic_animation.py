"""The animation of the quartic: dots on its curve, and the share of the trials in the global valley."""

import numpy as np
import pytest

from benchbed_course.figures.motion import Mover
from benchbed_course.figures.quartic_animation import animate_walks
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow

SEEDS, STEPS = 20, 120
RIDGE = 0.16994
"""The middle root of 4θ³ − 6θ + 1, to five digits; no stored point is so close to it."""
COLORS = {"gd": (0.0, 0.0, 1.0), "sgd": (1.0, 0.0, 0.0)}


@pytest.fixture(scope="module")
def movers(study_of):
    """A few seeds of the course's paths, and gradient descent."""
    trials = trials_of(study_of("course-quartic", seeds=SEEDS, steps=STEPS))
    return [Mover(trial, trial.name, COLORS[trial.name]) for trial in trials]


@pytest.fixture(scope="module")
def motion(movers, animated):
    """Their animation."""
    return animated(animate_walks, movers)


def test_dots_roll_on_the_curve(movers, motion):
    """A line of dots for each label: its trials at the stored points, at the height θ⁴ − 3θ² + θ."""
    figure, show, _, _ = motion
    _, *dots = figure.axes[0].get_lines()
    assert [line.get_label() for line in dots] == ["gd", "sgd"]
    for step in (0, 5, STEPS):
        show(step)
        for line in dots:
            x, height = line.get_data()
            crowd = [mover for mover in movers if mover.label == line.get_label()]
            np.testing.assert_array_equal(x, [mover.trial.path[step, 0] for mover in crowd])
            np.testing.assert_allclose(height, x**4 - 3 * x**2 + x, atol=1e-12)


def test_the_share_is_that_of_the_trials_left_of_the_ridge(movers, motion):
    """Counted again at each step; gradient descent stays in the local valley, and some seeds leave it."""
    figure, show, steps, _ = motion
    show(steps[-1])
    gd, sgd = (line.get_ydata() for line in figure.axes[1].get_lines())
    paths = np.array([mover.trial.path[:, 0] for mover in movers if mover.label == "sgd"])
    assert paths.shape == (SEEDS, STEPS + 1)
    np.testing.assert_allclose(sgd, (paths < RIDGE).mean(axis=0))
    assert 0 < sgd[-1] < 1
    assert not gd.any()
    show(3)
    assert [len(line.get_ydata()) for line in figure.axes[1].get_lines()] == [4, 4]


def test_the_share_is_by_step_if_steps_differ_in_calls(movers, animated):
    """A rule such as L-BFGS takes several calls a step, and a trial that ends early stays at its end."""
    crowd = [mover for mover in movers if mover.label == "sgd"]
    threefold = [mover.trial._replace(calls=3 * mover.trial.calls) for mover in crowd[1::2]]
    crowd[1::2] = [mover._replace(trial=trial) for mover, trial in zip(crowd[1::2], threefold, strict=True)]
    short = crowd[0].trial
    short = short._replace(steps=10, path=short.path[:11], loss=short.loss[:11], calls=short.calls[:11])
    crowd[0] = crowd[0]._replace(trial=short)
    figure, show, steps, _ = animated(animate_walks, crowd)
    show(steps[-1])
    (line,) = figure.axes[1].get_lines()
    paths = [mover.trial.path[:, 0] for mover in crowd]
    paths = [np.pad(path, (0, STEPS + 1 - len(path)), mode="edge") for path in paths]
    np.testing.assert_allclose(line.get_ydata(), (np.array(paths) < RIDGE).mean(axis=0))
    show(7)
    assert len(line.get_ydata()) == 8


def test_trials_that_diverge_count_as_in_no_valley(study_of, animated):
    """With noise of 400 most of them do; the others go on, and no frame fails."""
    study = study_of("course-quartic", problems=["quartic[start=1.5, gradient_noise=400]"], seeds=4, steps=50)
    trials = trials_of(study)
    assert any(trial.status == "diverged" for trial in trials)
    figure, show, steps, _ = animated(
        animate_walks, [Mover(trial, trial.name, COLORS[trial.name]) for trial in trials]
    )
    show(steps[-1])
    ends = [trial.theta[0] < RIDGE and trial.status != "diverged" for trial in trials if trial.name == "sgd"]
    assert figure.axes[1].get_lines()[1].get_ydata()[-1] == pytest.approx(np.mean(ends))


def test_the_frames_are_few_and_small(motion, assert_small_and_moving):
    """From the start to the end."""
    _, _, steps, gif = motion
    assert (steps[0], steps[-1]) == (0, STEPS)
    assert_small_and_moving(gif, len(steps))
