"""C7: rates against theory, the stability edge, and what the captions say."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from benchbed.plotting import wrap_label
from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.quadratic import (
    BETA,
    draw_edge,
    draw_paths,
    draw_rates,
    measured_rate,
    theoretical_rate,
)
from benchbed_course.figures.quadratic_plane import EIGENVALUES
from benchbed_course.figures.trials import trials_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(study_of):
    """Run gradient descent, momentum and the heavy ball."""
    return study_of("course-quadratic")


def test_measured_rates_are_those_of_theory(study):
    """GD (κ−1)/(κ+1); momentum by its companion matrix; the heavy ball (√κ−1)/(√κ+1): 0.9802, 0.9643, 0.8182."""
    gd, momentum, heavy_ball = trials_of(study)
    eta, beta = momentum.setting["learning_rate"], momentum.setting["beta"]
    slowest = np.abs(np.linalg.eigvals([[1 + beta - eta * (1 - beta) * EIGENVALUES[0], -beta], [1, 0]])).max()
    for trial, expected in ((gd, 99 / 101), (momentum, slowest), (heavy_ball, 9 / 11)):
        assert theoretical_rate(trial) == pytest.approx(expected, rel=1e-6)
        assert measured_rate(trial.path) == pytest.approx(expected, rel=0.01)
    assert slowest == pytest.approx(0.9643, abs=5e-5)


def test_a_rate_is_read_off_a_known_path():
    """x(n) = 0.9ⁿ + 0.5ⁿ in one coordinate, (−0.95)ⁿ in the other."""
    steps = np.arange(30.0)
    path = np.stack([0.9**steps + 0.5**steps, (-0.95) ** steps], axis=1)
    assert measured_rate(path) == pytest.approx(0.95, rel=1e-9)


def test_paths_are_those_of_the_rules(study):
    """The optimizers' formulas, step by step."""
    for trial in trials_of(study):
        eta, beta = trial.setting["learning_rate"], trial.setting.get("beta", 0.0)
        theta, momentum = np.array([2.0, 2.0]), np.zeros(2)
        for point in trial.path:
            np.testing.assert_allclose(point, theta, rtol=1e-9, atol=1e-9)
            momentum = beta * momentum + (1 - beta) * np.array(EIGENVALUES) * theta
            theta = theta - eta * momentum


def test_the_captions_agree_with_the_trials(study, drawn, followed_lines):
    """The numbers are those of the trials; a curve for each of them."""
    figure, picture = drawn(draw_rates, study)
    assert re.findall(r"η = 0\.\d+: (0\.\d+)", picture.caption) == ["0.9802", "0.9643", "0.8182"]
    assert len(figure.axes[0].lines) == 2 * len(trials_of(study))
    assert followed_lines(picture) == len(trials_of(study))
    figure, picture = drawn(draw_paths, study)
    assert len(figure.axes) == followed_lines(picture) == len(trials_of(study))
    assert set(picture.files) == {"png", "svg", "gif"}
    for trial in trials_of(study):
        distance = typeset(f"{np.linalg.norm(trial.theta):.2g}")
        assert f"{distance} after {trial.steps} steps" in picture.caption


def test_gradient_descent_diverges_beyond_the_edge_alone(study_of, drawn):
    """At 2/λ₂ = 0.02."""
    study = study_of("course-quadratic-edge")
    found = {
        json.loads(row.hyperparameters)["learning_rate"]: row.status for row in study.trials.itertuples()
    }
    assert found == {0.0199: "solved", 0.01999: "solved", 0.02001: "diverged", 0.0201: "diverged"}
    figure, picture = drawn(draw_edge, study)
    assert figure.axes[0].get_xlabel() == "1 + steps"
    assert "2 of 2 learning rates solve" in picture.caption
    assert "2 of 2 diverge" in picture.caption


def test_coordinates_are_numbered_as_eigenvalues(study, study_of, drawn):
    """θ₁ belongs to λ₁, in axes and captions."""
    figure, _ = drawn(draw_paths, study)
    assert {axes.get_xlabel() for axes in figure.axes} == {"θ₁ (λ₁ = 1)"}
    assert {axes.get_ylabel() for axes in figure.axes} == {"θ₂ (λ₂ = 100)"}
    _, picture = drawn(draw_edge, study_of("course-quadratic-edge"))
    assert "multiplies θ₂ by 1 − 100 η" in picture.caption


