"""Adam (Kingma & Ba 2015)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class AdamState(NamedTuple):
    """Moments m and v, `[..., dimension]`, and their bias corrections 1 − β₁ᵗ and 1 − β₂ᵗ, `[..., 1]`."""

    first_moment: Tensor
    second_moment: Tensor
    first_correction: Tensor
    second_correction: Tensor


def adam(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
) -> Optimizer[AdamState]:
    """Build Adam: θ ← θ − η m̂ / (√v̂ + ε), with m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ).

    The steps t count from 1. The moments are m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g², both 0 at first.
    `torch.optim.Adam(lr=η, betas=(β₁, β₂), eps=ε)` takes the same path.

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1, arXiv:1412.6980.
    """

    def init(theta: Tensor) -> AdamState:
        m, v = torch.zeros_like(theta), torch.zeros_like(theta)
        correction = torch.zeros_like(theta[..., :1])
        return AdamState(m, v, correction, correction.clone())

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        g = oracle.gradient
        m = beta1 * state.first_moment + (1 - beta1) * g
        v = beta2 * state.second_moment + (1 - beta2) * g.square()
        # 1 − βᵗ by the recursion of the moments: no power to compute, and no cancellation in float32.
        correction1 = beta1 * state.first_correction + (1 - beta1)
        correction2 = beta2 * state.second_correction + (1 - beta2)
        m_hat = m / correction1
        v_hat = v / correction2
        theta = theta - learning_rate * m_hat / (v_hat.sqrt() + epsilon)
        return theta, AdamState(m, v, correction1, correction2)

    return Optimizer(init=init, update=update)
