"""A quadratic with gradient noise that shrinks with the batch: batch size, momentum and averaging in closed form."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Problem, target_ladder
from benchbed_problems.quadratic_forms import QuadraticForm, random_rotation, signed_distances


@dataclass(frozen=True)
class NoisyQuadratic(Problem):
    """Noisy quadratic model ½ Σ hᵢ zᵢ², z = Q(θ − m), with hᵢ = 1/i and noise of variance hᵢ / `batch_size` in zᵢ.

    It isolates the effect of noise: a larger batch allows larger rates up to a critical size, above which only
    momentum helps, and averages of iterates lower the final loss. Trials start at 0. The minimizer m has z = ±1 in each
    of the `dimension` eigenvectors, with random signs. Q is a random orthogonal matrix if `rotated`, otherwise 1. The
    optimum is 0. A call costs the same for every batch size, so that calls count steps.

    Source: Zhang et al. (2019), Which Algorithmic Choices Matter at Which Batch Sizes?, section 3, arXiv:1907.04164.
    """

    dimension: int = 100
    batch_size: int = 1
    rotated: bool = True

    group = "noise"

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1."""
        for name in ("dimension", "batch_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; must be at least 1")

    @property
    def layout(self) -> Layout:
        """One block of all coordinates."""
        return Layout({"theta": (self.dimension,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻², because the noise keeps constant rates above it."""
        return target_ladder(0.25)

    @property
    def full_price(self) -> None:
        """No number of samples yields the exact gradient."""
        return

    def make_start(self, generator: Generator) -> Tensor:
        """Return 0: `[dimension]`."""
        return torch.zeros(self.dimension, dtype=torch.float64)

    def make_data(self, generator: Generator) -> QuadraticForm:
        """Draw the minimizer's sides, then the rotation."""
        distances = signed_distances(generator, self.dimension)
        identity = torch.eye(self.dimension, dtype=torch.float64)
        basis = random_rotation(generator, self.dimension) if self.rotated else identity
        return QuadraticForm(self._curvature(), basis, basis.mT @ distances)

    def make_draws(self, generator: Generator, steps: int) -> Tensor:
        """Draw the gradient noise in the eigenvectors, `[steps, dimension]`."""
        normal = torch.randn(steps, self.dimension, generator=generator, dtype=torch.float32)
        return normal.double() * (self._curvature() / self.batch_size).sqrt()

    def loss(self, theta: Tensor, data: QuadraticForm, draw: Tensor) -> Tensor:
        """Compute ½ Σ hᵢ zᵢ² + noise · z: `[...]`."""
        z = data.coordinates(theta)
        return ((0.5 * data.eigenvalues * z + draw) * z).sum(-1)

    def objective(self, theta: Tensor, data: QuadraticForm) -> Tensor:
        """Compute ½ Σ hᵢ zᵢ²: `[...]`."""
        return data.value(theta)

    def optimum(self, data: QuadraticForm) -> Tensor:
        """Return 0."""
        return torch.zeros_like(data.eigenvalues[..., 0])

    def minimizer(self, data: QuadraticForm) -> Tensor:
        """Return m: `[..., dimension]`."""
        return data.minimizer

    def _curvature(self) -> Tensor:
        return 1 / torch.arange(1, self.dimension + 1, dtype=torch.float64)
