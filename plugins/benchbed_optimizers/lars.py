"""LARS (You et al. 2017)."""

from typing import Annotated

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.momentum import MomentumState, momentum

TRUST = 1e-3
"""The trust coefficient, which multiplies the learning rate of every block that is not 0."""


def lars(
    layout: Layout,
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1.0,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
) -> Optimizer[MomentumState]:
    """Build LARS: momentum m ← β m + η r (g + λ θ), θ ← θ − m, with a trust ratio r for each block of the layout.

    r = 0.001 ‖θ‖ / (‖g‖ + λ ‖θ‖) with the norms of the block, and m = 0 at first. The default η changes the norm of a
    block by at most 0.001 of it in the first step.

    Source: You, Gitman & Ginsburg (2017), Large Batch Training of Convolutional Networks, algorithm 1,
    arXiv:1708.03888, with its trust coefficient and β; it tunes η and λ.
    Deviation: r is 1 for a block whose norm or denominator is 0, as in implementations; by the formula a block that
    starts at 0 would stay there. `pytorch_optimizer.LARS` has r = 1 and no decay for all blocks of fewer than two
    dimensions, and multiplies m by the current η, which is another rule under a schedule.
    """

    def update(oracle: Oracle, state: MomentumState, theta: Tensor) -> tuple[Tensor, MomentumState]:
        directions = []
        for block, g in zip(layout.split(theta), layout.split(oracle.gradient), strict=True):
            norm = block.norm(dim=-1, keepdim=True)
            denominator = g.norm(dim=-1, keepdim=True) + weight_decay * norm
            is_defined = (norm > 0) & (denominator > 0)
            ratio = torch.where(is_defined, TRUST * norm / denominator, 1.0)
            directions.append(ratio * (g + weight_decay * block))
        m = beta * state.momentum + learning_rate * torch.cat(directions, dim=-1)
        return theta - m, MomentumState(m)

    return Optimizer(init=momentum().init, update=update)
