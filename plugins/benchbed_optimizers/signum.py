"""Signum (Bernstein et al. 2018)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.momentum import MomentumState, momentum


def signum(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
) -> Optimizer[MomentumState]:
    """Build Signum: m ← β m + (1 − β) g, θ ← θ − η sign(m), with m = 0 at first.

    Source: Bernstein et al. (2018), signSGD: Compressed Optimisation for Non-Convex Problems, algorithm 2,
    arXiv:1802.04434. The paper tunes η for each task; the default is that of `signsgd`, and β that of `momentum`.
    """

    def update(oracle: Oracle, state: MomentumState, theta: Tensor) -> tuple[Tensor, MomentumState]:
        m = beta * state.momentum + (1 - beta) * oracle.gradient
        return theta - learning_rate * m.sign(), MomentumState(m)

    return Optimizer(init=momentum().init, update=update)
