"""Synthetic gradient noise: a normal vector for each step, added to the exact gradient."""

import math

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Data, Problem, target_ladder


def check_noise(name: str, deviation: float) -> None:
    """Raise ValueError unless `deviation` can be a standard deviation."""
    if not (math.isfinite(deviation) and deviation >= 0):
        raise ValueError(
            f"{name} is {deviation}; must be a standard deviation, a finite number of at least 0"
        )


def make_noise(generator: Generator, steps: int, dimension: int, deviation: float) -> Tensor | None:
    """Draw the noise of `steps` steps: `[steps, dimension]`, or None if `deviation` is 0.

    The numbers are drawn in float32, which is precise enough for noise and five times faster than float64.
    """
    if not deviation:
        return None
    normal = torch.randn(steps, dimension, generator=generator, dtype=torch.float32)
    return deviation * normal.double()


def add_noise(objective: Tensor, theta: Tensor, noise: Tensor | None) -> Tensor:
    """Add noise · θ to `objective: [...]`, which adds the noise to the gradient."""
    return objective if noise is None else objective + (noise * theta).sum(-1)


class NoisyProblem(Problem):
    """A problem whose field `gradient_noise` is the standard deviation of normal noise on each partial derivative."""

    gradient_noise: float

    def __post_init__(self) -> None:
        """Raise ValueError for negative noise."""
        check_noise("gradient_noise", self.gradient_noise)

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁸ with an exact gradient, to 10⁻⁴ under noise."""
        return target_ladder(0.5 if self.gradient_noise else 1)

    @property
    def full_price(self) -> float | None:
        """1 without noise; None under noise, where no number of samples yields the exact gradient."""
        return None if self.gradient_noise else 1.0

    def make_draws(self, generator: Generator, steps: int) -> Tensor | None:
        """Draw the gradient noise, `[steps, dimension]`."""
        return make_noise(generator, steps, self.layout.dimension, self.gradient_noise)

    def loss(self, theta: Tensor, data: Data, draw: Tensor | None) -> Tensor:
        """Compute the objective plus noise · θ: `[...]`."""
        return add_noise(self.objective(theta, data), theta, draw)
