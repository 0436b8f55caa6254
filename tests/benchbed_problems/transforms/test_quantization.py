"""`quantized(…)` rounds gradients to few levels, without bias if rounding is stochastic."""

import pytest
import torch

from benchbed.gradients import forward_random, reverse
from benchbed.testing import check_problem
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.transforms.quantization import Quantized, quantize, rounded

GRADIENT = torch.tensor([1.0, -0.3, 0.1, 0.0], dtype=torch.float64)


def test_it_conforms():
    """The loss is the original one."""
    check_problem(Quantized(Quadratic()))


@pytest.mark.parametrize("bits", [2, 3, 8])
def test_the_levels_are_those_of_signed_integers(bits):
    """Of b bits, without the lowest: the largest coordinate is exact, and the error at most half a level."""
    largest = 2 ** (bits - 1) - 1
    result = quantize(GRADIENT, bits)
    assert result[0] == GRADIENT[0]
    assert torch.allclose(result * largest, (result * largest).round())
    assert (result - GRADIENT).abs().max() <= 0.5 / largest


def test_rounding_does_not_depend_on_the_scale():
    """Each lane has its own; a gradient of 0 stays 0."""
    lanes = torch.stack([GRADIENT, 1e-6 * GRADIENT, 0 * GRADIENT])
    result = quantize(lanes, 4)
    assert torch.allclose(result[1], 1e-6 * result[0])
    assert torch.equal(result[2], lanes[2])


def test_stochastic_rounding_has_the_exact_mean():
    """Within four standard errors; the variance of a coordinate is p (1 − p) δ² with p its share of a level."""
    count, bits = 40_000, 3
    uniform = torch.rand(count, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    result = quantize(GRADIENT.expand(count, 4), bits, uniform)
    unit = 1 / 3
    share = (GRADIENT / unit).remainder(1)
    variance = share * (1 - share) * unit**2
    error = 4 * (variance / count).sqrt() + 1e-12
    assert torch.all((result.mean(0) - GRADIENT).abs() <= error)
    assert torch.allclose(result.var(0), variance, rtol=0.03, atol=1e-12)


def test_the_gradient_is_the_same_object_for_equal_parameters():
    """Compiled steps are cached by it."""
    problems = Quantized(Quadratic()), Quantized(Quadratic(dimension=3))
    first, second = (problem.change_gradient(reverse) for problem in problems)
    assert first is second
    assert rounded(reverse, 4, "nearest").make_draws is None


def test_draws_of_the_gradient_are_kept():
    """Beside the uniform numbers."""
    changed = rounded(forward_random, 4, "stochastic")
    inner, uniform = changed.make_draws(torch.Generator().manual_seed(1), 5, 3)
    assert torch.equal(inner, forward_random.make_draws(torch.Generator().manual_seed(1), 5, 3))
    assert uniform.shape == (5, 3)
    theta = torch.ones(2, 3, dtype=torch.float64)
    _, gradient = changed(lambda point: point.square().sum(-1), theta, (inner[:2], uniform[:2]))
    expected = forward_random(lambda point: point.square().sum(-1), theta, inner[:2])[1]
    assert torch.equal(gradient, quantize(expected, 4, uniform[:2]))


@pytest.mark.parametrize("bits", [1, 17])
def test_impossible_bits_are_rejected(bits):
    """One bit has the level 0 alone."""
    with pytest.raises(ValueError, match=f"bits is {bits}; must be between 2 and 16"):
        Quantized(Quadratic(), bits=bits)
