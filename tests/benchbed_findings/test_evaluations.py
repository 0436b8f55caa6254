"""A record of evaluations has each point once, in order."""

import torch

import benchbed
from benchbed_findings.evaluations import recorded


def test_the_record_agrees_with_the_losses_of_the_steps():
    """From the start on; the end, where `minimize` measures the norm of the gradient, follows."""
    loss, measurements = recorded(
        lambda theta: theta.square().sum(), lambda theta: theta.square().sum().item()
    )
    minimum = benchbed.minimize(loss, [1.0, 2.0], "gd[learning_rate=0.1]", steps=20)
    assert measurements == [*minimum.losses.tolist(), minimum.loss]


def test_evaluations_without_gradient_are_not_recorded():
    """They do not belong to the optimizer; nor does a point that is evaluated again."""
    loss, measurements = recorded(lambda theta: theta.sum(), lambda theta: theta.item())
    for theta in (torch.ones(1), torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)):
        loss(theta)
    assert measurements == [1.0]
