"""LaProp (Ziyin, Wang & Ueda 2020)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam


def laprop(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 4e-4,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-15, 1e-3)] = 1e-15,
) -> Optimizer[AdamState]:
    """Build LaProp: θ ← θ − η m̂, where m averages the normalized gradients, m ← β₁ m + (1 − β₁) g / (√v̂ + ε).

    v̂ is Adam's, and m̂ = m / (1 − β₁ᵗ) with m = 0 at first: normalization and momentum change places.

    Source: Ziyin, Wang & Ueda (2020), LaProp: Separating Momentum and Adaptivity in Adam,
    arXiv:2002.04839, with its defaults.
    """

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        g = oracle.gradient
        v = beta2 * state.second_moment + (1 - beta2) * g.square()
        correction2 = beta2 * state.second_correction + (1 - beta2)
        normalized = g / ((v / correction2).sqrt() + epsilon)
        m = beta1 * state.first_moment + (1 - beta1) * normalized
        correction1 = beta1 * state.first_correction + (1 - beta1)
        return theta - learning_rate * m / correction1, AdamState(m, v, correction1, correction2)

    return Optimizer(init=adam().init, update=update)
