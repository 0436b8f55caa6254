"""A third-party problem with noise and a third-party optimizer, for studies that are killed."""

from dataclasses import dataclass
from typing import Annotated, NamedTuple

import torch
from torch import Tensor, zeros_like

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Layout, LogUniform, Optimizer, Problem


class Momentum(NamedTuple):
    """Mean of the earlier gradients."""

    momentum: Tensor


@dataclass(frozen=True)
class NoisyBowl(Problem):
    """Quadratic with random curvatures, whose gradients are taken at perturbed points."""

    @property
    def layout(self):
        return Layout({"point": (8,)})

    def make_start(self, generator):
        return 1 + torch.rand(8, generator=generator, dtype=torch.float64)

    def make_data(self, generator):
        return 1 + 9 * torch.rand(8, generator=generator, dtype=torch.float64)

    def make_draws(self, generator, steps):
        return 0.1 * torch.randn(steps, 8, generator=generator, dtype=torch.float64)

    def loss(self, theta, data, draw):
        return self.objective(theta + draw, data)

    def objective(self, theta, data):
        return (data * theta**2).sum(-1) / 2

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


def softsign(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    beta: Hyperparameter = 0.9,
    softness: Hyperparameter = 0.01,
):
    def update(oracle, state, theta):
        momentum = beta * state.momentum + (1 - beta) * oracle.gradient
        return theta - learning_rate * momentum / (momentum.abs() + softness), Momentum(momentum)

    return Optimizer(init=lambda theta: Momentum(zeros_like(theta)), update=update)


@hookimpl
def register_problems(register):
    register(NoisyBowl)


@hookimpl
def register_optimizers(register):
    register(softsign)
