"""The path of an optimizer on means of gradients."""

import pytest
import torch

import benchbed
from benchbed.catalog.wrapping import wrapped_factory
from benchbed_optimizers.adam import adam
from benchbed_optimizers.adopt import adopt
from benchbed_optimizers.polyak import polyak
from benchbed_optimizers.sgd import sgd
from benchbed_optimizers.wrappers.accumulation import accumulate
from benchbed_optimizers.wrappers.sharpness import sam
from benchbed_problems.noisy_quadratic import NoisyQuadratic

STEPS, MOVES = 4, 10


def losses_of_draws(batch_size):
    """A noisy loss for each of the steps, and their means over groups of `STEPS`; the start."""
    problem, generator = NoisyQuadratic(batch_size=batch_size), torch.Generator().manual_seed(1)
    data, start = problem.make_data(generator), problem.make_start(generator)
    draws = problem.make_draws(generator, STEPS * MOVES)
    losses = [lambda theta, draw=draw: problem.loss(theta, data, draw) for draw in draws]
    groups = [losses[first : first + STEPS] for first in range(0, len(losses), STEPS)]
    means = [lambda theta, group=group: sum(loss(theta) for loss in group) / STEPS for group in groups]
    return losses, means, start


@pytest.mark.parametrize("rule", [adam, adopt, polyak], ids=lambda rule: rule.__name__)
def test_the_path_is_that_on_larger_batches(rule, follow_losses):
    """Rules that read the gradient, the number of their steps, and the loss; in between they stay."""
    losses, means, start = losses_of_draws(batch_size=2)
    accumulated = wrapped_factory("accumulate", accumulate, rule)(accumulate_steps=STEPS, learning_rate=0.1)
    path = follow_losses(accumulated, losses, start)
    expected = follow_losses(rule(learning_rate=0.1), means, start)
    torch.testing.assert_close(path[::STEPS], expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(path[:-1].reshape(MOVES, STEPS, -1), path[:-1:STEPS, None].expand(-1, STEPS, -1))


def test_one_step_is_the_optimizer(quadratic_path):
    """Bit by bit."""
    accumulated = wrapped_factory("accumulate", accumulate, adam)(accumulate_steps=1, learning_rate=0.05)
    assert torch.equal(quadratic_path(accumulated, 50), quadratic_path(adam(learning_rate=0.05), 50))


def test_classes_of_torch_accumulate_as_rules_do():
    """They run one trial at a time, and each draw costs a call."""
    minima = [
        benchbed.minimize(
            lambda theta: (theta - 3).square().sum(),
            [0.0, 1.0],
            f"accumulate({name}, steps=4)[learning_rate=0.1]",
            steps=42,
        )
        for name in ("torch.optim:Adam", "adam")
    ]
    torch.testing.assert_close(minima[0].theta, minima[1].theta, rtol=1e-12, atol=1e-12)
    assert [minimum.calls for minimum in minima] == [42, 42]


def test_a_gradient_at_another_point_is_not_averaged(quadratic_path):
    """The error names the other way round, which averages the gradients of all draws at their own points."""
    with pytest.raises(RuntimeError, match=r"as in sam\(accumulate\(sgd\)\)"):
        quadratic_path(accumulate(sam(sgd())), 1)
    assert quadratic_path(sam(accumulate(sgd(1e-3), steps=2)), 4)[-1].isfinite().all()


def test_no_step_is_rejected():
    """The optimizer would never move."""
    with pytest.raises(ValueError, match="steps is 0; it must be at least 1"):
        accumulate(sgd(), steps=0)
