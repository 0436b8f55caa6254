"""poisson-pinn: derivatives, the exact solution, and the lead of quasi-Newton steps."""

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from benchbed_problems.poisson_pinn import PoissonPinn


def test_the_second_derivative_is_that_of_automatic_differentiation(points):
    """And u vanishes at both ends."""
    problem = PoissonPinn()
    theta = points(problem, 1)[0]
    x = torch.tensor([0.1, 0.37, 0.9], dtype=torch.float64)
    u, second = problem.solution(theta, x)

    def at(place):
        return problem.solution(theta, place.unsqueeze(0))[0][0]

    torch.testing.assert_close(u, torch.stack([at(place) for place in x]))
    automatic = torch.stack([torch.func.grad(torch.func.grad(at))(place) for place in x])
    torch.testing.assert_close(second, automatic, rtol=1e-9, atol=1e-9)
    ends = problem.solution(theta, torch.tensor([0.0, 1.0], dtype=torch.float64))[0]
    assert ends.tolist() == [0, 0]


def test_the_right_hand_side_is_that_of_the_solution(data_of):
    """Central differences of sin πx + ½ sin 4πx."""
    data = data_of(PoissonPinn())

    def solution(x):
        return (torch.pi * x).sin() + 0.5 * (4 * torch.pi * x).sin()

    step = 1e-4
    second = (solution(data.x + step) - 2 * solution(data.x) + solution(data.x - step)) / step**2
    torch.testing.assert_close(second, data.f, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(solution(data.test_x), data.test_u)


def test_quasi_newton_steps_come_closer_than_adam(data_of, generator):
    """100 gradients of SciPy's L-BFGS against 100 of Adam at the better of two rates."""
    problem = PoissonPinn(waves=1)
    data, start = data_of(problem), problem.make_start(generator())

    def value_and_gradient(theta):
        theta = torch.as_tensor(theta).detach().requires_grad_()
        value = problem.objective(theta, data)
        return value.item(), torch.autograd.grad(value, theta)[0].numpy()

    result = minimize(value_and_gradient, start.numpy(), jac=True, method="L-BFGS-B", options={"maxfun": 100})
    ends = []
    for rate in (1e-3, 1e-2):
        theta = start.clone().requires_grad_()
        adam = torch.optim.Adam([theta], lr=rate)
        for _ in range(100):
            theta.grad = torch.from_numpy(value_and_gradient(theta)[1])
            adam.step()
        ends.append(value_and_gradient(theta)[0])
    assert result.fun < min(ends) / 3
    assert np.isfinite(result.fun)


@pytest.mark.parametrize("name", ["points", "waves"])
def test_invalid_sizes_are_rejected(name):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=f"{name} is 0; must be at least 1"):
        PoissonPinn(**{name: 0})
