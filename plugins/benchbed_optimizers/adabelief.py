"""AdaBelief (Zhuang et al. 2020)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState, adam


def adabelief(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-16, 1e-3)] = 1e-8,
) -> Optimizer[AdamState]:
    """Build AdaBelief: θ ← θ − η m̂ / (√ŝ + ε), with the spread s ← β₂ s + (1 − β₂) (g − m)² + ε in place of Adam's v.

    The mean m ← β₁ m + (1 − β₁) g and the corrections m̂ and ŝ are Adam's.

    Source: Zhuang et al. (2020), AdaBelief Optimizer: Adapting Stepsizes by the Belief in Observed Gradients,
    arXiv:2010.07468, with its defaults.
    """

    def update(oracle: Oracle, state: AdamState, theta: Tensor) -> tuple[Tensor, AdamState]:
        g = oracle.gradient
        m = beta1 * state.first_moment + (1 - beta1) * g
        s = beta2 * state.second_moment + (1 - beta2) * (g - m).square() + epsilon
        correction1 = beta1 * state.first_correction + (1 - beta1)
        correction2 = beta2 * state.second_correction + (1 - beta2)
        theta = theta - learning_rate * (m / correction1) / ((s / correction2).sqrt() + epsilon)
        return theta, AdamState(m, s, correction1, correction2)

    return Optimizer(init=adam().init, update=update)
