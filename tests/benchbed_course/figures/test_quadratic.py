"""C7 and C8: rates against theory, the stability edge, and what the captions say."""

import json
import re

import numpy as np
import pytest

from benchbed_course.figures.quadratic import (
    EIGENVALUES,
    draw_edge,
    draw_paths,
    draw_rates,
    draw_rmsprop,
    measured_rate,
    theoretical_rate,
)
from benchbed_course.figures.trials import trials_of


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


def test_the_captions_say_what_was_found(study, drawn):
    """The numbers are those of the trials; a curve for each of them."""
    figure, picture = drawn(draw_rates, study)
    assert re.findall(r"η = 0\.\d+: (0\.\d+)", picture.caption) == ["0.9802", "0.9643", "0.8182"]
    assert len(figure.axes[0].lines) == 2 * len(trials_of(study))
    figure, picture = drawn(draw_paths, study)
    assert len(figure.axes) == len(trials_of(study))
    for trial in trials_of(study):
        assert f"{np.linalg.norm(trial.theta):.1e} after {trial.steps} steps" in picture.caption


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


def test_rmsprop_is_compared_at_the_same_rate(study_of, drawn):
    """The losses in the caption are the last ones."""
    study = study_of("course-rmsprop")
    gd, rmsprop = trials_of(study)
    _, picture = drawn(draw_rmsprop, study)
    assert f"{gd.loss[-1]:.2g} with gradient descent" in picture.caption
    assert f"{rmsprop.loss[-1]:.2g} with RMSProp" in picture.caption
    assert rmsprop.loss[-1] < gd.loss[-1]
