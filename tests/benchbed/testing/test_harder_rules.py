"""Hold rules to the contract that ask more of it than the course's: further calls, averages, matrices, schedules."""

import math
from typing import Annotated, NamedTuple

import pytest
import torch

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, Optimizer
from benchbed.testing import OPTIMIZER_CHECKS
from benchbed.testing.optimizers import Subject

Rate = Annotated[Hyperparameter, LogUniform(1e-6, 1e2)]


class NoState(NamedTuple):
    """Nothing is remembered."""


class Average(NamedTuple):
    mean: torch.Tensor
    steps: torch.Tensor


class Momentum(NamedTuple):
    momentum: torch.Tensor


def sam(learning_rate: Rate = 1e-2, radius: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 0.05):
    """Sharpness-aware minimization: the gradient at the worst point nearby. Two calls a step (arXiv:2010.01412)."""

    def update(oracle, state, theta):
        length = oracle.gradient.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        _, gradient = oracle.at(theta + radius * oracle.gradient / length)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: NoState(), update=update)


def sam_for_one(learning_rate: Rate = 1e-2, radius: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 0.05):
    """The same rule, written for a single trial."""
    return sam(learning_rate, radius)._replace(per_trial=True)


def averaged(learning_rate: Rate = 1e-2):
    """Polyak–Ruppert averaging: the mean of all iterates is the answer."""

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
    """Muon's idea: momentum whose matrices are orthogonalized by five Newton–Schulz steps; vectors are left alone."""

    def orthogonal(matrix):
        matrix = matrix / (matrix.flatten(-2).norm(dim=-1)[..., None, None] + 1e-7)
        for _ in range(5):
            gram = matrix @ matrix.mT
            matrix = 1.5 * matrix - 0.5 * gram @ matrix
        return matrix

    def update(oracle, state, theta):
        momentum = beta * state.momentum + oracle.gradient
        views = layout.views(momentum)
        turned = {n: orthogonal(v) if len(layout.blocks[n]) == 2 else v for n, v in views.items()}
        return theta - learning_rate * layout.join(turned), Momentum(momentum)

    return Optimizer(init=lambda theta: Momentum(torch.zeros_like(theta)), update=update)


def cosine(learning_rate: Rate = 1e-2):
    """Gradient descent whose rate falls along a cosine as the budget is spent."""

    def update(oracle, state, theta):
        rate = learning_rate * 0.5 * (1 + torch.cos(math.pi * oracle.progress))
        return theta - rate * oracle.gradient, state

    return Optimizer(init=lambda theta: NoState(), update=update)


def backtracking(learning_rate: Rate = 1.0):
    """Halve the step, in the lanes where it does not descend, up to four times: lanes differ in their calls."""

    def update(oracle, state, theta):
        rate = learning_rate * torch.ones_like(theta[..., :1])
        for _ in range(4):
            trial = theta - rate * oracle.gradient
            rises = trial.square().sum(-1) > theta.square().sum(-1)
            loss, _ = oracle.at(trial, where=rises)
            worse = rises & (loss > oracle.loss)
            rate = torch.where(worse.unsqueeze(-1), rate / 2, rate)
        return theta - rate * oracle.gradient, state

    return Optimizer(init=lambda theta: NoState(), update=update)


def clipped(learning_rate: Rate = 1e-2, bound: Annotated[Hyperparameter, LogUniform(1e-3, 1e3)] = 1.0):
    """Clip every gradient's norm, as a wrapper around another rule."""
    inner = sam(learning_rate)

    def clip(gradient):
        return gradient * (bound / gradient.norm(dim=-1, keepdim=True).clamp(min=1e-12)).clamp(max=1)

    return inner._replace(update=lambda oracle, state, theta: inner.update(oracle.map(clip), state, theta))


HARDER_RULES = (sam, sam_for_one, averaged, orthogonalized, cosine, backtracking, clipped)


@pytest.mark.parametrize("check", OPTIMIZER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("factory", HARDER_RULES, ids=lambda factory: factory.__name__)
def test_a_harder_rule_keeps_the_contract(factory, check):
    """What the contract promises to inventors can be said in it, and passes its checks."""
    check(Subject(factory, {}))
