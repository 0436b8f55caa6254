"""A problem in rotated coordinates."""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Generator, Tensor

from benchbed.interfaces import TransformedProblem
from benchbed_problems.quadratic_forms import random_rotation
from benchbed_problems.transforms.sharing import is_shared

LARGEST = 4_096
"""Coordinates of one rotation, whose matrix then has 2²⁴ numbers."""


@dataclass(frozen=True)
class Rotated(TransformedProblem):
    """Rotate the coordinates: f(Qφ), with Q uniform over the orthogonal matrices.

    It isolates the basis: gradient descent and momentum take the same path in every basis, and methods with a
    learning rate for each coordinate do not. The start is Qᵀ times the original one. With `within=blocks`, each block
    of the layout, such as a weight matrix as one vector, is rotated in itself. Each instance has a rotation of its
    own up to 256 coordinates; above, and with a `seed`, all instances share one.

    Source: Q: Mezzadri (2007), How to generate random matrices from the classical compact groups, section 5,
    arXiv:math-ph/0609050; rotated benchmark functions: Hansen et al. (2009), Real-Parameter Black-Box Optimization
    Benchmarking 2009: Noiseless Functions Definitions, section 0.2, https://inria.hal.science/inria-00362633.
    """

    within: Literal["all", "blocks"] = "all"
    seed: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a rotation of too many coordinates."""
        super().__post_init__()
        if max(self._sizes) > LARGEST:
            is_small = max(self._block_sizes) <= LARGEST
            raise ValueError(
                f"a rotation of {max(self._sizes)} coordinates exceeds the limit of {LARGEST}; "
                f"{'write within=blocks' if is_small else 'choose a smaller problem'}"
            )

    def make_own(self, generator: Generator) -> tuple[Tensor, ...]:
        """Draw Qᵀ, or that of each block."""
        return tuple(random_rotation(generator, size) for size in self._sizes)

    def shared_own(self) -> tuple[Tensor, ...] | None:
        """Draw the rotation that all instances share, if they do."""
        if not is_shared(self.problem, self.seed):
            return None
        return self.make_own(Generator().manual_seed(self.seed or 0))

    def to_original(self, theta: Tensor, own: tuple[Tensor, ...]) -> Tensor:
        """Compute Qφ: `[..., dimension]`."""
        return self._product(theta, own, "...ji,...j->...i")

    def from_original(self, theta: Tensor, own: tuple[Tensor, ...]) -> Tensor:
        """Compute Qᵀθ: `[..., dimension]`."""
        return self._product(theta, own, "...ij,...j->...i")

    def _product(self, theta: Tensor, matrices: tuple[Tensor, ...], formula: str) -> Tensor:
        blocks = theta.split(self._sizes, dim=-1)
        rotated = [torch.einsum(formula, *pair) for pair in zip(matrices, blocks, strict=True)]
        return torch.cat(rotated, dim=-1) if len(rotated) > 1 else rotated[0]

    @property
    def _sizes(self) -> list[int]:
        return [self.problem.layout.dimension] if self.within == "all" else self._block_sizes

    @property
    def _block_sizes(self) -> list[int]:
        return [math.prod(shape) for shape in self.problem.layout.blocks.values()]
