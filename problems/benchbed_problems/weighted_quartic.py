"""A weighted sum of quartics, the course's comparison of optimizers."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, target_ladder
from benchbed_problems.noise import NoisyProblem
from benchbed_problems.quartic import lowest_point, quartic, ridge
from benchbed_problems.starts import Start, check_start, fixed_start


class CoordinateWeights(NamedTuple):
    """The weights of the coordinates, `[dimension]`, with sum 1."""

    weights: Tensor


@dataclass(frozen=True)
class WeightedQuartic(NoisyProblem):
    """Sum of quartics L(θ) = Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ), with wᵢ ∝ linspace(1, 100, dimension), Σ wᵢ = 1.

    Each sign pattern of the `dimension` coordinates has one minimum; in the global one all coordinates are −1.30.
    `start` fixes the start (a number or a list); by default it is normal with standard deviation 2. The stochastic
    gradient is the exact one plus normal noise of standard deviation `gradient_noise` per coordinate. The optimum is
    about −3.5139 in every dimension.

    Source: the course's optimizer comparison, from θ₀ = 2·1 with noise 4, and from −3·1 without noise.
    """

    dimension: int = 10
    start: Start = None
    gradient_noise: float = 4.0

    budget = 10_000
    group = "noise"

    def __post_init__(self) -> None:
        """Raise ValueError for an empty θ, a start of another dimension, or negative noise."""
        super().__post_init__()
        if self.dimension < 1:
            raise ValueError(f"dimension is {self.dimension}; must be at least 1")
        check_start(self.start, self.dimension)

    @property
    def layout(self) -> Layout:
        """One block of all coordinates."""
        return Layout({"theta": (self.dimension,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻² only, because few trials leave every local basin."""
        return target_ladder(0.25)

    def make_start(self, generator: Generator) -> Tensor:
        """Return `start`, or draw from N(0, 2²): `[dimension]`."""
        if self.start is not None:
            return fixed_start(self.start, self.dimension)
        return 2 * torch.randn(self.dimension, generator=generator, dtype=torch.float64)

    def shared_data(self) -> CoordinateWeights:
        """Build the weights."""
        weights = torch.linspace(1, 100, self.dimension, dtype=torch.float64)
        return CoordinateWeights(weights / weights.sum())

    def objective(self, theta: Tensor, data: CoordinateWeights) -> Tensor:
        """Compute Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ): `[...]`."""
        return (data.weights * quartic(theta)).sum(-1)

    def optimum(self, data: CoordinateWeights) -> Tensor:
        """Compute L at the global minimizer, about −3.5139 in every dimension."""
        return self.objective(self.minimizer(data), data)

    def minimizer(self, data: CoordinateWeights) -> Tensor:
        """Return the global minimizer: `[dimension]`."""
        return torch.full_like(data.weights, lowest_point())

    def in_basin(self, theta: Tensor, data: CoordinateWeights) -> Tensor:
        """Return whether every coordinate lies left of the local maximizer."""
        return (theta < ridge()).all(-1)
