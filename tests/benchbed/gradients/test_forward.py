"""Forward mode is exact, and unbiased along a random direction."""

import math

import pytest
import torch

from benchbed.gradients import forward, forward_random, reverse
from benchbed.gradients.forward import jvp
from benchbed.interfaces import NotServedError
from benchbed.interfaces.columns import AT_ONCE

DRAWS = 20_000


def test_forward_and_reverse_agree_on_every_problem(scene):
    """On the objective and on a draw, to 1e-10 of the largest derivative."""
    for name, loss in scene.losses.items():
        with torch.no_grad():
            (value, gradient), (expected, exact) = forward(loss, scene.theta), reverse(loss, scene.theta)
        torch.testing.assert_close(value, expected, rtol=1e-12, atol=0, msg=name)
        size = max(1.0, exact.abs().max().item())
        torch.testing.assert_close(gradient, exact, rtol=0, atol=1e-10 * size, msg=name)


def test_many_parameters_are_differentiated_in_blocks():
    """Σ j θⱼ³ with more parameters than a block has the gradient 3 j θⱼ²."""
    theta = torch.linspace(0.5, 1.5, 2 * AT_ONCE + 3, dtype=torch.float64).expand(2, 1, -1)
    factor = torch.arange(theta.shape[-1], dtype=torch.float64)
    _, gradient = forward(lambda point: (factor * point**3).sum(-1), theta)
    torch.testing.assert_close(gradient, 3 * factor * theta**2, rtol=1e-13, atol=0)


def test_the_product_with_the_courses_jacobian(document):
    """At (1, 2, 3) along (0.1, 0.2, 0.3), against the closed form."""
    function, jacobian = document
    x, v = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    value, product = jvp(function, x, v)
    torch.testing.assert_close(value, function(x), rtol=0, atol=0)
    torch.testing.assert_close(product, jacobian(x) @ v, rtol=1e-12, atol=0)


def test_nan_does_not_spread_to_other_lanes():
    """The other lanes keep their gradients."""
    theta = torch.tensor([[1.0, 2.0], [torch.nan, 1.0]], dtype=torch.float64)
    _, gradient = forward(lambda point: (point**3).sum(-1), theta)
    assert gradient[0].tolist() == [3.0, 12.0]
    assert torch.isnan(gradient[1, 0])


class Square(torch.autograd.Function):
    """A square that only reverse mode differentiates."""

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


class SquareWithoutVmap(Square):
    """The square without a rule for vmap."""

    generate_vmap_rule = False


class OldStyleSquare(torch.autograd.Function):
    """The square in the old form, which torch.func does not support."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**2

    @staticmethod
    def backward(ctx, slope):
        return 2 * ctx.saved_tensors[0] * slope


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda theta: Square.apply(theta).sum(-1), "implement the jvp function"),
        (lambda theta: SquareWithoutVmap.apply(theta).sum(-1), "tried to vmap over SquareWithoutVmap"),
        (lambda theta: OldStyleSquare.apply(theta).sum(-1), "must override the setup_context"),
        (lambda theta: torch.igamma(theta, theta).sum(-1), "forward AD with igamma"),
        (lambda theta: (theta * torch.rand(2)).sum(-1), "vmap: called random operation"),
    ],
    ids=["no jvp", "no vmap", "old function", "unknown operation", "random"],
)
def test_losses_without_forward_derivative_are_not_served(loss, message):
    """The reason is one line that names the remedy."""
    with pytest.raises(NotServedError, match=f"{message}.*use --gradient reverse") as raised:
        forward(loss, torch.ones(1, 2, dtype=torch.float64))
    assert "\n" not in str(raised.value)


def test_other_errors_of_a_loss_are_not_converted():
    """Errors of the same type pass unchanged too."""

    def loss(theta):
        raise NotImplementedError("not yet")

    with pytest.raises(NotImplementedError, match="not yet"):
        forward(loss, torch.ones(1, 2))
    with pytest.raises(RuntimeError, match=r"shape|size"):
        forward(lambda theta: (theta * torch.ones(3)).sum(-1), torch.ones(1, 2))


@pytest.mark.parametrize("name", ["quadratic", "weighted-quartic", "quartic"])
def test_the_random_gradient_is_unbiased(scene_of, name):
    """Its mean over 20 000 draws lies within 4 standard errors of the gradient, and its variance is |g|² + gᵢ²."""
    scene = scene_of(name)
    theta, loss = scene.theta[0, 0], scene.losses["objective"]
    generator = torch.Generator().manual_seed(5)
    draws = forward_random.make_draws(generator, DRAWS, len(theta))
    with torch.no_grad():
        value, estimates = forward_random(loss, theta.expand(DRAWS, -1), draws)
        expected, gradient = reverse(loss, theta)
    torch.testing.assert_close(value, expected.expand(DRAWS), rtol=1e-14, atol=0)
    error = estimates.std(0) / math.sqrt(DRAWS)
    assert ((estimates.mean(0) - gradient).abs() <= 4 * error).all()
    # E[(g·v)² vᵢ²] = |g|² + 2gᵢ²; by their fourth moments, 20 000 draws are within 10 %.
    torch.testing.assert_close(estimates.var(0), gradient.square().sum() + gradient**2, rtol=0.1, atol=0)


def test_the_random_gradient_is_a_projection_on_its_direction(scene_of):
    """(∇f · v) v, with one v for each lane."""
    scene = scene_of("weighted-quartic")
    direction = torch.randn(
        3, 1, scene.theta.shape[-1], generator=torch.Generator().manual_seed(2), dtype=torch.float64
    )
    for loss in scene.losses.values():
        _, estimate = forward_random(loss, scene.theta, direction)
        exact = reverse(loss, scene.theta)[1]
        expected = (exact * direction).sum(-1, keepdim=True) * direction
        torch.testing.assert_close(estimate, expected, rtol=1e-12, atol=1e-12)
