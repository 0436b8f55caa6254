"""rosenbrock: SciPy's function, its minima, and the valley."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize, rosen, rosen_der

from benchbed_problems.rosenbrock import Rosenbrock


def test_the_objective_is_that_of_scipy(points):
    """In dimension 2 and 10."""
    for dimension in (2, 10):
        problem = Rosenbrock(dimension=dimension)
        theta = points(problem, 5)
        expected = torch.from_numpy(rosen(theta.numpy().T))
        torch.testing.assert_close(problem.objective(theta, None), expected)


def test_quasi_newton_steps_are_far_ahead_of_gradient_descent(generator):
    """From the classical start BFGS needs 24 gradients or so to 10⁻⁸, gradient descent more than a thousand."""
    problem = Rosenbrock(start=(-1.2, 1.0))
    start = problem.make_start(generator()).numpy()
    result = minimize(rosen, start, jac=rosen_der, method="BFGS")
    assert result.fun < 1e-8
    assert result.njev < 60
    point = start.copy()
    for _ in range(1_000):
        point = point - 1e-3 * rosen_der(point)
    assert rosen(point) > 1e-3


def test_the_starts_are_uniform(generator):
    """4 000 draws from U(−2, 2)² reach all sides to 0.01; their mean is 0 within four standard errors (0.073)."""
    source = generator()
    starts = torch.stack([Rosenbrock().make_start(source) for _ in range(4_000)])
    assert (starts.amin(0) < -1.99).all()
    assert (starts.amax(0) > 1.99).all()
    assert (starts.abs() <= 2).all()
    assert (starts.mean(0).abs() < 0.073).all()


def test_noise_removes_targets_and_the_full_price():
    """Without noise down to 10⁻⁸ at price 1; with noise down to 10⁻⁴ and no exact gradient."""
    assert (Rosenbrock().targets[-1], Rosenbrock().full_price) == (1e-8, 1.0)
    noisy = Rosenbrock(gradient_noise=1.0)
    assert (noisy.targets[-1], noisy.full_price) == (1e-4, None)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"dimension": 1}, "dimension is 1; must be at least 2"),
        ({"steepness": np.inf}, "steepness is inf; must be a finite number above 0"),
        ({"start": (1.0, 2.0, 3.0)}, "start has 3 coordinates"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        Rosenbrock(**parameters)
