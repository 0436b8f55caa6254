"""Central differences agree with the gradient up to truncation and rounding."""

import math

import pytest
import torch

from benchbed.gradients import finite_difference, reverse
from benchbed.interfaces import NotServedError

EPSILON = {dtype: torch.finfo(dtype).eps for dtype in (torch.float32, torch.float64)}


def test_it_agrees_with_reverse_on_every_problem(scene):
    """To ε^(2/3) of the largest number, with a margin of 100 for third derivatives."""
    for name, loss in scene.losses.items():
        with torch.no_grad():
            (value, gradient), (expected, exact) = (
                gradient(loss, scene.theta) for gradient in (finite_difference, reverse)
            )
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=0, msg=name)
        size = max(1.0, expected.abs().max().item(), exact.abs().max().item())
        limit = 100 * EPSILON[torch.float64] ** (2 / 3) * size
        torch.testing.assert_close(gradient, exact, rtol=0, atol=limit, msg=name)


@pytest.mark.parametrize("dtype", EPSILON)
@pytest.mark.parametrize("x", [0.0, 1.0, -3.0])
def test_the_error_is_truncation_plus_rounding(dtype, x):
    """For e^x it is at most h² e^(x+h) / 6 + 4 ε e^(x+h) / h, with h = ε^(1/3) max(1, |x|)."""
    _, gradient = finite_difference(lambda theta: torch.exp(theta).sum(-1), torch.tensor([x], dtype=dtype))
    step = EPSILON[dtype] ** (1 / 3) * max(1, abs(x))
    above = math.exp(x + step)
    assert abs(gradient.item() - math.exp(x)) <= step**2 * above / 6 + 4 * EPSILON[dtype] * above / step


def test_the_step_grows_with_the_parameter():
    """θ³ at 10⁶ in single precision: a step of ε^(1/3) would be lost to rounding."""
    theta = torch.tensor([1e6, 1.0])
    _, gradient = finite_difference(lambda point: (point**3)[..., 0] / 1e12, theta)
    assert gradient[0].item() == pytest.approx(3.0, rel=1e-3)
    assert gradient[1].item() == 0


def test_nan_does_not_spread_to_other_lanes():
    """The other lanes keep their gradients."""
    theta = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]], dtype=torch.float64)
    _, gradient = finite_difference(lambda point: (point**2).sum(-1), theta)
    torch.testing.assert_close(gradient[0], torch.tensor([2.0, 4.0], dtype=torch.float64), rtol=1e-9, atol=0)
    assert torch.isnan(gradient[1]).all()


def test_a_loss_that_branches_on_values_is_not_served():
    """Several points are evaluated at once, so a Python condition on one of them fails."""

    def loss(theta):
        return theta.sum(-1) if (theta > 0).all() else theta.square().sum(-1)

    with pytest.raises(NotServedError, match=r"several directions at once \(vmap: .*use --gradient reverse"):
        finite_difference(loss, torch.ones(1, 2))
