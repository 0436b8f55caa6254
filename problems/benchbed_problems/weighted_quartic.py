"""Many quartics, each with a weight of its own: the course's comparison of optimizers."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Problem, target_ladder
from benchbed_problems.noise import check_noise, make_noise, tilt
from benchbed_problems.quartic import lowest_point, quartic, ridge
from benchbed_problems.starts import Start, check_start, given_start


class Weights(NamedTuple):
    """The weights of the coordinates, `[dimension]`; they sum to 1."""

    weights: Tensor


@dataclass(frozen=True)
class WeightedQuartic(Problem):
    """Minimize L(θ) = Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ), with wᵢ ∝ linspace(1, 100, dimension), Σ wᵢ = 1.

    Each of the sign patterns of the `dimension` coordinates has a minimum of its own; the global one is −1.30
    everywhere. A start that is not given is normal with standard deviation 2 (`start`: a number or a list).
    The stochastic gradient is the exact one plus normal noise of standard deviation `gradient_noise` per
    coordinate.

    Source: the course's optimizer comparison, from θ₀ = 2·1 with noise 4, and from −3·1 without noise.
    """

    dimension: int = 10
    start: Start = None
    gradient_noise: float = 4.0

    budget = 10_000

    def __post_init__(self) -> None:
        """Raise ValueError for an empty θ, a start of another dimension, or impossible noise."""
        if self.dimension < 1:
            raise ValueError(f"dimension is {self.dimension}; give at least 1")
        check_start(self.start, self.dimension)
        check_noise("gradient_noise", self.gradient_noise)

    @property
    def layout(self) -> Layout:
        """One vector."""
        return Layout({"theta": (self.dimension,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻² only: few trials leave every wrong valley."""
        return target_ladder(0.25)

    @property
    def full_price(self) -> float | None:
        """1 without noise; None under it, since no number of samples buys the exact gradient."""
        return None if self.gradient_noise else 1.0

    def make_start(self, generator: Generator) -> Tensor:
        """Give `start`, or draw from N(0, 2²): `[dimension]`."""
        if self.start is not None:
            return given_start(self.start, self.dimension)
        return 2 * torch.randn(self.dimension, generator=generator, dtype=torch.float64)

    def shared_data(self) -> Weights:
        """Give the weights."""
        weights = torch.linspace(1, 100, self.dimension, dtype=torch.float64)
        return Weights(weights / weights.sum())

    def make_draws(self, generator: Generator, steps: int) -> Tensor | None:
        """Draw the gradient noise, `[steps, dimension]`."""
        return make_noise(generator, steps, self.dimension, self.gradient_noise)

    def loss(self, theta: Tensor, data: Weights, draw: Tensor | None) -> Tensor:
        """Give Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ) plus noise · θ, `[...]`."""
        return tilt(self.objective(theta, data), theta, draw)

    def objective(self, theta: Tensor, data: Weights) -> Tensor:
        """Give Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ), `[...]`."""
        return (data.weights * quartic(theta)).sum(-1)

    def optimum(self, data: Weights) -> Tensor:
        """Give L where every coordinate is in its lowest place, about −3.5139 for every dimension."""
        return self.objective(self.minimizer(data), data)

    def minimizer(self, data: Weights) -> Tensor:
        """Give the lowest place in every coordinate, `[dimension]`."""
        return torch.full_like(data.weights, lowest_point())

    def in_basin(self, theta: Tensor, data: Weights) -> Tensor:
        """Tell whether every coordinate lies left of the ridge: a weight changes how fast it flows, not where to."""
        return (theta < ridge()).all(-1)
