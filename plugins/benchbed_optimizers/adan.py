"""Adan (Xie et al. 2022)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class AdanState(NamedTuple):
    """Averages m, d and n, and the last gradient, `[..., dimension]`; 1 − βᵢᵗ for each of them, `[..., 1]`."""

    momentum: Tensor
    difference: Tensor
    second_moment: Tensor
    last_gradient: Tensor
    momentum_correction: Tensor
    difference_correction: Tensor
    second_correction: Tensor


def adan(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.98,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.92,
    beta3: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.99,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
) -> Optimizer[AdanState]:
    """Build Adan: θ ← (θ − η (m̂ + β₂ d̂) / (√n̂ + ε)) / (1 + η λ), Adam with an average of gradient differences.

    With δ = g − (the last g), 0 in the first step: m ← β₁ m + (1 − β₁) g, d ← β₂ d + (1 − β₂) δ,
    n ← β₃ n + (1 − β₃) (g + β₂ δ)², corrected for their start at 0 as Adam's.

    Source: Xie et al. (2022), Adan: Adaptive Nesterov Momentum Algorithm for Faster Optimizing Deep Models,
    arXiv:2208.06677.
    Deviation: the paper writes 1 − βᵢ for βᵢ and has no corrections; both are here as in the authors' code, whose
    defaults these are.
    """

    def init(theta: Tensor) -> AdanState:
        zero, correction = torch.zeros_like(theta), torch.zeros_like(theta[..., :1])
        return AdanState(*(zero.clone() for _ in range(4)), *(correction.clone() for _ in range(3)))

    def update(oracle: Oracle, state: AdanState, theta: Tensor) -> tuple[Tensor, AdanState]:
        g = oracle.gradient
        delta = torch.where(oracle.step == 0, 0.0, g - state.last_gradient)
        m = beta1 * state.momentum + (1 - beta1) * g
        d = beta2 * state.difference + (1 - beta2) * delta
        n = beta3 * state.second_moment + (1 - beta3) * (g + beta2 * delta).square()
        correction1 = beta1 * state.momentum_correction + (1 - beta1)
        correction2 = beta2 * state.difference_correction + (1 - beta2)
        correction3 = beta3 * state.second_correction + (1 - beta3)
        direction = m / correction1 + beta2 * d / correction2
        theta = theta - learning_rate * direction / ((n / correction3).sqrt() + epsilon)
        theta = theta / (1 + learning_rate * weight_decay)
        return theta, AdanState(m, d, n, g, correction1, correction2, correction3)

    return Optimizer(init=init, update=update)
