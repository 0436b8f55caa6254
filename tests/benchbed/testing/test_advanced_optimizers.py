"""Optimizers with further calls, averages, matrices, schedules or wrappers conform to the contract."""

import math
from typing import Annotated, NamedTuple

import pytest
import torch

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, Optimizer
from benchbed.testing import OPTIMIZER_CHECKS
from benchbed.testing.optimizers import OptimizerUnderTest

Rate = Annotated[Hyperparameter, LogUniform(1e-6, 1e2)]


class EmptyState(NamedTuple):
    """The empty state."""


class Average(NamedTuple):
    mean: torch.Tensor
    steps: torch.Tensor


class Momentum(NamedTuple):
    momentum: torch.Tensor


def sam(learning_rate: Rate = 1e-2, radius: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 0.05):
    """Sharpness-aware minimization, with two calls a step (arXiv:2010.01412)."""

    def update(oracle, state, theta):
        length = oracle.gradient.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        _, gradient = oracle.at(theta + radius * oracle.gradient / length)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: EmptyState(), update=update)


def sam_per_trial(
    learning_rate: Rate = 1e-2, radius: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 0.05
):
    """The same optimizer for a single trial."""
    return sam(learning_rate, radius)._replace(per_trial=True)


def averaged(learning_rate: Rate = 1e-2):
    """Polyak–Ruppert averaging: the mean of all iterates is measured."""

    def update(oracle, state, theta):
        theta = theta - learning_rate * oracle.gradient
        steps = state.steps + 1
        return theta, Average(state.mean + (theta - state.mean) / steps, steps)

    return Optimizer(
        init=lambda theta: Average(theta, torch.zeros_like(theta[..., :1])),
        update=update,
        answer=lambda state, theta: torch.where(state.steps > 0, state.mean, theta),
    )


def orthogonalized(layout: Layout, learning_rate: Rate = 1e-2, beta: Hyperparameter = 0.9):
    """Momentum whose matrices are orthogonalized by five Newton–Schulz steps, as in Muon."""

    def orthogonal(matrix):
        matrix = matrix / (matrix.flatten(-2).norm(dim=-1)[..., None, None] + 1e-7)
        for _ in range(5):
            gram = matrix @ matrix.mT
            matrix = 1.5 * matrix - 0.5 * gram @ matrix
        return matrix

    def update(oracle, state, theta):
        momentum = beta * state.momentum + oracle.gradient
        views = layout.views(momentum)
        steps = {n: orthogonal(v) if len(layout.blocks[n]) == 2 else v for n, v in views.items()}
        return theta - learning_rate * layout.join(steps), Momentum(momentum)

    return Optimizer(init=lambda theta: Momentum(torch.zeros_like(theta)), update=update)


def cosine(learning_rate: Rate = 1e-2):
    """Gradient descent with a cosine schedule of the learning rate over the budget."""

    def update(oracle, state, theta):
        rate = learning_rate * 0.5 * (1 + torch.cos(math.pi * oracle.progress))
        return theta - rate * oracle.gradient, state

    return Optimizer(init=lambda theta: EmptyState(), update=update)


def backtracking(learning_rate: Rate = 1.0):
    """Gradient descent that halves the step up to four times where it does not descend, so lanes differ in calls."""

    def update(oracle, state, theta):
        rate = learning_rate * torch.ones_like(theta[..., :1])
        for _ in range(4):
            trial = theta - rate * oracle.gradient
            rises = trial.square().sum(-1) > theta.square().sum(-1)
            loss, _ = oracle.at(trial, where=rises)
            worse = rises & (loss > oracle.loss)
            rate = torch.where(worse.unsqueeze(-1), rate / 2, rate)
        return theta - rate * oracle.gradient, state

    return Optimizer(init=lambda theta: EmptyState(), update=update)


def clipped(learning_rate: Rate = 1e-2, bound: Annotated[Hyperparameter, LogUniform(1e-3, 1e3)] = 1.0):
    """Gradient clipping as a wrapper around another optimizer."""
    inner = sam(learning_rate)

    def clip(gradient):
        return gradient * (bound / gradient.norm(dim=-1, keepdim=True).clamp(min=1e-12)).clamp(max=1)

    return inner._replace(update=lambda oracle, state, theta: inner.update(oracle.map(clip), state, theta))


class Relative(NamedTuple):
    first_length: torch.Tensor
    is_near: torch.Tensor


def relative(learning_rate: Rate = 1e-2):
    """Descent relative to the first gradient, kept in step 0; a Boolean tensor of the state marks small gradients."""

    def update(oracle, state, theta):
        length = oracle.gradient.norm(dim=-1, keepdim=True)
        first = torch.where(oracle.step == 0, length, state.first_length)
        is_near = state.is_near | (length < 0.5 * first)
        rate = torch.where(is_near, 0.5, 1.0) * learning_rate / first
        return theta - rate * oracle.gradient, Relative(first, is_near)

    def init(theta):
        zero = torch.zeros_like(theta[..., :1])
        return Relative(zero, zero.bool())

    return Optimizer(init=init, update=update)


def counting(learning_rate: Rate = 1e-2):
    """Descent at a rate that falls with a count in Python, of one call of the factory."""
    steps = 0

    def update(oracle, state, theta):
        nonlocal steps
        steps += 1
        return theta - learning_rate / steps * oracle.gradient, state

    return Optimizer(init=lambda theta: EmptyState(), update=update)


OPTIMIZERS = (
    sam,
    sam_per_trial,
    averaged,
    orthogonalized,
    cosine,
    backtracking,
    clipped,
    relative,
    counting,
)


@pytest.mark.parametrize("check", OPTIMIZER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("factory", OPTIMIZERS, ids=lambda factory: factory.__name__)
def test_an_optimizer_conforms(factory, check):
    """The contract can express the optimizer, and all checks pass."""
    check(OptimizerUnderTest(factory, {}))
