"""Lion (Chen et al. 2023)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.momentum import MomentumState, momentum


def lion(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-4,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.99,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
) -> Optimizer[MomentumState]:
    """Build Lion: θ ← θ − η (sign(β₁ m + (1 − β₁) g) + λ θ), and then m ← β₂ m + (1 − β₂) g, with m = 0 at first.

    Source: Chen et al. (2023), Symbolic Discovery of Optimization Algorithms, algorithm 2, arXiv:2302.06675; the
    defaults are those of its code, https://github.com/google/automl/tree/master/lion.
    """

    def update(oracle: Oracle, state: MomentumState, theta: Tensor) -> tuple[Tensor, MomentumState]:
        g, m = oracle.gradient, state.momentum
        direction = (beta1 * m + (1 - beta1) * g).sign()
        theta = theta - learning_rate * (direction + weight_decay * theta)
        return theta, MomentumState(beta2 * m + (1 - beta2) * g)

    return Optimizer(init=momentum().init, update=update)
