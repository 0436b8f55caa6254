"""A quartic with two valleys: gradient descent stays in the one it starts in, noise may leave it."""

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Data, Layout, Problem, target_ladder
from benchbed_problems.noise import check_noise, make_noise, tilt
from benchbed_problems.starts import Start, check_start, given_start


def quartic(theta: Tensor) -> Tensor:
    """Give θ⁴ − 3θ² + θ of every coordinate."""
    return ((theta.square() - 3) * theta + 1) * theta


def lowest_point() -> float:
    """Give the place of the global minimum, −1.3008…: the smallest root of the derivative 4θ³ − 6θ + 1."""
    return _stationary_point(2)


def ridge() -> float:
    """Give the place of the local maximum between the valleys, 0.1699…: the middle root of the derivative."""
    return _stationary_point(1)


def _stationary_point(number: int) -> float:
    # Viète's trigonometric formula for three real roots: θₖ = √2 cos((arccos(−√2/4) − 2πk)/3).
    return math.sqrt(2) * math.cos((math.acos(-math.sqrt(2) / 4) - 2 * math.pi * number) / 3)


@dataclass(frozen=True)
class Quartic(Problem):
    """Minimize L(θ) = θ⁴ − 3θ² + θ, with its global minimum near −1.30 and a local one near 1.13.

    A start that is not given is drawn from U(−2, 2) (`start`: a number or a list of one). The stochastic
    gradient is the exact one plus normal noise of standard deviation `gradient_noise`.

    Source: the course's start scan with η = 0.05, noise 4.5; its path from 1.5 has noise 4.2, the default
    here.
    """

    start: Start = None
    gradient_noise: float = 4.2

    budget = 10_000

    def __post_init__(self) -> None:
        """Raise ValueError for a start of another dimension, or noise that is no standard deviation."""
        check_start(self.start, 1)
        check_noise("gradient_noise", self.gradient_noise)

    @property
    def layout(self) -> Layout:
        """One coordinate."""
        return Layout({"theta": (1,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁴, with or without noise: there are two minima."""
        return target_ladder(0.5)

    @property
    def full_price(self) -> float | None:
        """1 without noise; None under it, since no number of samples buys the exact gradient."""
        return None if self.gradient_noise else 1.0

    def make_start(self, generator: Generator) -> Tensor:
        """Give `start`, or draw from U(−2, 2): `[1]`."""
        if self.start is not None:
            return given_start(self.start, 1)
        return 4 * torch.rand(1, generator=generator, dtype=torch.float64) - 2

    def make_draws(self, generator: Generator, steps: int) -> Tensor | None:
        """Draw the gradient noise, `[steps, 1]`."""
        return make_noise(generator, steps, 1, self.gradient_noise)

    def loss(self, theta: Tensor, data: Data, draw: Tensor | None) -> Tensor:
        """Give θ⁴ − 3θ² + θ plus noise · θ, `[...]`."""
        return tilt(self.objective(theta, data), theta, draw)

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Give θ⁴ − 3θ² + θ, `[...]`."""
        return quartic(theta).sum(-1)

    def optimum(self, data: Data) -> Tensor:
        """Give L at the global minimum, about −3.5139."""
        return self.objective(self.minimizer(data), data)

    def minimizer(self, data: Data) -> Tensor:
        """Give the place of the global minimum, `[1]`."""
        return torch.tensor([lowest_point()], dtype=torch.float64)

    def in_basin(self, theta: Tensor, data: Data) -> Tensor:
        """Tell whether theta lies left of the ridge, from where the flow descends to the global minimum."""
        return (theta < ridge()).all(-1)
