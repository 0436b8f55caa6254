"""Rules that lose their point, on a problem whose objective is 0 there: max(θ, 0) replaces NaN by 0."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Layout, Optimizer, Problem


class Count(NamedTuple):
    steps: Tensor


@dataclass(frozen=True)
class Hinge(Problem):
    @property
    def layout(self):
        return Layout({"point": (2,)})

    def make_start(self, generator):
        return torch.rand(2, generator=generator, dtype=torch.float64) + 1

    def objective(self, theta, data):
        return torch.where(theta > 0, theta, 0.0).sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)


def rule(change, answer=lambda state, theta: theta):
    """A rule that waits for three steps and then replaces theta by `change(theta)`."""

    def factory(learning_rate: Hyperparameter = 0.01):
        def update(oracle, state, theta):
            following = torch.where(state.steps >= 3, change(theta), theta - learning_rate * oracle.gradient)
            return following, Count(state.steps + 1)

        return Optimizer(init=lambda theta: Count(torch.zeros_like(theta)), update=update, answer=answer)

    return factory


def first_infinite(theta):
    return torch.cat([theta[..., :1] * 0 - torch.inf, theta[..., 1:]], dim=-1)


RULES = {
    "becomes_nan": rule(lambda theta: theta * torch.nan),
    "becomes_infinite": rule(first_infinite),
    "hides_nan": rule(lambda theta: theta * torch.nan, lambda state, theta: theta.nan_to_num(0.0)),
    "divides_by_zero": rule(lambda theta: theta / (theta - theta)),
}


@hookimpl
def register_problems(register):
    register(Hinge)


@hookimpl
def register_optimizers(register):
    for name, factory in RULES.items():
        factory.__name__ = factory.__qualname__ = name
        register(factory)
