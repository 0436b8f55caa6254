"""toy-mean: sample, closed forms, mini-batches."""

import numpy as np
import pytest
import torch

from benchbed_problems.toy_mean import TRUE_DEVIATION, TRUE_MEAN, ToyMean

ETA, STEPS = 0.05, 200
SMALL = ToyMean(samples=1_000, batch_size=25)


def gradient_of(function, theta):
    """Differentiate every lane by autograd."""
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(function(theta).sum(), theta)[0]


def test_the_sample_is_the_courses(data_of):
    """100 000 observations around 2 with deviation 0.5, both within four standard errors."""
    y = data_of(ToyMean()).y
    assert y.shape == (100_000,)
    assert y.mean().item() == pytest.approx(TRUE_MEAN, abs=4 * TRUE_DEVIATION / 100_000**0.5)
    assert y.std().item() == pytest.approx(TRUE_DEVIATION, rel=4 / 200_000**0.5)
    assert (TRUE_MEAN, TRUE_DEVIATION) == (2.0, 0.5)


@pytest.mark.parametrize("problem", [ToyMean(), SMALL, ToyMean(samples=1, batch_size=1)])
def test_minimizer_and_optimum_are_mean_and_variance(problem, data_of):
    """Computed by numpy; the variance divides by N, not N − 1."""
    data = data_of(problem)
    y = data.y.numpy()
    assert problem.minimizer(data).item() == pytest.approx(y.mean(), rel=1e-13)
    assert problem.optimum(data).item() == pytest.approx(y.var(), rel=1e-12, abs=0)


def test_the_objective_is_variance_plus_squared_distance(data_of):
    """Mean (y − θ)² = var y + (θ − ȳ)², at the minimizer and far from it."""
    problem = ToyMean()
    data = data_of(problem)
    mean, variance = data.y.numpy().mean(), data.y.numpy().var()
    for theta in (-3.0, 0.0, mean, 2.0, 50.0):
        value = problem.objective(torch.tensor([theta], dtype=torch.float64), data)
        assert value.item() == pytest.approx(variance + (theta - mean) ** 2, rel=1e-12)


def test_the_gradient_is_the_courses(data_of, generator):
    """2(θ − mean), over all samples and over a mini-batch."""
    data = data_of(SMALL)
    batch = SMALL.make_draws(generator(), 1)[0]
    theta = torch.tensor([0.7], dtype=torch.float64)
    full = gradient_of(lambda point: SMALL.objective(point, data), theta)
    stochastic = gradient_of(lambda point: SMALL.loss(point, data, batch), theta)
    assert full.item() == pytest.approx(2 * (0.7 - data.y.numpy().mean()), rel=1e-12)
    assert stochastic.item() == pytest.approx(2 * (0.7 - data.y.numpy()[batch.numpy()].mean()), rel=1e-12)


def test_gradient_descent_approaches_the_mean_monotonically(data_of):
    """θ_t = ȳ (1 − 0.9^t) from 0 with η = 0.05, since 1 − 2η = 0.9: the course's 200 steps."""
    problem = ToyMean()
    data = data_of(problem)
    mean = data.y.numpy().mean()
    theta, path = problem.make_start(torch.Generator()), [0.0]
    for step in range(1, STEPS + 1):
        theta = theta - ETA * gradient_of(lambda point: problem.objective(point, data), theta)
        path.append(theta.item())
        assert theta.item() == pytest.approx(mean * (1 - 0.9**step), rel=1e-12)
    assert (np.diff(path) > 0).all()


def test_mini_batches_leave_the_variance_of_the_course(data_of, generator):
    """The stationary variance is Var θ = η² s² 4/B / (1 − 0.9²), s² the sample variance; 4 000 paths of 200 steps.

    The tolerance is four standard errors; a variance of 4 000 normal numbers has a relative one of
    √(2/4 000) = 2.2 %. The effect of the start, 0.9^400, is below rounding.
    """
    data, paths = data_of(SMALL), 4_000
    theta, source = torch.zeros(paths, 1, dtype=torch.float64), generator()
    for _ in range(STEPS):
        batches = SMALL.make_draws(source, paths)
        theta = theta - ETA * gradient_of(lambda point, draw=batches: SMALL.loss(point, data, draw), theta)
    expected = (2 * ETA) ** 2 * SMALL.optimum(data).item() / SMALL.batch_size / (1 - 0.9**2)
    error = 4 * (expected / paths) ** 0.5
    assert theta.mean().item() == pytest.approx(SMALL.minimizer(data).item(), abs=error)
    assert theta.var().item() == pytest.approx(expected, rel=4 * (2 / paths) ** 0.5)


def test_batches_are_drawn_from_all_samples_with_replacement(generator):
    """Every index occurs, none is out of range; 20 of 50 collide in nearly every mini-batch."""
    draws = ToyMean(samples=50, batch_size=20).make_draws(generator(), 200)
    assert draws.shape == (200, 20)
    assert draws.unique().tolist() == list(range(50))
    assert any(len(batch.unique()) < 20 for batch in draws)


def test_a_full_gradient_costs_samples_over_batch_size():
    """3 125, as in the course."""
    assert ToyMean().full_price == 3_125


def test_the_targets_end_at_1e_4():
    """They are 10^(−k/2); the success target is 10⁻³."""
    problem = ToyMean()
    assert problem.targets == pytest.approx([10 ** (-k / 2) for k in range(1, 9)], rel=1e-11)
    assert problem.success_target == 1e-3
    assert (problem.budget, problem.dtype) == (5_000, "float64")


def test_the_default_start_is_zero(generator):
    """`start` is a number, or a list of one."""
    assert ToyMean().make_start(generator()).tolist() == [0]
    assert ToyMean(start=4.0).make_start(generator()).tolist() == [4]
    assert ToyMean(start=(5.0,)).make_start(generator()).tolist() == [5]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"samples": 0}, "samples is 0; must be at least 1"),
        ({"batch_size": 0}, "batch_size is 0; must be at least 1"),
        ({"samples": 20}, "batch_size is 32, but samples is 20; choose a smaller batch"),
        ({"start": (1.0, 2.0)}, "start has 2 coordinates; must have 1"),
        ({"start": float("inf")}, "start is inf; must be finite"),
    ],
)
def test_invalid_parameters_are_rejected(parameters, message):
    """The message names the value and the rule."""
    with pytest.raises(ValueError, match=message):
        ToyMean(**parameters)
