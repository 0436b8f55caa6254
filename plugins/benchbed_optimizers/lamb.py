"""LAMB (You et al. 2020)."""

from typing import Annotated

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, Layout, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam


def lamb(
    layout: Layout,
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-6,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
    bias_correction: bool = True,
) -> Optimizer[AdamState]:
    """Build LAMB: θ ← θ − η ‖θ‖ / ‖u‖ u with Adam's step u = m̂ / (√v̂ + ε) + λ θ and the norms of each block.

    So η is the length of a step relative to the block. With `bias_correction=false`, m and v replace m̂ and v̂.

    Source: You et al. (2020), Large Batch Optimization for Deep Learning: Training BERT in 76 minutes, algorithm 2
    with φ(z) = z, arXiv:1904.00962; its defaults, with the usual η of implementations and λ = 0.
    Deviation: the ratio is 1 for a block with θ = 0 or u = 0, as in implementations; by the formula a block that
    starts at 0 would stay there. `pytorch_optimizer.Lamb` corrects neither moment but divides η by 1 − β₁ᵗ (unless
    `adam_debias`), bounds ‖θ‖ by 10, adds ε to ‖u‖, and by default subtracts η λ θ before the norms are computed.
    """
    base = adam(learning_rate, beta1, beta2, epsilon)

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        _, state = base.update(oracle, state, theta)
        m, v = state.first_moment, state.second_moment
        if bias_correction:
            m, v = m / state.first_correction, v / state.second_correction
        steps = []
        for block, u in zip(
            layout.split(theta), layout.split(m / (v.sqrt() + epsilon) + weight_decay * theta), strict=True
        ):
            block_norm, u_norm = block.norm(dim=-1, keepdim=True), u.norm(dim=-1, keepdim=True)
            ratio = torch.where((block_norm > 0) & (u_norm > 0), block_norm / u_norm, 1.0)
            steps.append(ratio * u)
        return theta - learning_rate * torch.cat(steps, dim=-1), state

    return Optimizer(init=base.init, update=update)
