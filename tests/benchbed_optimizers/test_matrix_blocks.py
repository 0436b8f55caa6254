"""The blocks of a layout that are matrices."""

import torch

from benchbed.interfaces import Layout
from benchbed_optimizers.matrix_blocks import MatrixBlocks, flatten, outer_products

LAYOUT = Layout({"scale": (), "wide": (3, 5), "bias": (3,), "kernel": (2, 3, 2)})
BLOCKS = MatrixBlocks(LAYOUT)
THETA = torch.randn(2, 4, LAYOUT.dimension, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_merge_inverts_split():
    """Coordinates return to their places."""
    of_matrices, of_others = BLOCKS.split(THETA)
    assert (of_matrices.shape, of_others.shape) == ((2, 4, 27), (2, 4, 4))
    assert torch.equal(BLOCKS.merge(of_matrices, of_others), THETA)


def test_matrices_are_the_blocks_of_the_layout():
    """The rows of a kernel are its first dimension."""
    of_matrices, _ = BLOCKS.split(THETA)
    matrices, views = BLOCKS.matrices(of_matrices), LAYOUT.views(THETA)
    assert torch.equal(matrices[0], views["wide"])
    assert torch.equal(matrices[1], views["kernel"].reshape(2, 4, 2, 6))
    assert torch.equal(flatten(matrices), of_matrices)


def test_factors_are_on_both_sides_of_each_matrix():
    """Outer products and identities are such factors."""
    matrices = BLOCKS.matrices(BLOCKS.split(THETA)[0])
    products, identities = BLOCKS.factors(outer_products(matrices)), BLOCKS.factors(BLOCKS.identities(THETA))
    for matrix, outer, eyes in zip(matrices, products, identities, strict=True):
        assert torch.equal(outer[0], matrix @ matrix.mT)
        assert torch.equal(outer[1], matrix.mT @ matrix)
        assert torch.equal(eyes[0] @ matrix @ eyes[1], matrix)
