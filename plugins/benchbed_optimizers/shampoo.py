"""Shampoo (Gupta, Koren & Singer 2018), with AdaGrad for blocks that are not matrices."""

from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, Optimizer, Oracle
from benchbed_optimizers.adagrad import AdaGradState, adagrad
from benchbed_optimizers.matrix_blocks import MatrixBlocks, check_frequency, flatten, outer_products


class ShampooState(NamedTuple):
    """Sums L and R of all matrices and their roots, `[..., Σ (rows² + columns²)]`, and AdaGrad's of other blocks."""

    statistics: Tensor
    roots: Tensor
    sum_of_squares: Tensor


def shampoo(
    layout: Layout,
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-1,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1.0)] = 1e-4,
    frequency: int = 1,
) -> Optimizer[Any]:
    """Build Shampoo: W ← W − η (ε I + L)^(−1/4) G (ε I + R)^(−1/4) for each matrix W with gradient G.

    L ← L + G Gᵀ and R ← R + Gᵀ G are 0 at first. The roots are computed from eigenvalues and eigenvectors, in each step
    whose number, counted from 0, is a multiple of `frequency`. A block of more dimensions, such as a convolution, is a
    matrix whose rows are its first dimension. Blocks of fewer take the steps of AdaGrad, which is Shampoo with diagonal
    matrices.

    Source: Gupta, Koren & Singer (2018), Shampoo: Preconditioned Stochastic Tensor Optimization, algorithm 1,
    arXiv:1802.09568. The defaults are those of an early implementation in PyTorch,
    https://github.com/moskomule/shampoo.pytorch.
    Deviation: for tensors, the paper has a factor for each dimension, with the root of order twice their number. So has
    `pytorch_optimizer.Shampoo`, also for vectors; on matrices it takes the same path if `frequency` is 1, and with a
    larger one it does not move before it computes its first roots.
    """
    check_frequency(frequency)
    base = adagrad(learning_rate)
    blocks = MatrixBlocks(layout)
    if not blocks.shapes:
        return base

    def init(theta: Tensor) -> ShampooState:
        zeros = torch.zeros_like(blocks.identities(theta))
        return ShampooState(zeros, zeros.clone(), *base.init(blocks.split(theta)[1]))

    def update(oracle: Oracle, state: ShampooState, theta: Tensor) -> tuple[Tensor, ShampooState]:
        is_due = oracle.step % frequency == 0
        of_matrices, of_others = blocks.split(theta)
        gradients = blocks.matrices(blocks.split(oracle.gradient)[0])
        statistics = state.statistics + outer_products(gradients)
        new_roots = flatten(
            _inverse_fourth_root(factor, epsilon) for pair in blocks.factors(statistics) for factor in pair
        )
        roots = torch.where(is_due, new_roots, state.roots)
        pairs = zip(gradients, blocks.factors(roots), strict=True)
        steps = flatten(left @ gradient @ right for gradient, (left, right) in pairs)
        others_oracle = oracle.map(lambda g: blocks.split(g)[1])
        of_others, others_state = base.update(others_oracle, AdaGradState(state.sum_of_squares), of_others)
        theta = blocks.merge(of_matrices - learning_rate * steps, of_others)
        return theta, ShampooState(statistics, roots, *others_state)

    return Optimizer(init=init, update=update)


def _inverse_fourth_root(factor: Tensor, epsilon: Hyperparameter) -> Tensor:
    """Return (ε I + L)^(−1/4) of a positive semidefinite L, which does not depend on the choice of eigenvectors."""
    # eigh raises an error for the whole batch if one trial has diverged.
    is_finite = factor.isfinite().all(-1, keepdim=True).all(-2, keepdim=True)
    eigenvalues, vectors = torch.linalg.eigh(torch.where(is_finite, factor, 0.0))
    roots = (eigenvalues.clamp(min=0) + epsilon) ** -0.25
    return torch.where(is_finite, (vectors * roots.unsqueeze(-2)) @ vectors.mT, torch.nan)
