"""C7 and C8: rates against theory, the stability edge, and what the captions say."""

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest

from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.quadratic import (
    EIGENVALUES,
    draw_edge,
    draw_paths,
    draw_rates,
    draw_rmsprop,
    measured_rate,
    overtaking_step,
    theoretical_rate,
)
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


def test_the_captions_agree_with_the_trials(study, drawn):
    """The numbers are those of the trials; a curve for each of them."""
    figure, picture = drawn(draw_rates, study)
    assert re.findall(r"η = 0\.\d+: (0\.\d+)", picture.caption) == ["0.9802", "0.9643", "0.8182"]
    assert len(figure.axes[0].lines) == 2 * len(trials_of(study))
    figure, picture = drawn(draw_paths, study)
    assert len(figure.axes) == len(trials_of(study))
    for trial in trials_of(study):
        distance = typeset(f"{np.linalg.norm(trial.theta):.1e}")
        assert f"{distance} after {trial.steps} steps" in picture.caption


def test_gradient_descent_diverges_beyond_the_edge_alone(study_of, drawn):
    """At 2/λ₂ = 0.02."""
    study = study_of("course-quadratic-edge")
    found = {
        json.loads(row.hyperparameters)["learning_rate"]: row.status for row in study.trials.itertuples()
    }
    assert found == {0.0199: "solved", 0.01999: "solved", 0.02001: "diverged", 0.0201: "diverged"}
    _, picture = drawn(draw_edge, study)
    assert "2 of 2 learning rates solve" in picture.caption
    assert "2 of 2 diverge" in picture.caption


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


def test_rmsprop_leads_first_and_is_overtaken_later(study_of, drawn):
    """The caption's numbers are those of plain loops: at the course's 125 steps, at the crossing, at the end."""
    study = study_of("course-rmsprop")
    gd, rmsprop = plain_losses(400)
    np.testing.assert_allclose(trials_of(study)[0].loss, gd, rtol=1e-9)
    figure, picture = drawn(draw_rmsprop, study)
    assert f"After 125 steps the loss is {gd[125]:.2g} with gradient descent" in picture.caption
    assert f"and {rmsprop[125]:.2g} with RMSProp" in picture.caption
    crossing = int(np.flatnonzero(gd >= rmsprop)[-1]) + 1
    assert crossing == 262
    assert f"gradient descent overtakes it at step {crossing} and has a loss of" in picture.caption
    assert typeset(f"has a loss of {gd[-1]:.1e} at the end") in picture.caption
    assert (
        f"a median loss of {np.median(rmsprop[-100:]):.2g} over the last 100 of 400 steps" in picture.caption
    )
    assert all(line.get_xdata().size == 126 for line in figure.axes[0].get_lines()[:2])


def test_coordinates_are_numbered_as_eigenvalues(study, study_of, drawn):
    """θ₁ belongs to λ₁, in axes and captions."""
    figure, _ = drawn(draw_paths, study)
    assert {axes.get_xlabel() for axes in figure.axes} == {"θ₁ (λ₁ = 1)"}
    assert {axes.get_ylabel() for axes in figure.axes} == {"θ₂ (λ₂ = 100)"}
    _, picture = drawn(draw_edge, study_of("course-quadratic-edge"))
    assert "multiplies θ₂ by 1 − 100 η" in picture.caption


def test_a_trial_that_is_never_overtaken():
    """The step is that from which the slower trial stays below for good."""

    def trial(*losses):
        return SimpleNamespace(loss=np.array(losses))

    assert overtaking_step(trial(3.0, 1.0, 2.0, 0.5), trial(2.0, 2.0, 1.0, 1.0)) == 3
    assert overtaking_step(trial(3.0, 1.0, 2.0), trial(2.0, 2.0, 1.0)) is None
    assert overtaking_step(trial(1.0, 1.0), trial(2.0, 2.0)) == 0
