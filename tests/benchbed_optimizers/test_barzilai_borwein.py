"""The path of barzilai-borwein."""

import numpy as np
import pytest
import torch

import benchbed
from benchbed_optimizers.barzilai_borwein import barzilai_borwein

SIZES = {"long": lambda s, y: s @ s / (s @ y), "short": lambda s, y: s @ y / (y @ y)}


def gradient_of(function, theta):
    """The gradient of a single trial, in NumPy."""
    point = theta.clone().requires_grad_()
    return torch.autograd.grad(function(point), point)[0].numpy()


@pytest.mark.parametrize("step_size", ["long", "short"])
def test_each_step_obeys_its_formula(assert_steps_obey, step_size):
    """The formula in NumPy, with the first step size where it is not defined."""
    curvatures = []

    def next_point(losses, points, setting):
        theta, g, size = points[-1].numpy(), gradient_of(losses[0], points[-1]), setting["learning_rate"]
        condition = 0.0  # factor from the rounding of the gradients to that of the step size
        if len(points) > 1:
            s, y = theta - points[-2].numpy(), g - gradient_of(losses[0], points[-2])
            curvatures.append(s @ y)
            if s @ y > 0 and 1e-10 <= SIZES[step_size](s, y) <= 1e10:
                size = SIZES[step_size](s, y)
                condition = np.linalg.norm(s) * max(np.linalg.norm(g), np.linalg.norm(g - y)) / (s @ y)
        rounding = 16 * np.finfo(float).eps * condition * np.abs(size * g)
        return torch.from_numpy(theta - size * g), torch.from_numpy(rounding)

    # After a shorter first step, rounding would be a large part of the difference of gradients.
    settings = [{"learning_rate": rate} for rate in (1e-2, 3e-3, 1e-3)]
    assert_steps_obey(
        lambda **numbers: barzilai_borwein(step_size=step_size, **numbers), settings, next_point
    )
    assert max(curvatures) > 0


def test_without_curvature_the_step_is_the_first_one():
    """On −½ θ² from 1, sᵀy is negative: θ grows by the learning rate in each step, as that of gradient descent."""
    rule = "barzilai-borwein[learning_rate=0.1, step_size={}]"
    for step_size in SIZES:
        minimum = benchbed.minimize(
            lambda theta: -0.5 * theta.square().sum(), [1.0], rule.format(step_size), steps=10
        )
        assert minimum.theta.item() == pytest.approx(1.1**10, rel=1e-14)


def test_steps_on_a_quadratic_of_two_dimensions_converge_superlinearly(quadratic_path):
    """Barzilai and Borwein prove it; gradient descent needs a thousand steps with condition number 100."""
    path = quadratic_path(barzilai_borwein(), 30)
    assert path[-1].norm() < 1e-12


@pytest.mark.parametrize("step_size", ["long", "short"])
def test_steps_on_a_quadratic_of_many_dimensions_converge(step_size):
    """Raydan (1993) proves it; of 100 dimensions and with condition number 1000, from a random start.

    Gradient descent with the best rate needs ½ κ ln(10⁶) = 7000 steps, and conjugate gradients about
    ½ √κ ln(2 · 10⁶) = 230.
    """
    eigenvalues = torch.logspace(0, 3, 100, dtype=torch.float64)
    start = torch.randn(100, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    minimum = benchbed.minimize(
        lambda theta: 0.5 * (eigenvalues * theta.square()).sum(),
        start,
        f"barzilai-borwein[learning_rate=1e-3, step_size={step_size}]",
        steps=2000,
        tolerance=1e-6 * (eigenvalues * start).norm().item(),
    )
    assert minimum.status == "converged"
    assert minimum.steps < 600
    assert (minimum.losses.diff() > 0).any()  # without a line search
