"""A quartic with two minima: gradient descent stays in the basin of its start, noise may leave it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Data, Layout, target_ladder
from benchbed_problems.noise import NoisyProblem
from benchbed_problems.starts import Start, check_start, fixed_start


def quartic(theta: Tensor) -> Tensor:
    """Compute θ⁴ − 3θ² + θ of every coordinate."""
    return ((theta.square() - 3) * theta + 1) * theta


def lowest_point() -> float:
    """Return the global minimizer −1.3008…, the smallest root of the derivative 4θ³ − 6θ + 1."""
    return _stationary_point(2)


def ridge() -> float:
    """Return the local maximizer 0.1699… between the minima, the middle root of the derivative."""
    return _stationary_point(1)


def _stationary_point(number: int) -> float:
    # Viète's trigonometric formula for three real roots: θₖ = √2 cos((arccos(−√2/4) − 2πk)/3).
    return math.sqrt(2) * math.cos((math.acos(-math.sqrt(2) / 4) - 2 * math.pi * number) / 3)


@dataclass(frozen=True)
class Quartic(NoisyProblem):
    """Quartic L(θ) = θ⁴ − 3θ² + θ, with the global minimum near −1.30 and a local one near 1.13.

    `start` fixes the start (a number or a list of one); by default |θ| is uniform on [0.5, 2], and every other instance
    starts in the valley of the global minimum. The stochastic gradient is the exact one plus normal noise of standard
    deviation `gradient_noise`. The optimum is about −3.5139.

    Source: the course's scan of starts with η = 0.05 and noise 4.5. The default noise is that of the course's path
    from 1.5.
    """

    start: Start = None
    gradient_noise: float = 4.2

    budget = 20_000
    preset_budgets: ClassVar[Mapping[str, int]] = {"quick": 1_000, "standard": 5_000}
    group = "noise"

    def __post_init__(self) -> None:
        """Raise ValueError for a start of another dimension, or negative noise."""
        super().__post_init__()
        check_start(self.start, 1)

    @property
    def layout(self) -> Layout:
        """One coordinate."""
        return Layout({"theta": (1,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻², with or without noise, because the noise keeps constant rates above it."""
        return target_ladder(0.25)

    @property
    def success_target(self) -> float:
        """The last target: tuned optimizers of all kinds reach the larger ones in the standard budget."""
        return self.targets[-1]

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`, or draw from U(0.5, 2): `[1]`."""
        if self.start is not None:
            return fixed_start(self.start, 1)
        return 0.5 + 1.5 * torch.rand(1, generator=generator, dtype=torch.float64)

    @property
    def start_strata(self) -> int:
        """The two valleys, unless the start is fixed."""
        return 2 if self.start is None else 1

    def place_start(self, start: Tensor, stratum: int) -> Tensor:
        """Return the start in the valley of the global minimum for stratum 0, in the other one for stratum 1."""
        return -start if stratum == 0 else start

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Compute θ⁴ − 3θ² + θ: `[...]`."""
        return quartic(theta).sum(-1)

    def optimum(self, data: Data) -> Tensor:
        """Compute L at the global minimizer, about −3.5139."""
        return self.objective(self.minimizer(data), data)

    def minimizer(self, data: Data) -> Tensor:
        """Return the global minimizer: `[1]`."""
        return torch.tensor([lowest_point()], dtype=torch.float64)

    def in_basin(self, theta: Tensor, data: Data) -> Tensor:
        """Return whether theta lies left of the local maximizer, where the flow descends to the global minimum."""
        return (theta < ridge()).all(-1)
