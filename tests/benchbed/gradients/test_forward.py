"""Forward mode: exact column by column, without bias along a random direction."""

import math

import pytest
import torch

from benchbed.gradients import forward, forward_random, reverse
from benchbed.gradients.forward import jvp
from benchbed.interfaces import NotServedError
from benchbed.interfaces.columns import AT_ONCE

DRAWS = 20_000


def test_forward_and_reverse_agree_on_every_problem(scene):
    """Of the objective and on a draw, to 1e-10 of the largest derivative."""
    for name, loss in scene.losses.items():
        with torch.no_grad():
            (value, gradient), (expected, exact) = forward(loss, scene.theta), reverse(loss, scene.theta)
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=0, msg=name)
        size = max(1.0, exact.abs().max().item())
        torch.testing.assert_close(gradient, exact, rtol=0, atol=1e-10 * size, msg=name)


def test_more_parameters_than_are_followed_at_once_make_several_pieces():
    """Σ j θⱼ³ in a dimension beyond the width: 3 j θⱼ², each in its place."""
    theta = torch.linspace(0.5, 1.5, 2 * AT_ONCE + 3, dtype=torch.float64).expand(2, 1, -1)
    factor = torch.arange(theta.shape[-1], dtype=torch.float64)
    _, gradient = forward(lambda point: (factor * point**3).sum(-1), theta)
    torch.testing.assert_close(gradient, 3 * factor * theta**2, rtol=1e-13, atol=0)


def test_the_product_with_the_document_s_jacobian(document):
    """At (1, 2, 3) along (0.1, 0.2, 0.3), against the closed form."""
    function, jacobian = document
    x, v = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    value, product = jvp(function, x, v)
    torch.testing.assert_close(value, function(x), rtol=0, atol=0)
    torch.testing.assert_close(product, jacobian(x) @ v, rtol=1e-12, atol=0)


def test_a_lane_that_is_not_finite_harms_no_other():
    """NaN stays in its lane."""
    theta = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]], dtype=torch.float64)
    _, gradient = forward(lambda point: (point**3).sum(-1), theta)
    assert gradient[0].tolist() == [3.0, 12.0]
    assert torch.isnan(gradient[1, 0])


class Square(torch.autograd.Function):
    """A square that only reverse mode can differentiate."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x):
        return x**2

    @staticmethod
    def setup_context(ctx, inputs, output):  # noqa: ARG004 (torch passes it by name)
        ctx.save_for_backward(inputs[0])

    @staticmethod
    def backward(ctx, slope):
        return 2 * ctx.saved_tensors[0] * slope


class LonelySquare(Square):
    """One that cannot be mapped either."""

    generate_vmap_rule = False


class OldSquare(torch.autograd.Function):
    """The same in the form that torch.func does not take."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, slope):
        return 2 * ctx.saved_tensors[0] * slope


@pytest.mark.parametrize(
    ("loss", "because"),
    [
        (lambda theta: Square.apply(theta).sum(-1), "implement the jvp function"),
        (lambda theta: LonelySquare.apply(theta).sum(-1), "tried to vmap over LonelySquare"),
        (lambda theta: OldSquare.apply(theta).sum(-1), "must override the setup_context"),
        (lambda theta: torch.igamma(theta, theta).sum(-1), "forward AD with igamma"),
        (lambda theta: (theta * torch.rand(2)).sum(-1), "vmap: called random operation"),
    ],
    ids=["no jvp", "no vmap", "old function", "unknown operation", "random"],
)
def test_what_torch_cannot_differentiate_forward_is_said_with_a_way_out(loss, because):
    """As the reason for which trials are skipped, in one line."""
    with pytest.raises(NotServedError, match=f"{because}.*use --gradient reverse") as refused:
        forward(loss, torch.ones(1, 2, dtype=torch.float64))
    assert "\n" not in str(refused.value)


def test_other_errors_of_a_loss_stay_what_they_are():
    """Also those of the same type."""

    def loss(theta):
        raise NotImplementedError("not yet")

    with pytest.raises(NotImplementedError, match="not yet"):
        forward(loss, torch.ones(1, 2))
    with pytest.raises(RuntimeError, match=r"shape|size"):
        forward(lambda theta: (theta * torch.ones(3)).sum(-1), torch.ones(1, 2))


@pytest.mark.parametrize("name", ["quadratic", "weighted-quartic", "quartic"])
def test_the_random_gradient_is_without_bias(scene_of, name):
    """Its mean over 20 000 draws lies within 4 standard errors of the gradient, and its variance is |g|² + gᵢ²."""
    scene = scene_of(name)
    theta, loss = scene.theta[0, 0], scene.losses["objective"]
    make = torch.Generator().manual_seed(5)
    draws = forward_random.make_draws(make, DRAWS, len(theta))
    with torch.no_grad():
        value, estimates = forward_random(loss, theta.expand(DRAWS, -1), draws)
        expected, gradient = reverse(loss, theta)
    torch.testing.assert_close(value, expected.expand(DRAWS), rtol=1e-14, atol=0)
    error = estimates.std(0) / math.sqrt(DRAWS)
    assert ((estimates.mean(0) - gradient).abs() <= 4 * error).all()
    # E[(g·v)² vᵢ²] = |g|² + 2gᵢ²; the fourth moments of such products put 20 000 draws within 10 %.
    torch.testing.assert_close(estimates.var(0), gradient.square().sum() + gradient**2, rtol=0.1, atol=0)


def test_a_random_gradient_is_the_projection_on_its_direction(scene_of):
    """(∇f · v) v, whatever v is, one for each lane."""
    scene = scene_of("weighted-quartic")
    direction = torch.randn(
        3, 1, scene.theta.shape[-1], generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    for loss in scene.losses.values():
        _, estimate = forward_random(loss, scene.theta, direction)
        exact = reverse(loss, scene.theta)[1]
        expected = (exact * direction).sum(-1, keepdim=True) * direction
        torch.testing.assert_close(estimate, expected, rtol=1e-12, atol=1e-12)
