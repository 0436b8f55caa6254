"""Adam: a bias-corrected average of gradients over the root of one of their squares."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class AdamState(NamedTuple):
    """Averages m and v of the gradient and its square, `[..., dimension]`, with 1 − β₁ᵗ and 1 − β₂ᵗ, `[..., 1]`."""

    first_moment: Tensor
    second_moment: Tensor
    first_weight: Tensor
    second_weight: Tensor


def adam(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
) -> Optimizer[AdamState]:
    """Step by θ ← θ − η m̂ / (√v̂ + ε), with m̂ = m/(1−β₁ᵗ), v̂ = v/(1−β₂ᵗ) and t counted from 1.

    The averages are m ← β₁ m + (1−β₁) g and v ← β₂ v + (1−β₂) g², both 0 at first.
    `torch.optim.Adam(lr=η, betas=(β₁, β₂), eps=ε)` takes the same path.

    Source: Kingma & Ba (2015), Adam: A Method for Stochastic Optimization, algorithm 1, arXiv:1412.6980.
    """
    # Once, not at each step: a number minus a tensor takes torch three times as long as two tensors do.
    rest1, rest2 = 1 - beta1, 1 - beta2

    def init(theta: Tensor) -> AdamState:
        none = torch.zeros_like(theta[..., :1])
        return AdamState(torch.zeros_like(theta), torch.zeros_like(theta), none, none)

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        first = beta1 * state.first_moment + rest1 * oracle.gradient
        second = beta2 * state.second_moment + rest2 * oracle.gradient.square()
        # 1 − βᵗ is the sum of the weights that an average gave to gradients: so it needs no power, and loses no digits
        # to the 1.
        first_weight = beta1 * state.first_weight + rest1
        second_weight = beta2 * state.second_weight + rest2
        # Numerator and denominator times 1 − β₁ᵗ: what is left to divide by is `[..., 1]`, once.
        scale = first_weight.square() / second_weight
        length = (second * scale).sqrt() + epsilon * first_weight
        moved = theta - learning_rate * first / length
        return moved, AdamState(first, second, first_weight, second_weight)

    return Optimizer(init=init, update=update)
