"""Adafactor (Shazeer & Stern 2018)."""

import math
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, Optimizer, Oracle, Uniform

EPSILON = 1e-30
"""ε₁ of the paper, added to squared gradients."""


class AdafactorState(NamedTuple):
    """Row and column means of averaged g², block after block; blocks that are not matrices have all of it in `rows`."""

    rows: Tensor
    columns: Tensor


def adafactor(
    layout: Layout,
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    exponent: Annotated[Hyperparameter, Uniform(0.5, 1.0)] = 0.8,
    threshold: Annotated[Hyperparameter, LogUniform(0.1, 10.0)] = 1.0,
    smallest_scale: Annotated[Hyperparameter, LogUniform(1e-4, 1e-1)] = 1e-3,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
) -> Optimizer[AdafactorState]:
    """Build Adafactor: W ← (1 − η λ) W − α U / max(1, RMS(U) / d) for each block W, with U = G / √V.

    α = max(ε₂, RMS(W)) min(η, 1/√t) is relative to the block. V ← β V + (1 − β) (G² + ε₁) with β = 1 − t^−c; of a
    matrix only the row means R and column means C are kept, and V = R C / mean(R). In a block of more dimensions, such
    as a convolution, the last two are those of matrices. The steps t count from 1; `exponent` is c, `threshold` is d,
    and `smallest_scale` is ε₂.

    Source: Shazeer & Stern (2018), Adafactor: Adaptive Learning Rates with Sublinear Memory Cost,
    arXiv:1804.04235, with its defaults and without momentum.
    Deviations: η is 0.01 in the paper, which has no learning rate, and it has no decay; both are as in
    `torch.optim.Adafactor`. That class does not add ε₁, and bounds √V and mean(R) from below by the precision of the
    type, so that squared gradients below it, 10⁻⁷ in float32, are not normalized. `pytorch_optimizer.AdaFactor`
    ignores its learning rate and has momentum in bfloat16, unless told otherwise, and decays by α λ.
    """
    for name, value in (("exponent", exponent), ("threshold", threshold)):
        if isinstance(value, int | float) and value <= 0:
            raise ValueError(f"{name} is {value:g}; it must be above 0")
    shapes = list(layout.blocks.values())
    row_sizes = [math.prod(shape[:-1] if len(shape) > 1 else shape) for shape in shapes]
    column_sizes = [math.prod(shape) // shape[-2] if len(shape) > 1 else 0 for shape in shapes]

    def init(theta: Tensor) -> AdafactorState:
        return AdafactorState(
            *(theta.new_zeros((*theta.shape[:-1], sum(sizes))) for sizes in (row_sizes, column_sizes))
        )

    def update(oracle: Oracle, state: AdafactorState, theta: Tensor) -> tuple[Tensor, AdafactorState]:
        t = oracle.step + 1
        all_means = zip(state.rows.split(row_sizes, -1), state.columns.split(column_sizes, -1), strict=True)
        steps, rows, columns = [], [], []
        for shape, block, g, means in zip(
            shapes, layout.split(theta), layout.split(oracle.gradient), all_means, strict=True
        ):
            new_means = _means(g.square() + EPSILON, shape)
            row, column = (
                old + t**-exponent * (new - old) for old, new in zip(means, new_means, strict=True)
            )
            u = _normalized(g, row, column, shape)
            u = u / (_rms(u) / threshold).clamp(min=1.0)
            steps.append(_rms(block).clamp(min=smallest_scale) * u)
            rows.append(row)
            columns.append(column)
        theta = (1 - learning_rate * weight_decay) * theta
        theta = theta - (t**-0.5).clamp(max=learning_rate) * torch.cat(steps, -1)
        return theta, AdafactorState(torch.cat(rows, -1), torch.cat(columns, -1))

    return Optimizer(init=init, update=update)


def _means(squares: Tensor, shape: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return the row and column means of a block of matrices; of another block, all of it and nothing."""
    if len(shape) < 2:
        return squares, squares[..., :0]
    matrices = squares.unflatten(-1, (-1, *shape[-2:]))
    return matrices.mean(-1).flatten(-2), matrices.mean(-2).flatten(-2)


def _normalized(g: Tensor, row: Tensor, column: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return G / √V; the factors one after the other, because their product can underflow."""
    if len(shape) < 2:
        return g / row.sqrt()
    rows = row.unflatten(-1, (-1, shape[-2], 1))
    columns = column.unflatten(-1, (-1, 1, shape[-1]))
    matrices = g.unflatten(-1, (-1, *shape[-2:]))
    normalized: Tensor = matrices / (rows / rows.mean(-2, keepdim=True)).sqrt() / columns.sqrt()
    return normalized.flatten(-3)


def _rms(block: Tensor) -> Tensor:
    """Return the root mean square of blocks `[..., size]`: `[..., 1]`."""
    return block.square().mean(-1, keepdim=True).sqrt()
