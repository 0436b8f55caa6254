"""weighted-quartic: its weights."""

import pytest
import torch

from benchbed_problems.quartic import Quartic
from benchbed_problems.weighted_quartic import WeightedQuartic


def test_the_weights_rise_a_hundredfold_and_sum_to_one(data_of):
    """wᵢ ∝ linspace(1, 100, 10)."""
    weights = data_of(WeightedQuartic()).weights
    assert weights.sum().item() == pytest.approx(1, rel=1e-14)
    assert (weights[-1] / weights[0]).item() == pytest.approx(100, rel=1e-14)
    assert weights.diff().std() < 1e-16


def test_the_optimum_is_the_quartics(data_of):
    """The weights sum to 1, so the least value does not depend on the dimension."""
    for dimension in (1, 2, 10):
        problem = WeightedQuartic(dimension=dimension)
        optimum = problem.optimum(data_of(problem))
        torch.testing.assert_close(optimum, Quartic().optimum(None), rtol=1e-14, atol=0)


def test_the_courses_starts_can_be_said(generator):
    """θ₀ = 2·1 with noise, −3·1 without."""
    assert WeightedQuartic(start=2.0).make_start(generator()).tolist() == [2.0] * 10
    exact = WeightedQuartic(start=-3.0, gradient_noise=0.0)
    assert exact.make_start(generator()).tolist() == [-3.0] * 10
    assert exact.make_draws(generator(), 3) is None


def test_the_gradient_noise_is_that_of_every_coordinate_unweighted(data_of, generator):
    """The deviation is added to the gradient itself: not in proportion to the weights."""
    problem = WeightedQuartic()
    data, draws = data_of(problem), problem.make_draws(generator(), 20_000)
    theta = torch.zeros(20_000, 10, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(problem.loss(theta, data, draws).sum(), theta)
    # a deviation from 20 000 numbers is good to 0.5 %; four of those
    torch.testing.assert_close(
        gradient.std(0), torch.full((10,), 4.0, dtype=torch.float64), rtol=0.02, atol=0
    )


def test_the_targets_end_at_a_hundredth_and_success_is_a_tenth():
    """10^(−k/4)."""
    assert WeightedQuartic().targets[-1] == 1e-2
    assert WeightedQuartic().success_target == 1e-1


def test_an_empty_problem_is_refused():
    """At least one coordinate."""
    with pytest.raises(ValueError, match="dimension is 0; give at least 1"):
        WeightedQuartic(dimension=0)
