"""beale: values, and the flow from the starts to the minimum."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from benchbed_problems.beale import Beale


def test_the_objective_has_known_values():
    """1.5² + 2.25² + 2.625² = 14.203125 at the origin and, where 1 − y vanishes, on the whole line y = 1."""
    theta = torch.tensor([[0.0, 0.0], [1.0, 1.0], [-7.0, 1.0], [3.0, 0.5]], dtype=torch.float64)
    assert Beale().objective(theta, None).tolist() == [14.203125, 14.203125, 14.203125, 0]


def test_the_flow_reaches_the_minimum_from_the_starts(generator, points):
    """Gradient flow, integrated by SciPy from 6 starts, ends in the same valley each time."""
    problem, source = Beale(), generator()

    def flow(t, point):
        theta = torch.from_numpy(point).requires_grad_()
        return -torch.autograd.grad(problem.objective(theta, None), theta)[0].numpy()

    for _ in range(6):
        start = problem.make_start(source).numpy()
        assert 0 <= start[0] <= 2
        assert -1 <= start[1] <= 1
        end = solve_ivp(flow, (0, 1_000), start, method="LSODA", rtol=1e-5).y[:, -1]
        np.testing.assert_allclose(end, [3, 0.5], atol=1e-2)


def test_noise_removes_targets_and_the_full_price():
    """Without noise down to 10⁻⁸ at price 1; with noise down to 10⁻⁴ and no exact gradient."""
    assert (Beale().targets[-1], Beale().full_price) == (1e-8, 1.0)
    noisy = Beale(gradient_noise=1.0)
    assert (noisy.targets[-1], noisy.full_price) == (1e-4, None)


def test_a_start_of_another_dimension_is_rejected():
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match="start has 3 coordinates"):
        Beale(start=(1.0, 2.0, 3.0))
