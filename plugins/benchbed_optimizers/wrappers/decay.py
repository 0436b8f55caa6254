"""Decoupled weight decay."""

from typing import Annotated, Any, Literal

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, Optimizer, Oracle


def decay(
    optimizer: Optimizer[Any],
    layout: Layout,
    learning_rate: Hyperparameter,
    weight: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 1e-2,
    blocks: Literal["all", "matrices"] = "all",
) -> Optimizer[Any]:
    """Add a decay to each step: θ ← (the next θ) − η λ θ, with λ the parameter `weight` and η the learning rate.

    `blocks=matrices` leaves out the blocks of the problem with less than two dimensions, such as biases.

    Source: Loshchilov & Hutter (2019), Decoupled Weight Decay Regularization, algorithm 1, arXiv:1711.05101, with η
    in the decay as in torch.
    """

    def update(oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        moved, state = optimizer.update(oracle, state, theta)
        decayed = theta if blocks == "all" else theta * _of_matrices(layout, theta)
        return moved - learning_rate * weight * decayed, state

    return optimizer._replace(update=update)


def _of_matrices(layout: Layout, theta: Tensor) -> Tensor:
    """Return 1 for the coordinates of matrices, and 0 for the others: `[dimension]`."""
    parts = [
        torch.full(
            (torch.Size(shape).numel(),), float(len(shape) > 1), dtype=theta.dtype, device=theta.device
        )
        for shape in layout.blocks.values()
    ]
    return torch.cat(parts)
