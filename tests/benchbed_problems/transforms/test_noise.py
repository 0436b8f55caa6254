"""`noisy(…)` adds noise of mean 0 and a known variance to gradients."""

import pytest
import scipy.stats
import torch

from benchbed.testing import check_problem
from benchbed_problems.digits_mlp import DigitsMlp
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.transforms.noise import Noisy
from benchbed_problems.transforms.quantization import Quantized
from benchbed_problems.transforms.rotation import Rotated

STEPS = 20_000


@pytest.mark.parametrize(
    "problem",
    [Noisy(Quadratic()), Noisy(NoisyQuadratic(dimension=3), tail="student"), Noisy(Rotated(Quadratic()), sd=2.0)],
    ids=repr,
)  # fmt: skip
def test_it_conforms(problem):
    """Loss and gradient agree, also around a problem with noise of its own."""
    check_problem(problem)


def noise_of(problem):
    """Return the noise in the gradients of many steps, as the difference from the original gradient."""
    draws = problem.make_draws(torch.Generator().manual_seed(1), STEPS)
    theta = torch.ones(STEPS, 2, dtype=torch.float64, requires_grad=True)
    data = problem.shared_data()
    noisy, exact = problem.loss(theta, data, draws), problem.objective(theta, data)
    return torch.autograd.grad((noisy - exact).sum(), theta)[0]


@pytest.mark.parametrize(
    ("tail", "freedom"), [("gaussian", 3.0), ("student", 3.0), ("student", 8.0), ("student", 2.5)]
)
def test_the_noise_has_the_law_of_the_parameters(tail, freedom):
    """Its mean is 0, and its distribution that of SciPy, by the test of Kolmogorov and Smirnov."""
    noise = noise_of(Noisy(Quadratic(), sd=0.5, tail=tail, freedom=freedom))
    assert noise.mean(0).abs().max() < 4 * 0.5 / STEPS**0.5
    scale = 0.5 * ((freedom - 2) / freedom) ** 0.5
    law = scipy.stats.norm(scale=0.5) if tail == "gaussian" else scipy.stats.t(freedom, scale=scale)
    assert law.std() == pytest.approx(0.5)
    for coordinate in noise.T:
        assert scipy.stats.kstest(coordinate.numpy(), law.cdf).pvalue > 1e-4
    correlation = torch.corrcoef(noise.clamp(-1, 1).T)[0, 1]
    assert abs(correlation) < 4 / STEPS**0.5


@pytest.mark.parametrize(("tail", "freedom"), [("gaussian", 3.0), ("student", 8.0)])
def test_the_variance_is_within_standard_errors(tail, freedom):
    """The kurtosis of t is 3 + 6/(ν − 4), which for ν ≤ 4 is infinite."""
    noise = noise_of(Noisy(Quadratic(), sd=0.5, tail=tail, freedom=freedom))
    kurtosis = 3.0 if tail == "gaussian" else 3 + 6 / (freedom - 4)
    error = ((kurtosis - 1) / STEPS) ** 0.5
    assert (noise.var(0) / 0.25 - 1).abs().max() < 4 * error


def test_no_price_yields_the_exact_gradient():
    """Gaps end at 10⁻⁴, and a network keeps the targets of its metric."""
    noisy, network = Noisy(Quadratic()), Noisy(DigitsMlp())
    assert noisy.full_price is None
    assert noisy.targets[-1] == 1e-4
    assert noisy.success_target == 1e-3
    assert network.targets == DigitsMlp().targets
    assert network.success_target == DigitsMlp().success_target


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"sd": 0.0}, "sd is 0.0; must be a standard deviation, a finite number above 0"),
        ({"tail": "student", "freedom": 2.0}, "freedom is 2.0; must be above 2"),
        ({"freedom": 5.0}, "freedom has no effect with tail=gaussian"),
    ],
)
def test_impossible_noise_is_rejected(parameters, message):
    """With the reason."""
    with pytest.raises(ValueError, match=message):
        Noisy(Quadratic(), **parameters)


def test_rounding_is_outermost():
    """Noise on a rounded gradient would be rounded, too."""
    with pytest.raises(ValueError, match="Quantized changes gradients and must be the outermost transform"):
        Noisy(Quantized(Quadratic()))
