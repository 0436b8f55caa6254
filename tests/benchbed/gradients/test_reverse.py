"""All forms of the reverse gradient give value and gradient, lane by lane."""

import torch

from benchbed.gradients import reverse
from benchbed.gradients.reverse import reverse_traced, reverse_under_vmap


def cubic(theta):
    return (theta**3).sum(-1)


def test_reverse_is_the_derivative_of_each_lane():
    """Σ θ³ has the gradient 3 θ², whatever stands in the other lanes."""
    theta = torch.linspace(-2, 2, 24, dtype=torch.float64).reshape(2, 3, 4)
    loss, gradient = reverse(cubic, theta)
    torch.testing.assert_close(loss, cubic(theta), rtol=0, atol=0)
    torch.testing.assert_close(gradient, 3 * theta**2, rtol=1e-15, atol=0)


def test_the_course_s_graph_has_the_gradient_seven_and_one():
    """f(x) = (x₁ + x₂) x₁² at (1, 2): 3 and (7, 1)."""
    loss, gradient = reverse(lambda x: (x[..., 0] + x[..., 1]) * x[..., 0] ** 2, torch.tensor([1.0, 2.0]))
    assert (loss.item(), gradient.tolist()) == (3.0, [7.0, 1.0])


def test_a_lane_that_is_not_finite_harms_no_other():
    """NaN stays in its lane."""
    theta = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]], dtype=torch.float64)
    _, gradient = reverse(cubic, theta)
    assert gradient[0].tolist() == [3.0, 12.0]
    assert torch.isnan(gradient[1, 0])


def test_the_forms_for_vmap_and_for_programs_give_the_same():
    """Where autograd.grad cannot go, numbers are equal to rounding."""
    theta = torch.linspace(-1, 1, 8, dtype=torch.float64).reshape(2, 4)
    inside = torch.func.vmap(lambda lane: reverse_under_vmap(cubic, lane))(theta)
    for form in (inside, reverse_traced(cubic, theta)):
        for one, other in zip(form, reverse(cubic, theta), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-15, atol=1e-15)
