"""ADOPT (Taniguchi et al. 2024)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class AdoptState(NamedTuple):
    """The momentum m of normalized gradients, and the average v of squared gradients, `[..., dimension]`."""

    momentum: Tensor
    second_moment: Tensor


def adopt(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-5, 1e-1)] = 0.9999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-6,
) -> Optimizer[AdoptState]:
    """Build ADOPT: m ← β₁ m + (1 − β₁) clip(g / max(√v, ε), t^¼), θ ← θ − η m, and then v ← β₂ v + (1 − β₂) g².

    The first step only sets v to g²; t counts the further steps from 1 and m is 0 at first. The current gradient is not
    part of the v that divides it, so that any β₂ converges.

    Source: Taniguchi et al. (2024), ADOPT: Modified Adam Can Converge with Any β₂ with the Optimal Rate, algorithm 2,
    arXiv:2411.02853, with its clipping and its defaults. `pytorch_optimizer.ADOPT` counts t from 2.
    """

    def update(oracle: Oracle, state: AdoptState, theta: Tensor) -> tuple[Tensor, AdoptState]:
        g, t = oracle.gradient, oracle.step
        bound = t.sqrt().sqrt()  # t^¼; 0 in the first step, which then does not move
        normalized = g / torch.maximum(state.second_moment.sqrt(), epsilon + torch.zeros_like(g))
        m = beta1 * state.momentum + (1 - beta1) * torch.minimum(torch.maximum(normalized, -bound), bound)
        v = torch.where(t == 0, g.square(), beta2 * state.second_moment + (1 - beta2) * g.square())
        return theta - learning_rate * m, AdoptState(m, v)

    return Optimizer(
        init=lambda theta: AdoptState(torch.zeros_like(theta), torch.zeros_like(theta)), update=update
    )
