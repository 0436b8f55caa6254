"""matrix-sensing: the matrix and its measurements, and the effect of its condition number."""

import pytest
import torch

from benchbed_problems.matrix_sensing import MatrixSensing


@pytest.mark.parametrize("condition", [1.0, 100.0])
def test_the_matrix_has_the_condition_number(data_of, condition):
    """The truth multiplies to a matrix of rank 5 with singular values from 1 to 1/condition."""
    problem = MatrixSensing(condition=condition)
    views = problem.layout.views(data_of(problem).truth)
    values = torch.linalg.svdvals(views["left"] @ views["right"].mT)
    assert values[0].item() == pytest.approx(1, rel=1e-12)
    assert values[4].item() == pytest.approx(1 / condition, rel=1e-12)
    assert values[5:].max() < 1e-14


def test_the_objective_is_the_mean_squared_residual(data_of, points):
    """With the measurements ⟨A, L Rᵀ⟩ as traces of matrix products."""
    problem = MatrixSensing(size=4, rank=2, samples=7, batch_size=3)
    data, theta = data_of(problem), points(problem, 1)[0]
    left, right = theta[:8].view(4, 2), theta[8:].view(4, 2)
    predicted = [torch.trace(matrix.view(4, 4).mT @ left @ right.mT) for matrix in data.matrices]
    expected = 0.5 * (torch.stack(predicted) - data.values.squeeze(-1)).square().mean()
    torch.testing.assert_close(problem.objective(theta, data), expected)


def steps_to_target(problem, data, preconditioned):
    """Return the steps of (scaled) gradient descent from near the truth to a loss of 10⁻⁶."""
    theta = data.truth + 0.01 * torch.randn(200, generator=torch.Generator().manual_seed(0)).double()
    for step in range(2_000):
        theta.requires_grad_()
        loss = problem.objective(theta, data)
        if loss < 1e-6:
            return step
        (gradient,) = torch.autograd.grad(loss, theta)
        theta = theta.detach()
        left, right = problem.layout.views(theta).values()
        to_left, to_right = problem.layout.views(gradient).values()
        if preconditioned:
            to_left = to_left @ torch.linalg.inv(right.mT @ right)
            to_right = to_right @ torch.linalg.inv(left.mT @ left)
        theta = theta - 0.4 * torch.cat([to_left.flatten(), to_right.flatten()])
    return step


def test_the_condition_number_slows_gradient_descent_but_not_its_scaled_form(data_of):
    """Tong et al. (2021), figure 1: with κ = 1 and 100, near the solution."""
    steps = {
        (condition, scaled): steps_to_target(problem, data_of(problem), scaled)
        for condition in (1.0, 100.0)
        for problem in [MatrixSensing(condition=condition)]
        for scaled in (False, True)
    }
    assert steps[100.0, False] > 8 * steps[1.0, False]
    assert steps[100.0, True] < 2 * steps[1.0, True] + 5


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"condition": 0.5}, r"condition is 0\.5; must be a finite number of at least 1"),
        ({"rank": 21}, "rank is 21; must be between 1 and the size, 20"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        MatrixSensing(**parameters)
