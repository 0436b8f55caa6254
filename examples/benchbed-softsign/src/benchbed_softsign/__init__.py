"""Softsign descent: steps along a smooth sign of an average of the gradients."""

from collections.abc import Callable
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import (
    Hyperparameter,
    LogUniform,
    OneMinusLogUniform,
    Optimizer,
    OptimizerFactory,
    Oracle,
)


class SoftsignState(NamedTuple):
    """The average m of the gradients, `[..., dimension]`."""

    momentum: Tensor


def softsign(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    softness: Annotated[Hyperparameter, LogUniform(1e-8, 1.0)] = 0.01,
) -> Optimizer[SoftsignState]:
    """Build softsign descent: m ← β m + (1 − β) g, θ ← θ − η m / (|m| + s), with m = 0 at first.

    Coordinates with |m| far above the softness s move by η, the others in proportion to m.

    Source: none; it is an example, sign descent with momentum (Bernstein et al. 2018, signSGD: Compressed
    Optimisation for Non-Convex Problems, arXiv:1802.04434) with the softsign function in place of
    the sign. The default η is the usual one of Adam.
    """

    def init(theta: Tensor) -> SoftsignState:
        return SoftsignState(torch.zeros_like(theta))

    def update(oracle: Oracle, state: SoftsignState, theta: Tensor) -> tuple[Tensor, SoftsignState]:
        m = beta * state.momentum + (1 - beta) * oracle.gradient
        return theta - learning_rate * m / (m.abs() + softness), SoftsignState(m)

    return Optimizer(init=init, update=update)


@hookimpl
def register_optimizers(register: Callable[[OptimizerFactory], None]) -> None:
    """Register softsign descent; benchbed calls this hook of the module that the entry point names."""
    register(softsign)
