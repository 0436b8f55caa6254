"""Problems whose optimum or scale raises, is not finite, or contradicts the trials; f = |θ|² + c from (1, 1)."""

import math
from dataclasses import dataclass

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Problem


@dataclass(frozen=True)
class Bowl(Problem):
    """The squared norm plus a constant, with its correct optimum."""

    constant: float = 0.0

    @property
    def layout(self):
        return Layout({"point": (2,)})

    def make_start(self, generator):
        return torch.ones(2, dtype=torch.float64)

    def make_data(self, generator):
        return torch.rand(1, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return theta.square().sum(-1) + self.constant + 0 * data[..., 0]

    def optimum(self, data):
        return torch.full((data.numel(), 1), self.constant, dtype=torch.float64)


@dataclass(frozen=True)
class RaisingOptimum(Bowl):
    def optimum(self, data):
        raise ArithmeticError("no optimum\nat all")


@dataclass(frozen=True)
class RaisingForSome(Bowl):
    """Raise for the data of a seventh of the evaluation seeds; the scale uses others."""

    def optimum(self, data):
        if data.numel() <= 20 and (data > 6 / 7).any():
            raise ArithmeticError("no optimum here")
        return super().optimum(data)


@dataclass(frozen=True)
class NanOptimum(Bowl):
    def optimum(self, data):
        return torch.full((data.numel(), 1), math.nan)


@dataclass(frozen=True)
class InfiniteOptimum(Bowl):
    def optimum(self, data):
        return torch.full((data.numel(), 1), -math.inf)


@dataclass(frozen=True)
class HighOptimum(Bowl):
    """An optimum above values that descent reaches."""

    def optimum(self, data):
        return torch.full((data.numel(), 1), 1.5)


@dataclass(frozen=True)
class RaisingScale(Bowl):
    """An objective that raises for many instances at once, as only the scale evaluates it."""

    def objective(self, theta, data):
        if theta.shape[0] > 100:
            raise ArithmeticError("too many")
        return super().objective(theta, data)


@hookimpl
def register_problems(register):
    for problem in (
        Bowl, RaisingOptimum, RaisingForSome, NanOptimum, InfiniteOptimum, HighOptimum, RaisingScale,
    ):  # fmt: skip
        register(problem)
