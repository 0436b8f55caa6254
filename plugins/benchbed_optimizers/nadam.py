"""NAdam (Dozat 2016)."""

import math
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle

LOG_DECAY_BASE = math.log(0.96)
"""Logarithm of the base of the momentum's warm-up in the paper."""


class NAdamState(NamedTuple):
    """Moments m and v, `[..., dimension]`; Πₜ, 0.96^(ψt) in float64 and 1 − β₂ᵗ, `[..., 1]`."""

    first_moment: Tensor
    second_moment: Tensor
    momentum_product: Tensor
    decay: Tensor
    second_correction: Tensor


def nadam(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 2e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    momentum_decay: Annotated[Hyperparameter, LogUniform(1e-4, 1.0)] = 4e-3,
) -> Optimizer[NAdamState]:
    """Build NAdam, Adam with Nesterov's momentum: θ ← θ − η (μₜ₊₁ m / (1 − Πₜ₊₁) + (1 − μₜ) g / (1 − Πₜ)) / (√v̂ + ε).

    The moments m, v and v̂ are Adam's. The momenta are μₜ = β₁ (1 − 0.96^(ψt) / 2), with Πₜ = μ₁ μ₂ … μₜ.
    `torch.optim.NAdam(lr=η, betas=(β₁, β₂), eps=ε, momentum_decay=ψ)` takes the same path (in
    float64 if that is torch's default type, in which it keeps Πₜ); the defaults are its.

    Source: Dozat (2016), Incorporating Nesterov Momentum into Adam,
    https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ.
    """

    def init(theta: Tensor) -> NAdamState:
        m, v, one = torch.zeros_like(theta), torch.zeros_like(theta), torch.ones_like(theta[..., :1])
        return NAdamState(m, v, one, torch.ones_like(one, dtype=torch.float64), torch.zeros_like(one))

    def update(oracle: Oracle, state: NAdamState, theta: Tensor) -> tuple[Tensor, NAdamState]:
        g = oracle.gradient
        # A compiled step computes the factor once, and no exponential; 10⁶ products in float64 round at 10⁻¹⁰.
        factor = torch.exp(LOG_DECAY_BASE * torch.as_tensor(momentum_decay, dtype=torch.float64))
        decay = state.decay * factor
        mu = beta1 * (1 - 0.5 * decay).to(theta.dtype)
        next_mu = beta1 * (1 - 0.5 * decay * factor).to(theta.dtype)
        product = state.momentum_product * mu
        m = beta1 * state.first_moment + (1 - beta1) * g
        v = beta2 * state.second_moment + (1 - beta2) * g.square()
        correction = beta2 * state.second_correction + (1 - beta2)
        direction = next_mu / (1 - product * next_mu) * m + (1 - mu) / (1 - product) * g
        theta = theta - learning_rate * direction / ((v / correction).sqrt() + epsilon)
        return theta, NAdamState(m, v, product, decay, correction)

    return Optimizer(init=init, update=update)
