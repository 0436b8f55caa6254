"""A factor on the learning rates of torch classes multiplies those that their schedulers would set without it."""

import functools

import pytest
import torch
from torch.optim import lr_scheduler

from benchbed.engine.oracle import CountingOracle
from benchbed.gradients import reverse
from benchbed.interfaces import torch_optimizer

RATE, STEPS = 0.05, 25
FACTORS = [1.0, 0.5, 0.1, 2.0, 1.0]
"""Those of steps in turn, as a schedule around the optimizer sets them."""


def loss_of(theta):
    return 0.5 * (theta * torch.tensor([1.0, 3.0], dtype=theta.dtype)).square().sum()


def build(scheduler_class, blocks, **arguments):
    optimizer = torch.optim.SGD(list(blocks.values()), lr=RATE)
    return optimizer, scheduler_class(optimizer, **arguments)


def by_hand(scheduler_class, **arguments):
    """Step with the rate of the scheduler times the factor; return the points."""
    theta = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer, scheduler = build(scheduler_class, {"theta": theta}, **arguments)
    points = []
    for step in range(STEPS):
        loss = loss_of(theta)
        (gradient,) = torch.autograd.grad(loss, [theta])
        factor = FACTORS[step % len(FACTORS)]
        with torch.no_grad():
            theta -= factor * optimizer.param_groups[0]["lr"] * gradient
        optimizer.step()  # without a gradient; schedulers expect it
        scheduler.step(*[loss.detach()] if scheduler_class is lr_scheduler.ReduceLROnPlateau else [])
        points.append(theta.detach().clone())
    return torch.stack(points)


@pytest.mark.parametrize(
    ("scheduler_class", "arguments"),
    [
        (lr_scheduler.LambdaLR, {"lr_lambda": lambda step: 0.95**step}),
        (lr_scheduler.ExponentialLR, {"gamma": 0.95}),
        (lr_scheduler.StepLR, {"step_size": 4, "gamma": 0.5}),
        (lr_scheduler.MultiStepLR, {"milestones": [3, 11], "gamma": 0.3}),
        (lr_scheduler.CosineAnnealingLR, {"T_max": 10}),
        (lr_scheduler.OneCycleLR, {"max_lr": 0.1, "total_steps": STEPS + 1, "cycle_momentum": False}),
        (lr_scheduler.ReduceLROnPlateau, {"patience": 0, "threshold": 0.2}),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
@torch.no_grad()
def test_a_factor_multiplies_the_rate_of_a_scheduler(scheduler_class, arguments):
    """Also of those that compute a rate from the one before, and if the factor differs between the steps."""
    optimizer = torch_optimizer(lambda blocks: build(scheduler_class, blocks, **arguments))
    theta = torch.ones(2, dtype=torch.float64)
    state, points = optimizer.init(theta), []
    zero = torch.zeros(1).clone
    evaluate = functools.partial(reverse, loss_of)
    for step in range(STEPS):
        oracle = CountingOracle(evaluate, *evaluate(theta), compute_progress=zero, compute_step=zero)
        theta, state = optimizer.at_rate(FACTORS[step % len(FACTORS)]).update(oracle, state, theta)
        points.append(theta)
    with torch.enable_grad():
        expected = by_hand(scheduler_class, **arguments)
    torch.testing.assert_close(torch.stack(points), expected, rtol=1e-14, atol=1e-15)
