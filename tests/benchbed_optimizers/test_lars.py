"""The path of lars."""

import pytest
import torch

from benchbed.interfaces import Layout
from benchbed_optimizers.lars import lars

SETTINGS = [
    {"learning_rate": 1.0, "beta": 0.9, "weight_decay": 0.0},
    {"learning_rate": 10.0, "beta": 0.5, "weight_decay": 0.1},
    {"learning_rate": 0.1, "beta": 0.99, "weight_decay": 1.0},
]


class LarsOnMatrices:
    """`pytorch_optimizer.LARS` on blocks as matrices of one row, because it applies no trust ratio to vectors."""

    def __init__(self, blocks, setting):
        package = pytest.importorskip("pytorch_optimizer")
        self.blocks = blocks
        self.rows = [torch.nn.Parameter(block.detach().view(1, -1)) for block in blocks]  # the same memory
        self.optimizer = package.LARS(
            self.rows,
            lr=setting["learning_rate"],
            momentum=setting["beta"],
            weight_decay=setting["weight_decay"],
        )

    def zero_grad(self):
        for block in self.blocks:
            block.grad = None

    def step(self):
        for block, row in zip(self.blocks, self.rows, strict=True):
            row.grad = block.grad.reshape(row.shape)
        self.optimizer.step()


def test_the_path_equals_its_reference(assert_same_path_as_torch):
    """That of `pytorch_optimizer.LARS`, with a trust ratio for every block."""
    assert_same_path_as_torch(lars, SETTINGS, LarsOnMatrices)


def test_a_block_at_the_origin_moves(oracle_of):
    """With a ratio of 1; by the formula it would stay there. The other block moves in proportion to its norm."""
    optimizer = lars(Layout({"bias": (2,), "weight": (2, 2)}), learning_rate=0.5)
    theta = torch.tensor([0.0, 0.0, 1.0, 1.0, 1.0, 1.0], dtype=torch.float64)
    gradient = torch.tensor([1.0, -1.0, 2.0, 2.0, -2.0, -2.0], dtype=torch.float64)
    moved, _ = optimizer.update(oracle_of(gradient), optimizer.init(theta), theta)
    steps = torch.tensor([0.5, -0.5, *(5e-4 * gradient[2:] / 2)], dtype=torch.float64)
    torch.testing.assert_close(theta - moved, steps, rtol=1e-12, atol=0)


def test_a_trial_at_rest_stays_finite(oracle_of):
    """Where the gradient and the block are 0."""
    optimizer = lars(Layout({"theta": (2,)}))
    theta = torch.zeros(2)
    moved, _ = optimizer.update(oracle_of(theta), optimizer.init(theta), theta)
    assert torch.equal(moved, theta)
