"""The path of lbfgs: its directions, its conjugacy, and its cost beside that of SciPy."""

import numpy as np
import pytest
import scipy.optimize
import torch

import benchbed
from benchbed_optimizers.lbfgs import LbfgsState, lbfgs, multiply_inverse_hessian, remember
from benchbed_problems.poisson_pinn import PoissonPinn
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.rosenbrock import Rosenbrock


def inverse_hessian(pairs, scale, dimension):
    """The BFGS formula for pairs (s, y), the oldest first: `[dimension, dimension]`."""
    identity = np.eye(dimension)
    matrix = scale * identity
    for s, y in pairs:
        left = identity - np.outer(s, y) / (s @ y)
        matrix = left @ matrix @ left.T + np.outer(s, s) / (s @ y)
    return matrix


def follow(oracle_on, optimizer, loss, theta, steps):
    """The points and their oracles."""
    state, points, oracles = optimizer.init(theta), [theta], []
    for _ in range(steps):
        oracles.append(oracle_on(loss, theta))
        theta, state = optimizer.update(oracles[-1], state, theta)
        points.append(theta)
    return points, oracles


def test_two_loops_multiply_by_the_dense_formula():
    """For lanes with all pairs, and with fewer than the memory has."""
    generator = torch.Generator().manual_seed(1)
    dimension, memory = 6, 4
    hessian = torch.randn(dimension, dimension, generator=generator, dtype=torch.float64)
    hessian = hessian @ hessian.T + torch.eye(dimension)
    state = lbfgs(memory=memory).init(torch.zeros(2, dimension, dtype=torch.float64))
    history = []
    for number in range(6):
        s = torch.randn(2, dimension, generator=generator, dtype=torch.float64)
        y = s @ hessian
        y[1] *= -1 if number % 2 else 1  # the second lane rejects every second pair
        history.append((s, y))
        state = remember(state, s, y)
    vector = torch.randn(2, dimension, generator=generator, dtype=torch.float64)
    product = multiply_inverse_hessian(state, vector)
    for lane in (0, 1):
        pairs = [(s[lane].numpy(), y[lane].numpy()) for s, y in history if s[lane] @ y[lane] > 0][-memory:]
        assert len(pairs) == (4 if lane == 0 else 3)
        s, y = pairs[-1]
        matrix = inverse_hessian(pairs, (s @ y) / (y @ y), dimension)
        np.testing.assert_allclose(product[lane], matrix @ vector[lane].numpy(), rtol=1e-12)


@pytest.mark.parametrize("memory", [1, 5])
def test_each_step_follows_the_dense_formula(memory, oracle_on):
    """In the valley of Rosenbrock's function in five dimensions, from the pairs of the path itself."""
    problem = Rosenbrock(dimension=5)
    start = torch.tensor([-1.2, 1.0, -0.5, 0.3, 2.0], dtype=torch.float64)
    points, oracles = follow(
        oracle_on, lbfgs(memory=memory), lambda theta: problem.objective(theta, None), start, 40
    )
    pairs, scale = [], 1 / oracles[0].gradient.abs().sum().item()
    for number, oracle in enumerate(oracles[:-1]):
        g, step = oracle.gradient.numpy(), (points[number + 1] - points[number]).numpy()
        direction = -inverse_hessian(pairs[-memory:], scale, 5) @ g
        length = step @ direction / (direction @ direction)
        np.testing.assert_allclose(step, length * direction, atol=1e-10 * np.linalg.norm(step))
        pairs.append((step, oracles[number + 1].gradient.numpy() - g))
        s, y = pairs[-1]
        scale = (s @ y) / (y @ y)
    assert oracles[-1].loss < 1e-3 * oracles[0].loss


def test_an_exact_search_on_a_quadratic_is_that_of_conjugate_gradients(oracle_on):
    """It ends after as many steps as there are dimensions, with any first step."""
    dimension = 6
    generator = torch.Generator().manual_seed(2)
    factor = torch.randn(dimension, dimension, generator=generator, dtype=torch.float64)
    hessian = factor @ factor.T + torch.eye(dimension)
    start = torch.randn(dimension, generator=generator, dtype=torch.float64)

    def loss(theta):
        return 0.5 * (theta * (theta @ hessian)).sum(-1)

    matrix, theta = hessian.numpy(), start.numpy()
    residual = -matrix @ theta
    direction, expected = residual, [theta]
    for _ in range(dimension):
        length = residual @ residual / (direction @ matrix @ direction)
        theta, last = theta + length * direction, residual
        residual = residual - length * matrix @ direction
        direction = residual + (residual @ residual) / (last @ last) * direction
        expected.append(theta)
    for rate in (1.0, 1e-3):
        optimizer = lbfgs(learning_rate=rate, curvature=1e-3, memory=dimension, trials=30)
        points, _ = follow(oracle_on, optimizer, loss, start, dimension)
        np.testing.assert_allclose(torch.stack(points), np.stack(expected), atol=1e-6)
        assert loss(points[-1]) < 1e-12 * loss(start)


def count_gradients(oracle_on, loss, start, goal):
    """Gradients until the loss is at most the goal, which the oracles count."""
    optimizer, theta, calls = lbfgs(), start, 0
    state = optimizer.init(theta)
    while True:
        oracle = oracle_on(loss, theta)
        calls += 1
        if oracle.loss <= goal:
            return calls
        theta, state = optimizer.update(oracle, state, theta)
        calls += int(oracle.calls)
        assert calls < 1000


