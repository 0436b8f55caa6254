"""Recovery of a vector up to its sign from squared projections: a saddle between two minima."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, take_samples, target_ladder
from benchbed_problems.batches import MiniBatchProblem

DATA_SEED = 0


class Intensities(NamedTuple):
    """Directions, `[samples, dimension]`, squared projections, `[samples, 1]`, and the true vector, `[dimension]`."""

    directions: Tensor
    values: Tensor
    truth: Tensor


@dataclass(frozen=True)
class PhaseRetrieval(MiniBatchProblem):
    """Recovery of x from y = (a · x)²: L(θ) = ¼ mean ((a · θ)² − y)².

    It isolates a saddle: random starts are nearly orthogonal to x, where the gradient hardly points to it. The vector x
    is uniform on the unit sphere in `dimension` dimensions and the `samples` directions a are standard normal, drawn
    once for all instances. A trial starts at a normal vector of length about 1 and draws `batch_size` directions for
    each step, with replacement. The optimum 0 is attained at x and −x.

    Source: Candès, Li and Soltanolkotabi (2015), Phase Retrieval via Wirtinger Flow: Theory and Algorithms, section 2,
    arXiv:1407.1065.
    Deviation: real numbers and the random start, whose effect the problem shows; the paper starts from a spectral
    estimate.
    """

    dimension: int = 50
    samples: int = 500
    batch_size: int = 64

    group = "geometry"

    def __post_init__(self) -> None:
        """Raise ValueError for sizes below 1, or a batch larger than the sample."""
        super().__post_init__()
        if self.dimension < 1:
            raise ValueError(f"dimension is {self.dimension}; must be at least 1")

    @property
    def layout(self) -> Layout:
        """One block of all coordinates."""
        return Layout({"theta": (self.dimension,)})

    @property
    def targets(self) -> tuple[float, ...]:
        """Down to 10⁻⁸: each direction fits at the optimum, so that mini-batches have no noise there."""
        return target_ladder(1)

    @property
    def workspace(self) -> int:
        """Projections, residuals and their gradients."""
        return 16 * self.dimension + 8 * self.samples

    def make_start(self, generator: Generator) -> Tensor:
        """Draw from N(0, 1/dimension): `[dimension]`."""
        return torch.randn(self.dimension, generator=generator, dtype=torch.float64) / math.sqrt(
            self.dimension
        )

    def shared_data(self) -> Intensities:
        """Draw the true vector and the directions from a fixed seed."""
        generator = Generator().manual_seed(DATA_SEED)
        truth = torch.randn(self.dimension, generator=generator, dtype=torch.float64)
        truth /= truth.norm()
        directions = torch.randn(self.samples, self.dimension, generator=generator, dtype=torch.float64)
        return Intensities(directions, (directions @ truth).square().unsqueeze(-1), truth)

    def loss(self, theta: Tensor, data: Intensities, draw: Tensor) -> Tensor:
        """Compute ¼ the mean squared residual of a mini-batch: `[...]`."""
        return _quarter_mean_square(
            theta, take_samples(data.directions, draw), take_samples(data.values, draw)
        )

    def objective(self, theta: Tensor, data: Intensities) -> Tensor:
        """Compute ¼ the mean squared residual of all directions: `[...]`."""
        return _quarter_mean_square(theta, data.directions, data.values)

    def optimum(self, data: Intensities) -> Tensor:
        """Return 0."""
        return torch.zeros_like(data.values[0, 0])

    def minimizer(self, data: Intensities) -> Tensor:
        """Return x; −x is as good: `[dimension]`."""
        return data.truth


def _quarter_mean_square(theta: Tensor, directions: Tensor, values: Tensor) -> Tensor:
    projections = torch.einsum("...sd,...d->...s", directions, theta)
    return 0.25 * (projections.square() - values.squeeze(-1)).square().mean(-1)
