"""A bowl with the minimum 0 at the origin, and rules that reach it at a given step."""

from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Optimizer, Problem


class StepCount(NamedTuple):
    """Number of steps, `[..., 1]`."""

    steps: torch.Tensor


@dataclass(frozen=True)
class Bowl(Problem):
    """The squared norm of a point that starts at (1, 1)."""

    @property
    def layout(self):
        return Layout({"point": (2,)})

    def make_start(self, generator):
        return torch.ones(2, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0)


def jumps(to_zero: float = 1.0, away: float = 0.0):
    """Go to the minimum in step `to_zero`, and to (1e9, 1e9) in step `away`; else stay."""

    def update(oracle, state, theta):
        steps = state.steps + 1
        theta = torch.where(steps == to_zero, 0 * theta, theta)
        return torch.where(steps == away, 0 * theta + 1e9, theta), StepCount(steps)

    return Optimizer(init=lambda theta: StepCount(torch.zeros_like(theta[..., :1])), update=update)


@hookimpl
def register_problems(register):
    register(Bowl)


@hookimpl
def register_optimizers(register):
    register(jumps)
