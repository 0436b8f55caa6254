"""The gradient by dual numbers is exact on the problems that they know."""

import pytest
import torch

from benchbed.gradients import forward, reverse
from benchbed.interfaces import NotServedError
from benchbed.interfaces.columns import AT_ONCE
from benchbed_course.dual import dual

SERVED = {
    "linear-regression": {},
    "toy-mean": {},
    "quadratic": {},
    "rotated quadratic": {"dimension": 4, "rotated": True, "gradient_noise": 0.5},
    "quartic": {},
    "weighted-quartic": {},
    "runge": {},
    "chebyshev runge": {"basis": "chebyshev", "features": 8},
    **{
        f"{activation} shallow-network": {"activation": activation, "hidden": 6}
        for activation in ("relu", "gelu", "tanh", "silu")
    },
    "triangles": {},
    **{
        f"{activation} polynomial-network": {
            "activation": activation, "dimension": 3, "samples": 300, "hidden": [5, 4],
        }
        for activation in ("gelu-tanh", "gelu", "relu", "tanh", "silu")
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SERVED)
def test_dual_and_reverse_agree_on_every_problem_of_the_course(scene_of, name):
    """For the objective and for the loss on a draw, to 1e-10 of the largest derivative."""
    scene = scene_of(name.split(" ")[-1], **SERVED[name])
    for loss in scene.losses.values():
        with torch.no_grad():
            (value, gradient), (expected, exact) = dual(loss, scene.theta), reverse(loss, scene.theta)
        torch.testing.assert_close(value, expected, rtol=1e-14, atol=0)
        size = max(1.0, exact.abs().max().item())
        torch.testing.assert_close(gradient, exact, rtol=0, atol=1e-10 * size)


def test_it_costs_as_much_as_forward_mode():
    """One Jacobian-vector product for each parameter, without random draws."""
    assert dual.price(10) == forward.price(10)
    assert dual.make_draws is None


def test_an_unsupported_problem_is_rejected(scene_of):
    """The message names the unsupported operation."""
    scene = scene_of("imbalanced-softmax", groups=2)
    with pytest.raises(
        NotServedError, match=r"dual numbers do not implement torch\.Tensor\.log_softmax; use"
    ):
        dual(scene.losses["objective"], scene.theta)


def test_more_parameters_than_are_followed_at_once_make_several_pieces():
    """Σ j θⱼ³ in more dimensions than one batch has directions: 3 j θⱼ², in the right order."""
    theta = torch.linspace(0.5, 1.5, AT_ONCE + 3, dtype=torch.float64)
    factor = torch.arange(len(theta), dtype=torch.float64)
    _, gradient = dual(lambda point: (factor * point**3).sum(-1), theta)
    torch.testing.assert_close(gradient, 3 * factor * theta**2, rtol=1e-13, atol=0)


def test_a_lane_with_nan_does_not_affect_the_others():
    """NaN stays in its lane."""
    theta = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]], dtype=torch.float64)
    _, gradient = dual(lambda point: (point**3).sum(-1), theta)
    assert gradient[0].tolist() == [3.0, 12.0]
    assert torch.isnan(gradient[1, 0])