def count_gradients_of_scipy(loss, start, goal):
    """Gradients of L-BFGS-B until the loss is at most the goal."""
    values = []

    def evaluate(point):
        theta = torch.tensor(point, requires_grad=True)
        value = loss(theta)
        (gradient,) = torch.autograd.grad(value, theta)
        values.append(value.item())
        return value.item(), gradient.numpy()

    options = {"maxfun": 1000, "maxiter": 1000, "ftol": 0, "gtol": 0}
    scipy.optimize.minimize(evaluate, start.numpy(), jac=True, method="L-BFGS-B", options=options)
    return next(number for number, value in enumerate(values, start=1) if value <= goal)


@pytest.mark.parametrize(
    ("problem", "goal"),
    [
        (Rosenbrock(start=(-1.2, 1.0)), 1e-12),
        (Quadratic(dimension=20, condition_number=1e3, start=1.0), 1e-10),
        pytest.param(PoissonPinn(), 1e-3, marks=pytest.mark.slow),
    ],
    ids=["rosenbrock", "quadratic", "poisson-pinn"],
)
def test_it_needs_at_most_two_and_a_half_times_the_gradients_of_scipy(problem, goal, oracle_on):
    """Twice as many, as the gradient at an accepted point is evaluated again, and some for another line search."""
    data = problem.shared_data()
    start = problem.make_start(torch.Generator().manual_seed(0)).double()

    def loss(theta):
        return problem.objective(theta, data)

    calls = count_gradients(oracle_on, loss, start, goal), count_gradients_of_scipy(loss, start, goal)
    assert calls[0] <= 2.5 * calls[1]


def test_a_pair_without_curvature_is_not_kept():
    """Neither in the memory nor in the scale, in the lane that has it."""
    s = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    y = torch.tensor([[-1.0, 5.0], [2.0, 0.0]], dtype=torch.float64)
    before = lbfgs(memory=2).init(s)
    after = remember(before, s, y)
    for tensor, former in zip(after, before, strict=True):
        assert torch.equal(tensor[0], former[0])
    assert after.inverse_curvatures[1].tolist() == [0.5, 0.0]
    assert after.scale[1].item() == 0.5


def test_a_concave_valley_is_left(oracle_on):
    """The loss falls in each step from beside the saddle of (x² − 1)² + y², where the Hessian is not definite."""
    theta = torch.tensor([0.1, 1.0], dtype=torch.float64)
    points, oracles = follow(
        oracle_on, lbfgs(), lambda point: (point[0] ** 2 - 1) ** 2 + point[1] ** 2, theta, 15
    )
    losses = torch.stack([oracle.loss for oracle in oracles])
    assert (losses.diff() <= 0).all()
    torch.testing.assert_close(points[-1], torch.tensor([1.0, 0.0], dtype=torch.float64))


def test_a_search_that_fails_begins_again_along_the_gradient(oracle_on):
    """With memory and scale far too large, one trial in a step at a time, until the loss falls."""
    theta = torch.tensor([1.0, -2.0], dtype=torch.float64)
    optimizer = lbfgs(learning_rate=1e8, trials=1)
    points, oracles = follow(oracle_on, optimizer, lambda point: point.square().sum(-1), theta, 60)
    assert torch.equal(points[1], theta)
    assert sum(int(oracle.calls) for oracle in oracles[:2]) == 2
    assert oracles[-1].loss < 1e-12


def test_at_a_stationary_point_theta_rests(oracle_on):
    """The state stays finite, and only the gradient at the point is evaluated."""
    theta = torch.zeros(2, dtype=torch.float64)
    optimizer = lbfgs()
    oracle = oracle_on(lambda point: point.square().sum(-1), theta)
    after, state = optimizer.update(oracle, optimizer.init(theta), theta)
    assert torch.equal(after, theta)
    assert oracle.calls == 0
    assert isinstance(state, LbfgsState)
    assert all(tensor.isfinite().all() for tensor in state)


@pytest.mark.parametrize("setting", [{"memory": 0}, {"trials": 0}, {"curvature": 0.0}])
def test_a_setting_that_is_another_rule_is_rejected(setting):
    """Gradient descent, no search, and a search that cannot end."""
    with pytest.raises(ValueError, match="must be"):
        lbfgs(**setting)


@pytest.mark.slow
def test_compiled_steps_equal_eager_ones(tmp_path):
    """With the same calls in each trial, in both forms of generated code; all trials of a step are in it."""
    ends, calls = [], []
    for engine in ("compiled", "eager"):
        study = benchbed.run(
            problems=["rosenbrock", "poisson-pinn"], optimizers=["lbfgs"], seeds=3, steps=30, tracks=["default"],
            engine=engine, output=tmp_path / engine, preset="quick",
        )  # fmt: skip
        trials = study.trials.sort_values(["problem", "seed"])
        assert set(trials["engine"]) == {engine}
        ends.append(trials["final_objective"].to_numpy())
        calls.append(trials["calls"].tolist())
        if engine == "compiled":
            forms = {"requested; lanewise code", "requested; tensorwise code"}
            assert set(trials["engine_reason"]) == forms
    np.testing.assert_allclose(*ends, rtol=1e-6)
    assert calls[0] == calls[1]
    assert len(set(calls[0])) > 1  # lanes differ in their trials
