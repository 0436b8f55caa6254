"""weighted-quartic: weights, optimum, basin."""

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from benchbed_problems.quartic import Quartic, ridge
from benchbed_problems.weighted_quartic import WeightedQuartic


def test_the_weights_increase_to_a_hundredfold_and_sum_to_one(data_of):
    """wᵢ ∝ linspace(1, 100, 10)."""
    weights = data_of(WeightedQuartic()).weights
    assert weights.sum().item() == pytest.approx(1, rel=1e-14)
    assert (weights[-1] / weights[0]).item() == pytest.approx(100, rel=1e-14)
    assert weights.diff().std() < 1e-16


def test_the_optimum_equals_that_of_quartic(data_of):
    """The weights sum to 1, so the optimum does not depend on the dimension."""
    for dimension in (1, 2, 10):
        problem = WeightedQuartic(dimension=dimension)
        optimum = problem.optimum(data_of(problem))
        torch.testing.assert_close(optimum, Quartic().optimum(None), rtol=1e-14, atol=0)


def test_the_starts_of_the_course_can_be_set(generator):
    """θ₀ = 2·1 with noise, −3·1 without."""
    assert WeightedQuartic(start=2.0).make_start(generator()).tolist() == [2.0] * 10
    exact = WeightedQuartic(start=-3.0, gradient_noise=0.0)
    assert exact.make_start(generator()).tolist() == [-3.0] * 10
    assert exact.make_draws(generator(), 3) is None


def test_the_gradient_noise_is_not_weighted(data_of, generator):
    """Every coordinate of the gradient has the same deviation."""
    problem = WeightedQuartic()
    data, draws = data_of(problem), problem.make_draws(generator(), 20_000)
    theta = torch.zeros(20_000, 10, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(problem.loss(theta, data, draws).sum(), theta)
    # four standard errors of a deviation from 20 000 numbers, 0.5 % each
    torch.testing.assert_close(
        gradient.std(0), torch.full((10,), 4.0, dtype=torch.float64), rtol=0.02, atol=0
    )


def test_the_targets_end_at_a_hundredth():
    """They are 10^(−k/4); the success target is 0.1."""
    assert WeightedQuartic().targets[-1] == 1e-2
    assert WeightedQuartic().success_target == 1e-1


def gradient_of(problem, data, theta):
    point = torch.from_numpy(theta).requires_grad_()
    return torch.autograd.grad(problem.objective(point, data), point)[0].numpy()


BESIDE = (ridge() - 0.01, ridge() + 0.01)


@pytest.mark.parametrize(
    ("dimension", "sides"), [(1, (-2.5, *BESIDE, 1.5)), (2, (-2.5, -1.0, *BESIDE, 1.5)), (3, (-1.0, *BESIDE))]
)
def test_the_basin_is_where_the_gradient_flow_reaches_the_optimum(data_of, dimension, sides):
    """The flow, integrated from a grid of starts, ends at the optimum exactly from the starts in the basin."""
    problem = WeightedQuartic(dimension=dimension)
    data = data_of(problem)
    starts = np.stack(np.meshgrid(*[sides] * dimension), axis=-1).reshape(-1, dimension)
    # The smallest weight is 1/151.5; 0.01 from the local maximum its coordinate needs a time of 151.5 · ln(100)/5.65.
    flows = [
        solve_ivp(
            lambda t, theta: -gradient_of(problem, data, theta), (0, 800), start, method="LSODA", rtol=1e-8
        )
        for start in starts
    ]
    ends = torch.from_numpy(np.stack([flow.y[:, -1] for flow in flows]))
    attained = problem.objective(ends, data) < problem.optimum(data) + 1e-6
    assert attained.sum() == sum(side < ridge() for side in sides) ** dimension
    assert problem.in_basin(torch.from_numpy(starts), data).tolist() == attained.tolist()


def test_few_starts_are_in_the_basin(generator, data_of):
    """Φ(0.1699 / 2)ⁿ of N(0, 2²), 28.5 % in two dimensions and 0.2 % in ten, within four standard errors."""
    source = generator()
    for dimension, share, error in ((2, 0.285, 0.029), (10, 0.0019, 0.0028)):
        problem = WeightedQuartic(dimension=dimension)
        starts = torch.stack([problem.make_start(source) for _ in range(4_000)])
        inside = problem.in_basin(starts, data_of(problem)).double().mean().item()
        assert inside == pytest.approx(share, abs=error)


def test_an_empty_problem_is_rejected():
    """The dimension is at least 1."""
    with pytest.raises(ValueError, match="dimension is 0; must be at least 1"):
        WeightedQuartic(dimension=0)
