"""The blocks of a layout that are matrices, for the optimizers of matrices."""

from collections.abc import Iterable

import torch
from torch import Tensor

from benchbed.interfaces import Layout


class MatrixBlocks:
    """The blocks with at least two dimensions as matrices `[..., rows, columns]`, apart from the other blocks.

    The rows of a block with more dimensions, such as a convolution, are its first dimension.
    """

    def __init__(self, layout: Layout) -> None:
        self._blocks = [(torch.Size(shape).numel(), len(shape) > 1) for shape in layout.blocks.values()]
        matrices = [shape for shape in layout.blocks.values() if len(shape) > 1]
        self.shapes = [(shape[0], torch.Size(shape[1:]).numel()) for shape in matrices]
        """Rows and columns of each matrix."""

    def split(self, vector: Tensor) -> tuple[Tensor, Tensor]:
        """Return the coordinates of the matrices and those of the other blocks, of a vector `[..., dimension]`."""
        blocks = vector.split([size for size, _ in self._blocks], dim=-1)
        parts: dict[bool, list[Tensor]] = {True: [vector[..., :0]], False: [vector[..., :0]]}
        for block, (_, is_matrix) in zip(blocks, self._blocks, strict=True):
            parts[is_matrix].append(block)
        return torch.cat(parts[True], dim=-1), torch.cat(parts[False], dim=-1)

    def merge(self, of_matrices: Tensor, of_others: Tensor) -> Tensor:
        """Return the vector `[..., dimension]` that `split` splits."""
        rest = {True: of_matrices, False: of_others}
        parts = []
        for size, is_matrix in self._blocks:
            parts.append(rest[is_matrix][..., :size])
            rest[is_matrix] = rest[is_matrix][..., size:]
        return torch.cat(parts, dim=-1)

    def matrices(self, of_matrices: Tensor) -> list[Tensor]:
        """Return the matrices `[..., rows, columns]` with these coordinates."""
        parts = of_matrices.split([rows * columns for rows, columns in self.shapes], dim=-1)
        return [
            part.reshape(*part.shape[:-1], *shape) for part, shape in zip(parts, self.shapes, strict=True)
        ]

    def factors(self, of_factors: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Return a square matrix for the left and one for the right of each matrix, with these coordinates."""
        sizes = [size for shape in self.shapes for size in shape]
        parts = of_factors.split([size * size for size in sizes], dim=-1)
        squares = [
            part.reshape(*part.shape[:-1], size, size) for part, size in zip(parts, sizes, strict=True)
        ]
        return list(zip(squares[::2], squares[1::2], strict=True))

    def multiply(self, factors: Iterable[tuple[Tensor, Tensor]], vector: Tensor) -> Tensor:
        """Multiply each matrix in a vector `[..., dimension]` by its factors, from the left and from the right."""
        of_matrices, of_others = self.split(vector)
        pairs = zip(factors, self.matrices(of_matrices), strict=True)
        return self.merge(flatten(left @ matrix @ right for (left, right), matrix in pairs), of_others)

    def identities(self, theta: Tensor) -> Tensor:
        """Return the coordinates of factors that are identities, for lanes and the type of theta `[..., dimension]`."""
        eyes = [
            torch.eye(size, dtype=theta.dtype, device=theta.device) for shape in self.shapes for size in shape
        ]
        return flatten([eye.expand(*theta.shape[:-1], *eye.shape) for eye in eyes])


def flatten(matrices: Iterable[Tensor]) -> Tensor:
    """Return the coordinates of matrices `[..., rows, columns]`, side by side."""
    return torch.cat([matrix.flatten(-2) for matrix in matrices], dim=-1)


def outer_products(matrices: Iterable[Tensor]) -> Tensor:
    """Return the coordinates of G Gᵀ and Gᵀ G of each matrix G, as factors."""
    return flatten(product for g in matrices for product in (g @ g.mT, g.mT @ g))


def check_frequency(frequency: int) -> None:
    """Raise ValueError unless the steps between two computations of factors are at least 1."""
    if frequency < 1:
        raise ValueError(f"frequency is {frequency}; must be at least 1")
