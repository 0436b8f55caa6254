"""Muon (Jordan et al. 2024), with AdamW for blocks that are not matrices."""

import math
from typing import Annotated, Any, Literal, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState
from benchbed_optimizers.adamw import adamw
from benchbed_optimizers.matrix_blocks import MatrixBlocks, flatten

COEFFICIENTS = (3.4445, -4.7750, 2.0315)
"""Those of the quintic iteration, which moves singular values of at least 0.002 ‖G‖ into [0.68, 1.21]."""
ITERATIONS = 5
SAFE = 1e-7
"""Added to the norm before the iteration."""
RMS = 0.2
"""Root mean square of the steps with `scaling=rms`, that of typical steps of AdamW."""


class MuonState(NamedTuple):
    """The momentum of the matrices, `[..., their coordinates]`, and the state of AdamW for the other blocks."""

    momentum: Tensor
    first_moment: Tensor
    second_moment: Tensor
    first_correction: Tensor
    second_correction: Tensor


def muon(
    layout: Layout,
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 2e-2,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.95,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
    scaling: Literal["shape", "rms"] = "shape",
    others_rate: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 1.5e-2,
) -> Optimizer[Any]:
    """Build Muon: W ← W − η s NS(G + β M) − η λ W, with the momentum M ← β M + G, for each matrix W with gradient G.

    NS replaces all singular values of a matrix by numbers near 1, by five steps of Newton and Schulz,
    X ← a X + (b X Xᵀ + c (X Xᵀ)²) X, from X = G / ‖G‖. The factor s of a matrix of r rows and c columns is
    √max(1, r/c) with `scaling=shape`, and 0.2 √max(r, c) with `scaling=rms`. A block of more dimensions, such as a
    convolution, is a matrix whose rows are its first dimension. Blocks of fewer take the steps of AdamW with the
    learning rate `others_rate` η. Arithmetic is in the type of θ, where `torch.optim.Muon` iterates in bfloat16.

    Source: Jordan et al. (2024), Muon: An optimizer for hidden layers in neural networks,
    https://kellerjordan.github.io/posts/muon, with its coefficients; the default rates, 0.02 and 3·10⁻⁴, are those of
    its code. `scaling=rms`: Liu et al. (2025), Muon is Scalable for LLM Training, equation 4, arXiv:2502.16982, where
    `others_rate` is 1.
    """
    base = adamw(learning_rate * others_rate, weight_decay=weight_decay)
    blocks = MatrixBlocks(layout)
    if not blocks.shapes:
        return base

    def init(theta: Tensor) -> MuonState:
        of_matrices, of_others = blocks.split(theta)
        return MuonState(torch.zeros_like(of_matrices), *base.init(of_others))

    def update(oracle: Oracle, state: MuonState, theta: Tensor) -> tuple[Tensor, MuonState]:
        of_matrices, of_others = blocks.split(theta)
        gradient, _ = blocks.split(oracle.gradient)
        momentum = beta * state.momentum + gradient
        directions = blocks.matrices(gradient + beta * momentum)
        steps = flatten(
            [_scale(scaling, *matrix.shape[-2:]) * _orthogonalized(matrix) for matrix in directions]
        )
        of_matrices = of_matrices - learning_rate * (steps + weight_decay * of_matrices)
        others_oracle = oracle.map(lambda g: blocks.split(g)[1])
        of_others, adam_state = base.update(others_oracle, AdamState(*state[1:]), of_others)
        return blocks.merge(of_matrices, of_others), MuonState(momentum, *adam_state)

    return Optimizer(init=init, update=update)


def _scale(scaling: str, rows: int, columns: int) -> float:
    """Return the factor of the steps of a matrix."""
    return RMS * math.sqrt(max(rows, columns)) if scaling == "rms" else math.sqrt(max(1.0, rows / columns))


def _orthogonalized(matrix: Tensor) -> Tensor:
    """Return the Newton–Schulz iteration of matrices `[..., rows, columns]`."""
    a, b, c = COEFFICIENTS
    is_tall = matrix.shape[-2] > matrix.shape[-1]
    x = matrix.transpose(-2, -1) if is_tall else matrix
    x = x / (x.square().sum((-2, -1), keepdim=True).sqrt() + SAFE)
    for _ in range(ITERATIONS):
        gram = x @ x.transpose(-2, -1)
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.transpose(-2, -1) if is_tall else x
