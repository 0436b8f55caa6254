"""The animation of paths on the quadratic: paths, dots at their ends, and losses by step."""

import numpy as np
import pytest

from benchbed_course.figures.motion import Mover
from benchbed_course.figures.quadratic_animation import animate_paths
from benchbed_course.figures.quadratic_plane import FRAME
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def movers(study_of):
    """Gradient descent, momentum and the heavy ball, which stop at different steps."""
    trials = trials_of(study_of("course-quadratic"))
    return [Mover(trial, f"trial {number}", (0.3 * number, 0.0, 0.5)) for number, trial in enumerate(trials)]


@pytest.fixture(scope="module")
def motion(movers, animated):
    """Their animation."""
    return animated(animate_paths, movers)


def test_paths_and_losses_grow_with_the_step(movers, motion):
    """To the stored points; a trial that has ended stays, and a dot marks the end of each path."""
    figure, show, steps, _ = motion
    assert len({len(mover.trial.path) for mover in movers}) > 1
    plane, losses = figure.axes
    _, *lines = plane.get_lines()
    for step in (0, 3, steps[-1]):
        show(step)
        for mover, path, head, loss in zip(movers, lines[::2], lines[1::2], losses.get_lines(), strict=True):
            np.testing.assert_array_equal(path.get_xydata(), mover.trial.path[: step + 1])
            np.testing.assert_array_equal(head.get_xydata(), mover.trial.path[: step + 1][-1:])
            np.testing.assert_array_equal(loss.get_ydata(), mover.trial.loss[: step + 1])
            np.testing.assert_array_equal(loss.get_xdata(), np.arange(len(mover.trial.loss))[: step + 1])
            assert loss.get_label() == mover.label
        assert plane.get_title() == f"step {step}"


def test_the_panel_contains_the_swing_of_the_heavy_ball(movers, motion):
    """It goes beyond the frame of the still picture, across the valley alone."""
    plane = motion[0].axes[0]
    points = np.concatenate([mover.trial.path for mover in movers])
    assert np.abs(points[:, 1]).max() > FRAME
    (left, right), (low, high) = plane.get_xlim(), plane.get_ylim()
    assert ((points > (left, low)) & (points < (right, high))).all()


def test_a_trial_that_diverges_does_not_shrink_the_others(study_of, animated):
    """The panel ends at 12 and its margin; losses end at 10⁴ on their axis."""
    movers = [
        Mover(trial, "gd", (0.0, 0.0, 0.0))
        for trial in trials_of(study_of("course-quadratic-edge", steps=2000))
    ]
    assert max(np.abs(mover.trial.path).max() for mover in movers) > 1e3
    plane, losses = animated(animate_paths, movers)[0].axes
    assert plane.get_ylim()[1] < 12 + 0.08 * 24
    assert losses.get_ylim()[1] == 2e4


def test_the_frames_are_few_and_small(motion, movers, assert_small_and_moving):
    """From the start to the end of the longest trial."""
    _, _, steps, gif = motion
    assert (steps[0], steps[-1]) == (0, max(mover.trial.steps for mover in movers))
    assert_small_and_moving(gif, len(steps))
