"""C8: RMSProp against gradient descent, as plain loops compute them, and the claims of the caption."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.quadratic import draw_rates
from benchbed_course.figures.quadratic_plane import EIGENVALUES
from benchbed_course.figures.quadratic_rmsprop import bend, draw_rmsprop, overtaking_step
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow


def plain_losses(steps, rate=0.0198, decay=0.9, epsilon=1e-8):
    """Losses of gradient descent and RMSProp from (2, 2), by plain loops, `[steps + 1]` each."""
    curvature = np.array(EIGENVALUES)
    gd, rmsprop, average = np.array([2.0, 2.0]), np.array([2.0, 2.0]), np.zeros(2)
    losses = []
    for _ in range(steps + 1):
        losses.append([0.5 * (curvature * theta**2).sum() for theta in (gd, rmsprop)])
        gd = gd - rate * curvature * gd
        gradient = curvature * rmsprop
        average = decay * average + (1 - decay) * gradient**2
        rmsprop = rmsprop - rate * gradient / (np.sqrt(average) + epsilon)
    return np.array(losses).T


def test_rmsprop_leads_first_and_is_overtaken_later(study_of, drawn, followed_lines):
    """The caption's numbers are those of plain loops: at the course's 125 steps, at the crossing, at the end."""
    study = study_of("course-rmsprop")
    gd, rmsprop = plain_losses(400)
    np.testing.assert_allclose(trials_of(study)[0].loss, gd, rtol=1e-9)
    figure, picture = drawn(draw_rmsprop, study)
    assert f"After 125 steps the loss is {gd[125]:.2g} with gradient descent" in picture.caption
    assert f"and {rmsprop[125]:.2g} with RMSProp" in picture.caption
    crossing = int(np.flatnonzero(gd >= rmsprop)[-1]) + 1
    assert crossing == 262
    assert f"Gradient descent overtakes it at step {crossing} and has a loss of" in picture.caption
    assert typeset(f"has a loss of {gd[-1]:.1e} at the end") in picture.caption
    assert (
        f"a median loss of {np.median(rmsprop[-100:]):.2g} over the last 100 of 400 steps" in picture.caption
    )
    assert [line.get_xdata().size for line in figure.axes[0].get_lines()] == [126, 126, 1]
    assert followed_lines(picture) == 2 + 2
    assert set(picture.files) == {"png", "svg", "gif"}


def test_the_path_is_called_straight_only_if_it_is(study_of, drawn):
    """With ε far above the gradients RMSProp takes the path of gradient descent."""
    _, picture = drawn(draw_rmsprop, study_of("course-rmsprop"))
    assert "both coordinates move alike, and the path is almost straight" in picture.caption
    assert "ends by jumping back and forth" in picture.caption
    optimizers = ["gd[learning_rate=0.0198]", "rmsprop[learning_rate=19.8, epsilon=1000]"]
    _, picture = drawn(draw_rmsprop, study_of("course-rmsprop", optimizers=optimizers))
    assert "almost straight" not in picture.caption
    assert "ends by jumping" not in picture.caption
    assert "Over the last 100 of 400 steps its median loss is" in picture.caption


def test_the_start_is_that_of_the_trials(study_of, drawn):
    """In the titles of C7 and C8."""
    problems = ["quadratic[start=[1, -3]]"]
    figure, _ = drawn(draw_rmsprop, study_of("course-rmsprop", problems=problems, steps=20))
    assert figure.axes[0].get_title("left") == "125 steps from (1, −3), η = 0.0198"
    figure, _ = drawn(draw_rates, study_of("course-quadratic", problems=problems, steps=20))
    assert figure.axes[0].get_title("left") == "Loss on ½ θᵀ diag(1, 100) θ from (1, −3)"


def test_a_path_bends_by_its_distance_from_the_line():
    """Of (3, 4) → (4, 3) → 0: the distance of (4, 3) from the line is 7/5, and the length is 5."""
    assert bend(np.array([[3.0, 4.0], [4.0, 3.0], [0.0, 0.0]])) == pytest.approx(7 / 25)


def test_a_trial_that_is_never_overtaken():
    """The step is that from which the slower trial stays below for good."""

    def trial(*losses):
        return SimpleNamespace(loss=np.array(losses))

    assert overtaking_step(trial(3.0, 1.0, 2.0, 0.5), trial(2.0, 2.0, 1.0, 1.0)) == 3
    assert overtaking_step(trial(3.0, 1.0, 2.0), trial(2.0, 2.0, 1.0)) is None
    assert overtaking_step(trial(1.0, 1.0), trial(2.0, 2.0)) == 0
