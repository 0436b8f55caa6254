"""Optimizers and a problem with parameters that are not single numbers; each fails if a value has another type."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Optimizer, Problem


class Nothing(NamedTuple):
    pass


def require(condition, values):
    if not condition:
        raise TypeError(f"changed on the way: {values}")


def nested(
    rates: tuple[float, ...] = (0.1, 0.2),
    names: tuple[tuple[int, ...], str] = ((1, 2), "x"),
    limit: float | None = None,
):
    """Descend with the mean of the rates."""
    require(isinstance(rates, tuple) and isinstance(names[0], tuple), (rates, names))
    require(limit is None or isinstance(limit, float), limit)
    rate = sum(rates) / len(rates)
    return Optimizer(init=lambda theta: Nothing(), update=lambda o, s, t: (t - rate * o.gradient, s))


class Clipped(torch.optim.SGD):
    """SGD with defaults that JSON cannot store."""

    def __init__(
        self, params, lr=0.1, limit=math.inf, pair=(0.9, math.inf), betas=(0.9, 0.99), unset=math.nan
    ):
        require(limit == pair[1] == math.inf and math.isnan(unset), (limit, pair, unset))
        require(isinstance(betas, tuple), betas)
        super().__init__(params, lr)


@dataclass(frozen=True)
class Box(Problem):
    """A weighted sum of squares."""

    sides: tuple[float, ...] = (1.0, 2.0)

    @property
    def layout(self):
        return Layout({"theta": (2,)})

    def make_start(self, generator):
        require(isinstance(self.sides, tuple), self.sides)
        return torch.ones(2, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(dim=-1) * sum(self.sides) / 2

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


@hookimpl
def register_optimizers(register):
    register(nested)


@hookimpl
def register_problems(register):
    register(Box)
