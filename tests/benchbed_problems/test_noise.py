"""Synthetic gradient noise."""

import math

import pytest
import torch

from benchbed_problems.beale import Beale
from benchbed_problems.noise import add_noise, check_noise, make_noise
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.weighted_quartic import WeightedQuartic


def test_the_noise_has_the_declared_deviation(generator):
    """Within four standard errors of 200 000 numbers: 0.16 % for the deviation, 0.0022 of it for the mean."""
    noise = make_noise(generator(), 50_000, 4, 3.0)
    assert noise.shape == (50_000, 4)
    assert noise.std().item() == pytest.approx(3.0, rel=4 / math.sqrt(2 * 200_000))
    assert noise.mean().item() == pytest.approx(0.0, abs=4 * 3.0 / math.sqrt(200_000))


def test_the_coordinates_are_independent(generator):
    """Correlations of 50 000 pairs stay within four times 1/√50 000."""
    noise = make_noise(generator(), 50_000, 3, 1.0)
    correlations = torch.corrcoef(noise.T) - torch.eye(3, dtype=torch.float64)
    assert correlations.abs().max() < 4 / math.sqrt(50_000)


def test_without_noise_nothing_is_drawn(generator):
    """None marks the problem as deterministic."""
    assert make_noise(generator(), 10, 2, 0.0) is None


def test_the_noise_is_added_to_the_gradient(generator):
    """d(noise · θ)/dθ = noise."""
    noise = make_noise(generator(), 1, 3, 1.0)[0]
    theta = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(add_noise((theta - 1).square().sum(-1), theta, noise), theta)
    torch.testing.assert_close(gradient, noise - 2)


@pytest.mark.parametrize("deviation", [-1.0, math.nan, math.inf])
def test_an_invalid_deviation_is_rejected(deviation):
    """The message names the parameter."""
    with pytest.raises(ValueError, match=r"gradient_noise is .*; must be a standard deviation"):
        check_noise("gradient_noise", deviation)


@pytest.mark.parametrize("problem_class", [Beale, Quadratic, Quartic, Rosenbrock, WeightedQuartic])
def test_a_problem_has_a_price_and_the_lowest_targets_without_noise_only(problem_class):
    """Under noise no number of samples yields the exact gradient, and nothing is drawn without noise."""
    exact, noisy = problem_class(gradient_noise=0.0), problem_class(gradient_noise=1.0)
    assert (exact.full_price, noisy.full_price) == (1.0, None)
    assert exact.targets[-1] <= noisy.targets[-1]
    assert exact.make_draws(torch.Generator(), 3) is None
    assert noisy.make_draws(torch.Generator(), 3).shape == (3, noisy.layout.dimension)
