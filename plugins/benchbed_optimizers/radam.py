"""RAdam (Liu et al. 2020)."""

from typing import Annotated

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam

SHORTEST = 5.0
"""Length of the average at which the variance of the adaptive rate is small enough to use it."""


def radam(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
) -> Optimizer[AdamState]:
    """Build RAdam: θ ← θ − η m̂ while ρₜ ≤ 5, and then θ ← θ − η rₜ m̂ √(1 − β₂ᵗ) / (√v + ε).

    The moments m, m̂ and v are Adam's, ρ∞ = 2 / (1 − β₂) − 1 and ρₜ = ρ∞ − 2 t β₂ᵗ / (1 − β₂ᵗ), and
    rₜ² = (ρₜ − 4)(ρₜ − 2) ρ∞ / ((ρ∞ − 4)(ρ∞ − 2) ρₜ). `torch.optim.RAdam(lr=η, betas=(β₁, β₂), eps=ε)` takes the same
    path.

    Source: Liu et al. (2020), On the Variance of the Adaptive Learning Rate and Beyond, algorithm 2, arXiv:1908.03265.
    Deviation: the paper has ρₜ > 4 and no ε; here they are as in the authors' code and in torch.
    """
    base = adam(learning_rate, beta1, beta2, epsilon)

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        _, state = base.update(oracle, state, theta)
        correction = state.second_correction
        longest = 2 / (1 - beta2) - 1
        rho = longest - 2 * (oracle.step + 1) * (1 - correction) / correction
        is_long = (rho > SHORTEST) & (
            oracle.step >= SHORTEST
        )  # ρₜ < t, which float32 may round up to 5 at t = 5
        safe = torch.where(is_long, rho, SHORTEST)
        rectification = (
            (safe - 4) * (safe - 2) * longest / ((longest - 4) * (longest - 2) * safe) * correction
        ).sqrt()
        m_hat = state.first_moment / state.first_correction
        adaptive = rectification / (state.second_moment.sqrt() + epsilon)
        return theta - learning_rate * m_hat * torch.where(is_long, adaptive, 1.0), state

    return Optimizer(init=base.init, update=update)
