"""The blocks of a layout that are matrices."""

import pytest
import torch

from benchbed.interfaces import Layout
from benchbed_optimizers.matrix_blocks import MatrixBlocks, flatten, outer_products
from benchbed_optimizers.muon import muon
from benchbed_optimizers.shampoo import shampoo
from benchbed_optimizers.soap import soap

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


@pytest.mark.parametrize("rule", [muon, shampoo, soap], ids=lambda rule: rule.__name__)
def test_a_trial_that_diverges_does_not_affect_others(rule, oracle_of):
    """Its gradient is infinite or NaN, of which decompositions may raise; the other trial moves as alone."""
    layout = Layout({"weight": (3, 2), "bias": (2,)})
    gradient = torch.linspace(-1, 1, layout.dimension, dtype=torch.float64)
    theta, optimizer = torch.zeros_like(gradient), rule(layout)
    alone, _ = optimizer.update(oracle_of(gradient), optimizer.init(theta), theta)
    for value in (torch.inf, torch.nan):
        both, gradients = theta.expand(2, -1), torch.stack([gradient, torch.full_like(gradient, value)])
        moved, state = optimizer.update(oracle_of(gradients), optimizer.init(both), both)
        torch.testing.assert_close(moved[0], alone, rtol=1e-12, atol=1e-12)
        assert not moved[1].isfinite().any()
        again, _ = optimizer.update(oracle_of(gradients), state, moved)
        assert again[0].isfinite().all()
