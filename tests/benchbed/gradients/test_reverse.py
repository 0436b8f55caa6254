"""All forms of the reverse gradient compute value and gradient of every lane."""

import torch

from benchbed.gradients import reverse
from benchbed.gradients.reverse import reverse_traced, reverse_under_vmap


def cubic(theta):
    return (theta**3).sum(-1)


def test_each_lane_is_differentiated_separately():
    """Σ θ³ has the gradient 3 θ² in every lane."""
    theta = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 4)
    loss, gradient = reverse(cubic, theta)
    torch.testing.assert_close(loss, cubic(theta), rtol=0, atol=0)
    torch.testing.assert_close(gradient, 3 * theta**2, rtol=1e-15, atol=0)


def test_the_graph_of_the_course():
    """f(x) = (x₁ + x₂) x₁² at (1, 2) is 3, with the gradient (7, 1)."""
    loss, gradient = reverse(lambda x: (x[..., 0] + x[..., 1]) * x[..., 0] ** 2, torch.tensor([1.0, 2.0]))
    assert (loss.item(), gradient.tolist()) == (3.0, [7.0, 1.0])


def test_nan_does_not_spread_to_other_lanes():
    """The other lanes keep their gradients."""
    theta = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]], dtype=torch.float64)
    _, gradient = reverse(cubic, theta)
    assert gradient[0].tolist() == [3.0, 12.0]
    assert torch.isnan(gradient[1, 0])


def test_the_forms_for_vmap_and_compiled_steps_agree():
    """They equal the autograd form up to rounding."""
    theta = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(2, 4)
    inside = torch.func.vmap(lambda lane: reverse_under_vmap(cubic, lane))(theta)
    for form in (inside, reverse_traced(cubic, theta)):
        for value, expected in zip(form, reverse(cubic, theta), strict=True):
            torch.testing.assert_close(value, expected, rtol=1e-15, atol=1e-15)
