"""Momentum: gradient descent along an exponential average of the gradients (Polyak 1964)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class MomentumState(NamedTuple):
    """The average m of the gradients, `[..., dimension]`."""

    momentum: Tensor


def momentum(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
) -> Optimizer[MomentumState]:
    """Build momentum: m ← β m + (1 − β) g, θ ← θ − η m, with m = 0 at first.

    `torch.optim.SGD(lr=η(1 − β), momentum=β)` takes the same path.

    Source: Polyak (1964), Some methods of speeding up the convergence of iteration methods,
    https://doi.org/10.1016/0041-5553(64)90137-5. Deviation: m is an average, as in the course; in the paper
    it is a sum. So the length of the steps depends little on β.
    """

    def update(oracle: Oracle, state: MomentumState, theta: Tensor) -> tuple[Tensor, MomentumState]:
        m = beta * state.momentum + (1 - beta) * oracle.gradient
        return theta - learning_rate * m, MomentumState(m)

    return Optimizer(init=lambda theta: MomentumState(torch.zeros_like(theta)), update=update)
