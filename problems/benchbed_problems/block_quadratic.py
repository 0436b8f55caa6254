"""A quadratic with blocks of different curvature, along the coordinates or rotated away from them."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchbed.interfaces import Layout, Problem
from benchbed_problems.quadratic_forms import QuadraticForm, random_rotation, signed_distances

LEVELS = ((1.0, 2.0, 3.0), (99.0, 100.0, 101.0), (4998.0, 4999.0, 5000.0))
BLOCK = 30


@dataclass(frozen=True)
class BlockQuadratic(Problem):
    """Quadratic ½ Σ λᵢ zᵢ², z = R(θ − m), in three blocks of 30 coordinates.

    It isolates the geometry of blocks: a learning rate for each coordinate suits blocks of different curvature, as long
    as the blocks consist of coordinates. The eigenvalues near 1, 100 and 5 000 each have a block if `heterogeneous`,
    otherwise each block has all of them. Each block is rotated in itself, and then the whole space by
    exp(`rotation` S), with S a random skew matrix: from 0, blocks of coordinates, to 1, nearly uniform. Trials start
    at 0; the minimizer m has z = ±1 along each eigenvector, the same signs for every `rotation`, so that methods which
    do not depend on the basis have equal losses for all of them. The optimum is 0.

    Source: Zhang et al. (2024), Why Transformers Need Adam: A Hessian Perspective, section 3, arXiv:2402.16788.
    Deviation: S and the rotation of the whole space, which let the advantage of coordinates vanish gradually.
    """

    rotation: float = 0.0
    heterogeneous: bool = True

    group = "geometry"

    def __post_init__(self) -> None:
        """Raise ValueError for a rotation outside of [0, 1]."""
        if not 0 <= self.rotation <= 1:
            raise ValueError(f"rotation is {self.rotation}; must be between 0 and 1")

    @property
    def layout(self) -> Layout:
        """The three blocks."""
        return Layout({f"block{number}": (BLOCK,) for number in range(1, len(LEVELS) + 1)})

    @property
    def spectrum(self) -> tuple[float, ...]:
        """The eigenvalues, block by block."""
        levels = LEVELS if self.heterogeneous else (sum(LEVELS, ()),) * len(LEVELS)
        return tuple(level[index % len(level)] for level in levels for index in range(BLOCK))

    def make_start(self, generator: Generator) -> Tensor:
        """Return 0: `[90]`."""
        return torch.zeros(self.layout.dimension, dtype=torch.float64)

    def make_data(self, generator: Generator) -> QuadraticForm:
        """Draw the minimizer's sides, the rotations of the blocks, and that of the whole space."""
        distances = signed_distances(generator, self.layout.dimension)
        basis = torch.block_diag(*(random_rotation(generator, BLOCK) for _ in LEVELS))
        if self.rotation:
            basis = basis @ torch.matrix_exp(self.rotation * _skew(generator, self.layout.dimension))
        eigenvalues = torch.tensor(self.spectrum, dtype=torch.float64)
        return QuadraticForm(eigenvalues, basis, basis.mT @ distances)

    def objective(self, theta: Tensor, data: QuadraticForm) -> Tensor:
        """Compute ½ Σ λᵢ zᵢ²: `[...]`."""
        return data.value(theta)

    def optimum(self, data: QuadraticForm) -> Tensor:
        """Return 0."""
        return torch.zeros_like(data.eigenvalues[..., 0])

    def minimizer(self, data: QuadraticForm) -> Tensor:
        """Return m: `[..., 90]`."""
        return data.minimizer


def _skew(generator: Generator, dimension: int) -> Tensor:
    """Draw a skew matrix whose rotation turns by angles of up to 2π in either direction."""
    entries = torch.randn(dimension, dimension, generator=generator, dtype=torch.float64)
    # The eigenvalues ±iω of a skew matrix with normal entries of variance s² fill |ω| ≤ 2 s √dimension.
    upper: Tensor = entries.triu(1) * (torch.pi / dimension**0.5)
    return upper - upper.mT
