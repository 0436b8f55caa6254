"""linear-regression: data, closed form, and the path of gradient descent in the course."""

import numpy as np
import pytest
import torch

from benchbed_problems.linear_regression import TRUE_BIAS, TRUE_WEIGHT, LinearRegression

ETA, STEPS = 0.01, 100


def design_of(data):
    """Build the design matrix X = (x, 1)."""
    return np.column_stack([data.x.numpy(), np.ones(len(data.x))])


def gradient_of(problem, data, theta):
    """Differentiate by autograd."""
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(problem.objective(theta, data), theta)[0]


@pytest.mark.parametrize("samples", [3, 100, 5_000])
def test_the_minimizer_equals_numpys_least_squares(samples, data_of):
    """Slope, intercept and residual sum of squares."""
    problem = LinearRegression(samples=samples)
    data = data_of(problem)
    solution, squares, _, _ = np.linalg.lstsq(design_of(data), data.y.numpy(), rcond=None)
    np.testing.assert_allclose(problem.minimizer(data), solution, rtol=1e-12)
    assert problem.optimum(data).item() == pytest.approx(0.5 * squares[0] / samples, rel=1e-12)


def test_the_minimizer_solves_the_normal_equations(data_of):
    """(XᵀX) θ̂ = Xᵀy, the course's formula."""
    problem = LinearRegression()
    data = data_of(problem)
    design = design_of(data)
    expected = np.linalg.inv(design.T @ design) @ design.T @ data.y.numpy()
    np.testing.assert_allclose(problem.minimizer(data), expected, rtol=1e-12)


def test_a_line_interpolates_two_points(data_of):
    """With two parameters and two points the optimum is 0, up to rounding."""
    problem = LinearRegression(samples=2)
    data = data_of(problem)
    slope = (data.y[1] - data.y[0]) / (data.x[1] - data.x[0])
    torch.testing.assert_close(problem.minimizer(data)[0], slope, rtol=1e-12, atol=0)
    assert problem.optimum(data).item() == pytest.approx(0, abs=1e-28)


def test_the_objective_is_half_the_mean_square(data_of):
    """(1/2I) Σ (w xᵢ + b − yᵢ)², summed in a loop."""
    problem = LinearRegression(samples=7)
    data = data_of(problem)
    w, b = 0.3, -1.7
    pairs = zip(data.x.tolist(), data.y.tolist(), strict=True)
    expected = sum((w * x + b - y) ** 2 for x, y in pairs) / 14
    theta = torch.tensor([w, b], dtype=torch.float64)
    assert problem.objective(theta, data).item() == pytest.approx(expected, rel=1e-14)


def test_gradient_descent_follows_the_courses_path(data_of):
    """∇L = Xᵀ(Xθ − y)/I, η = 0.01, 100 steps from (0, 0), in numpy.

    The bias has curvature 1, so 0.99¹⁰⁰ = 37 % of its distance remains for any points.
    """
    problem = LinearRegression(start=0.0)
    data = data_of(problem)
    design, y = design_of(data), data.y.numpy()
    theta, by_hand = problem.make_start(torch.Generator()), np.zeros(2)
    for _ in range(STEPS):
        theta = theta - ETA * gradient_of(problem, data, theta)
        by_hand = by_hand - ETA * design.T @ (design @ by_hand - y) / len(y)
        np.testing.assert_allclose(theta, by_hand, rtol=1e-12)
    assert not np.allclose(theta, problem.minimizer(data), rtol=0.1)


def test_gradient_descent_contracts_towards_the_closed_form(data_of):
    """θ_t − θ̂ = (1 − ηH)^t (θ₀ − θ̂) with H = XᵀX/I: after 100 steps, and converged after 3 000."""
    problem = LinearRegression(start=(-1.0, 3.0))
    data = data_of(problem)
    design, solution = design_of(data), problem.minimizer(data).numpy()
    contraction = np.eye(2) - ETA * design.T @ design / len(design)
    theta = problem.make_start(torch.Generator())
    for step in range(1, 3_001):
        theta = theta - ETA * gradient_of(problem, data, theta)
        if step == STEPS:
            left = np.linalg.matrix_power(contraction, STEPS) @ ([-1.0, 3.0] - solution)
            np.testing.assert_allclose(theta, solution + left, rtol=1e-12)
    np.testing.assert_allclose(theta, solution, rtol=1e-10)


