"""newton: minimizers against SciPy and closed forms."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from benchbed_problems.newton import Derivatives, minimize_convex

SHIFTS = torch.tensor([[3.0, 1.0], [-2.0, 0.5], [1.0, -4.0]], dtype=torch.float64)


def log_sum_exp(theta):
    """Return log Σ exp(shift · θ) + ½ 0.01 ‖θ‖² with its derivatives."""

    def value(point):
        return (SHIFTS @ point).logsumexp(0) + 0.005 * point.square().sum()

    gradient = torch.func.grad(value)
    return Derivatives(value(theta), gradient(theta), torch.func.jacrev(gradient)(theta))


def test_the_minimizer_is_that_of_scipy():
    """From a start at which full steps overshoot, by SciPy's trust region method."""
    start = torch.tensor([30.0, -20.0], dtype=torch.float64)
    minimizer = minimize_convex(log_sum_exp, start)
    assert log_sum_exp(minimizer).gradient.norm() <= 1e-12
    result = minimize(
        lambda point: log_sum_exp(torch.from_numpy(point)).value.item(),
        start.numpy(),
        jac=lambda point: log_sum_exp(torch.from_numpy(point)).gradient.numpy(),
        hess=lambda point: log_sum_exp(torch.from_numpy(point)).hessian.numpy(),
        method="trust-exact",
    )
    np.testing.assert_allclose(minimizer.numpy(), result.x, atol=1e-5)


def test_a_quadratic_takes_one_step():
    """The function is evaluated at the start and at the minimizer."""
    points = []
    hessian = torch.tensor([[3.0, 1.0], [1.0, 2.0]], dtype=torch.float64)

    def at(theta):
        points.append(theta)
        return Derivatives(0.5 * theta @ hessian @ theta, hessian @ theta, hessian)

    minimizer = minimize_convex(at, torch.ones(2, dtype=torch.float64))
    assert minimizer.norm() < 1e-15
    assert len(points) == 2


def test_a_loss_without_a_minimum_is_rejected():
    """e^θ decreases forever; without a certificate there is no result."""

    def at(theta):
        value = theta.exp().sum()
        return Derivatives(value, theta.exp(), theta.exp().diag())

    with pytest.raises(ArithmeticError, match="increase the penalty"):
        minimize_convex(at, torch.tensor([200.0], dtype=torch.float64))
