"""What figures ask of a problem: its objective over a grid, and its solution."""

import numpy as np
import pytest

from benchbed.engine import objective_at, solution_of
from benchbed.seeds import InstanceSeed
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic, lowest_point

SEED = InstanceSeed(0, "some-problem", "evaluation", 2)


@pytest.mark.parametrize("bytes_of_work", [1, 1 << 26])
def test_the_objective_is_noise_free_at_every_point(monkeypatch, bytes_of_work):
    """½(θ₁² + 100 θ₂²) on a grid, however small the pieces."""
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", bytes_of_work)
    points = np.stack(np.meshgrid(np.linspace(-2, 2, 7), np.linspace(-1, 1, 5)), axis=-1).reshape(-1, 2)
    values = objective_at(Quadratic(gradient_noise=3.0), SEED, points)
    np.testing.assert_allclose(values, 0.5 * (points**2 @ [1.0, 100.0]), rtol=1e-14)


def test_the_objective_is_that_of_the_seeds_own_data():
    """A rotated bowl is measured with the rotation of the instance whose paths are drawn."""
    problem = Quadratic(rotated=True)
    points = np.random.default_rng(0).normal(size=(9, 2))
    one, other = (
        objective_at(problem, SEED._replace(role=role), points) for role in ("evaluation", "tuning")
    )
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(one, objective_at(problem, SEED, points))


@pytest.mark.parametrize(
    ("problem", "optimum", "minimizer"),
    [
        (Quadratic(), 0.0, [0.0, 0.0]),
        (Quadratic(rotated=True), 0.0, [0.0, 0.0]),
        (Quartic(), lowest_point() ** 4 - 3 * lowest_point() ** 2 + lowest_point(), [lowest_point()]),
    ],
)
def test_the_solution_is_the_instances(problem, optimum, minimizer):
    """Optimum and minimizer, for shared data, data of each instance and none."""
    value, point = solution_of(problem, SEED)
    assert value == pytest.approx(optimum, rel=1e-14)
    np.testing.assert_array_equal(point, minimizer)


def test_a_problem_without_a_known_solution_gives_none(formula):
    """Nothing is drawn where nothing is known."""
    assert solution_of(formula(lambda theta: theta.sum(-1), known=False), SEED) == (None, None)
