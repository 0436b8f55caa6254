"""Prodigy (Mishchenko & Defazio 2024)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class ProdigyState(NamedTuple):
    """Moments m and v, weighted gradients s, and the start, `[..., dimension]`; distance d and r, `[..., 1]`."""

    first_moment: Tensor
    second_moment: Tensor
    weighted_gradients: Tensor
    start: Tensor
    distance: Tensor
    inner_products: Tensor


def prodigy(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1.0,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
    initial_distance: Annotated[Hyperparameter, LogUniform(1e-8, 1e-2)] = 1e-6,
) -> Optimizer[ProdigyState]:
    """Build Prodigy: θ ← θ − η d (m / (√v + d ε) + λ θ), Adam with an estimate d of the distance to the minimum.

    m ← β₁ m + (1 − β₁) d g and v ← β₂ v + (1 − β₂) d² g² start at 0 and are not corrected. The estimate begins at
    `initial_distance`, and d ← max(d, r / ‖s‖₁) after each step, with r ← √β₂ r + (1 − √β₂) η d² ⟨g, θ₀ − θ⟩ and
    s ← √β₂ s + (1 − √β₂) η d² g. It is one number for all coordinates of a trial.

    Source: Mishchenko & Defazio (2024), Prodigy: An Expeditiously Adaptive Parameter-Free Learner,
    arXiv:2306.06101, with the decoupled decay and the defaults of the authors' code.
    `pytorch_optimizer.Prodigy(lr=η, betas=(β₁, β₂), eps=ε, d0=initial_distance)` multiplies ε by the next d, so
    that ε is larger than in the paper when d jumps, and keeps r and ‖s‖₁ in torch's default dtype.
    """
    if isinstance(initial_distance, int | float) and initial_distance <= 0:
        raise ValueError(
            f"initial_distance is {initial_distance:g}; it must be above 0, since no step would be taken"
        )

    def init(theta: Tensor) -> ProdigyState:
        m, v, s = (torch.zeros_like(theta) for _ in range(3))
        r = torch.zeros_like(theta[..., :1])
        return ProdigyState(m, v, s, theta.clone(), r + initial_distance, r)

    def update(oracle: Oracle, state: ProdigyState, theta: Tensor) -> tuple[Tensor, ProdigyState]:
        g, d, beta3 = oracle.gradient, state.distance, beta2**0.5
        m = beta1 * state.first_moment + (1 - beta1) * d * g
        v = beta2 * state.second_moment + (1 - beta2) * (d * g).square()
        weight = (1 - beta3) * learning_rate * d.square()
        descent = (g * (state.start - theta)).sum(-1, keepdim=True)
        r = beta3 * state.inner_products + weight * descent
        s = beta3 * state.weighted_gradients + weight * g
        total = s.abs().sum(-1, keepdim=True)
        estimate = r / torch.where(total > 0, total, 1.0)  # 0 while all gradients have been 0
        direction = m / (v.sqrt() + d * epsilon) + weight_decay * theta
        theta = theta - learning_rate * d * direction
        return theta, ProdigyState(m, v, s, state.start, torch.maximum(d, estimate), r)

    return Optimizer(init=init, update=update)