def test_the_points_scatter_around_the_true_line(generator):
    """100 000 residuals have mean 0 and the stated deviation, within four standard errors; likewise x."""
    data = LinearRegression(samples=100_000, observation_noise=0.5).make_data(generator())
    residual = data.y - TRUE_WEIGHT * data.x - TRUE_BIAS
    for values, deviation in ((residual, 0.5), (data.x, 1.0)):
        assert values.mean().item() == pytest.approx(0, abs=4 * deviation / 100_000**0.5)
        assert values.std().item() == pytest.approx(deviation, rel=4 / 200_000**0.5)
    assert torch.corrcoef(torch.stack([data.x, residual]))[0, 1].abs() < 4 / 100_000**0.5


def test_without_noise_the_minimizer_is_the_true_line(data_of):
    """w = 2, b = 1, and the optimum 0 up to rounding."""
    problem = LinearRegression(observation_noise=0.0)
    data = data_of(problem)
    np.testing.assert_allclose(problem.minimizer(data), [TRUE_WEIGHT, TRUE_BIAS], rtol=1e-13)
    assert problem.optimum(data).item() == pytest.approx(0, abs=1e-28)


def test_the_test_loss_is_the_mean_loss_on_new_points(data_of, generator):
    """For three lines, within four standard errors of the mean over 200 000 new points."""
    problem = LinearRegression(samples=200_000, observation_noise=0.7)
    fresh, data = problem.make_data(generator(5)), data_of(LinearRegression())
    for line in ([TRUE_WEIGHT, TRUE_BIAS], [0.0, 0.0], [-1.0, 4.0]):
        theta = torch.tensor(line, dtype=torch.float64)
        losses = 0.5 * (line[0] * fresh.x + line[1] - fresh.y).square()
        error = 4 * losses.std().item() / 200_000**0.5
        assert problem.metrics["test-loss"](theta, data).item() == pytest.approx(
            losses.mean().item(), abs=error
        )


def test_the_test_loss_is_least_at_the_true_line(data_of):
    """Only the noise remains: ½ · 0.5²."""
    problem = LinearRegression()
    truth = torch.tensor([TRUE_WEIGHT, TRUE_BIAS], dtype=torch.float64)
    assert problem.metrics["test-loss"](truth, data_of(problem)).item() == 0.125


def test_the_default_start_is_standard_normal(generator):
    """50 000 starts have mean 0 and deviation 1 in both coordinates, within four standard errors."""
    source = generator()
    starts = torch.stack([LinearRegression().make_start(source) for _ in range(50_000)])
    assert starts.mean(0).abs().max() < 4 / 50_000**0.5
    assert (starts.std(0) - 1).abs().max() < 4 / 100_000**0.5
    assert LinearRegression(start=(1.0, 2.0)).make_start(source).tolist() == [1, 2]
    assert LinearRegression(start=3.0).make_start(source).tolist() == [3, 3]


def test_steps_have_no_draws(generator):
    """The loss uses all samples, so the problem is deterministic and has eight decades of targets."""
    problem = LinearRegression()
    assert problem.make_draws(generator(), 3) is None
    assert (problem.full_price, problem.budget, problem.dtype) == (1.0, 5_000, "float64")
    assert problem.targets == tuple(float(f"1e-{k}") for k in range(1, 9))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"samples": 1}, "samples is 1; must be at least 2"),
        ({"samples": 0}, "samples is 0; must be at least 2"),
        ({"observation_noise": -0.1}, "observation_noise is -0.1"),
        ({"start": (1.0, 2.0, 3.0)}, "start has 3 coordinates; must have 2"),
        ({"start": float("nan")}, "start is nan; must be finite"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        LinearRegression(**parameters)