def test_the_caption_describes_the_jumps_by_the_paths(study, drawn):
    """Counted again: gradient descent changes its side in every step, and momentum comes to rest in the valley."""
    gd, momentum, heavy_ball = (trial.path for trial in trials_of(study))
    _, picture = drawn(draw_paths, study)
    jumps = int((np.sign(gd[1:, 1]) != np.sign(gd[:-1, 1])).sum())
    assert f"wall to wall of the narrow valley (in {jumps} of {len(gd) - 1} steps)" in picture.caption
    assert f"|θ₂| = {abs(momentum[20:, 1]).max():.2g}, and gradient descent as" in picture.caption
    assert f"{abs(gd[20:, 1]).max():.2g}: momentum averages the jumps away." in picture.caption
    farthest, steps = abs(heavy_ball).max(), len(heavy_ball) - 1
    assert (
        f"as far as {farthest:.1f}, beyond the frame, and still arrives first, after {steps} steps."
        in picture.caption
    )


def test_the_caption_claims_no_jumps_and_no_first_arrival_without_them(study_of, drawn):
    """A small η does not jump, little momentum does not settle, and L-BFGS arrives before the heavy ball."""
    optimizers = [
        "gd[learning_rate=0.005]",
        "momentum[learning_rate=0.0001, beta=0.6694214876033058]",
        "momentum[learning_rate=0.1, beta=0.6694214876033058]",
        "lbfgs",
    ]
    study = study_of("course-quadratic", optimizers=optimizers)
    _, picture = drawn(draw_paths, study)
    assert "gradient descent changes the side of the valley in 0 of 160 steps." in picture.caption
    assert "averages the jumps away" not in picture.caption
    assert re.search(r"arrives after \d+ steps, not before lbfgs", picture.caption)
    assert "arrives first" not in picture.caption
    figure, picture = drawn(draw_rates, study)
    assert re.search(r"Losses of the others at the end: lbfgs.*\(solved\)\.", picture.caption)
    assert len(figure.axes[0].lines) == 2 * 3 + 1


def test_added_optimizers_of_the_course_keep_their_selectors(study, study_of, drawn):
    """Their learning rates look like the course's after rounding; the slider has a loss for each trial."""
    own = [trial.optimizer for trial in trials_of(study)]
    added = [
        "gd[learning_rate=0.0198]",
        "gd[learning_rate=0.005]",
        f"momentum[learning_rate=0.0331, beta={BETA}]",
    ]
    both = study_of("course-quadratic", optimizers=[*own, *added])
    figure, picture = drawn(draw_paths, both)
    names = ["gradient descent, η = 0.0198", "momentum, η = 0.0331", "optimal heavy ball, η = 0.1000", *added]
    assert [axes.get_title("left") for axes in figure.axes] == [typeset(wrap_label(name)) for name in names]
    for name in names:
        assert picture.caption.count(f"{typeset(name)}: ") == 1
    readings = json.loads(ElementTree.fromstring(picture.files["svg"]).get("data-readings"))
    assert list(readings) == names
    assert readings[names[0]] != readings[names[3]]
    figure, picture = drawn(draw_rates, both)
    (legend,), (axes,) = figure.legends, figure.axes
    assert not legend.get_window_extent().overlaps(axes.get_window_extent())
    assert all(f"{typeset(name)}: " in picture.caption for name in names)


def test_a_heavy_ball_that_does_not_arrive_is_not_first(study_of, drawn):
    """In five steps it does not solve the problem."""
    _, picture = drawn(draw_paths, study_of("course-quadratic", steps=5))
    assert "and does not arrive in 5 steps." in picture.caption


def test_a_rate_that_cannot_be_measured_is_none():
    """A path that is too short, one that overflows, and one that ends in 0."""
    assert measured_rate(np.ones((3, 2))) is None
    assert measured_rate(np.array([[1.0], [1e300], [np.inf], [1.0], [1.0]])) is None
    assert measured_rate(np.array([[1.0], [0.0], [0.0], [0.0], [0.0], [0.0]])) is None
