"""Rosenbrock's curved valley, in any dimension, with or without gradient noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Data, Layout
from benchbed_problems.noise import NoisyProblem
from benchbed_problems.starts import Start, check_start, fixed_start


@dataclass(frozen=True)
class Rosenbrock(NoisyProblem):
    """Rosenbrock's function Σ steepness (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)² over neighbouring coordinates.

    It isolates the geometry of a curved valley, which methods that estimate curvature follow and others do not.
    `steepness` is 100. `start` fixes the start, such as the classical [−1.2, 1]; by default it is uniform on
    [−2, 2]^`dimension`. The stochastic gradient is the exact one plus normal noise of standard deviation
    `gradient_noise` per coordinate. The minimum is 0 at (1, …, 1), the only one in dimension 2 and 3; from 4 on there
    is another one near (−1, 1, …, 1).

    Source: Rosenbrock (1960), An automatic method for finding the greatest or least value of a function, The Computer
    Journal 3, 175–184; more dimensions: Shang and Qiu (2006), A Note on the Extended Rosenbrock Function,
    Evolutionary Computation 14, 119–126.
    """

    dimension: int = 2
    steepness: float = 100.0
    start: Start = None
    gradient_noise: float = 0.0

    group = "geometry"
    budget = 20_000
    preset_budgets: ClassVar[Mapping[str, int]] = {"standard": 5_000}

    def __post_init__(self) -> None:
        """Raise ValueError for less than two coordinates, a steepness of 0, or negative noise."""
        super().__post_init__()
        if self.dimension < 2:
            raise ValueError(f"dimension is {self.dimension}; must be at least 2")
        if not 0 < self.steepness < float("inf"):
            raise ValueError(f"steepness is {self.steepness}; must be a finite number above 0")
        check_start(self.start, self.dimension)

    @property
    def layout(self) -> Layout:
        """One block of all coordinates."""
        return Layout({"point": (self.dimension,)})

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`, or draw from U(−2, 2): `[dimension]`."""
        if self.start is not None:
            return fixed_start(self.start, self.dimension)
        return 4 * torch.rand(self.dimension, generator=generator, dtype=torch.float64) - 2

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        """Compute Σ steepness (xᵢ₊₁ − xᵢ²)² + (1 − xᵢ)²: `[...]`."""
        x, following = theta[..., :-1], theta[..., 1:]
        return (self.steepness * (following - x.square()).square() + (1 - x).square()).sum(-1)

    def optimum(self, data: Data) -> Tensor:
        """Return 0."""
        return torch.zeros((), dtype=torch.float64)

    def minimizer(self, data: Data) -> Tensor:
        """Return (1, …, 1): `[dimension]`."""
        return torch.ones(self.dimension, dtype=torch.float64)
