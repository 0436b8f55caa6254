"""AdEMAMix (Pagliardini et al. 2024)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam


class AdEMAMixState(NamedTuple):
    """The state of Adam, and the slow average of the gradients, `[..., dimension]`."""

    first_moment: Tensor
    second_moment: Tensor
    first_correction: Tensor
    second_correction: Tensor
    slow_moment: Tensor


def ademamix(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    beta3: Annotated[Hyperparameter, OneMinusLogUniform(1e-5, 1e-1)] = 0.9999,
    alpha: Annotated[Hyperparameter, LogUniform(0.1, 20)] = 5.0,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
) -> Optimizer[AdEMAMixState]:
    """Build AdEMAMix: θ ← θ − η ((m̂₁ + α m₂) / (√v̂ + ε) + λ θ), Adam with a second, slow average m₂.

    m₂ ← β₃ m₂ + (1 − β₃) g starts at 0 and is not corrected; m̂₁ and v̂ are Adam's.

    Source: Pagliardini, Ablin & Grangier (2024), The AdEMAMix Optimizer: Better, Faster, Older, algorithm 1,
    arXiv:2409.03137, without its optional warm-ups of α and β₃; the default α is the smallest of its language models.
    """
    base = adam(learning_rate, beta1, beta2, epsilon)

    def init(theta: Tensor) -> AdEMAMixState:
        return AdEMAMixState(*base.init(theta), torch.zeros_like(theta))

    def update(oracle: Oracle, state: AdEMAMixState, theta: Tensor) -> tuple[Tensor, AdEMAMixState]:
        _, adam_state = base.update(oracle, AdamState(*state[:4]), theta)
        slow = beta3 * state.slow_moment + (1 - beta3) * oracle.gradient
        m_hat = adam_state.first_moment / adam_state.first_correction
        v_hat = adam_state.second_moment / adam_state.second_correction
        direction = (m_hat + alpha * slow) / (v_hat.sqrt() + epsilon)
        return theta - learning_rate * (direction + weight_decay * theta), AdEMAMixState(*adam_state, slow)

    return Optimizer(init=init, update=update)
