"""SIGNUM: steps along the sign of an average of the gradients."""

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


class SignumState(NamedTuple):
    """The average m of the gradients, `[..., dimension]`."""

    momentum: Tensor


def signum(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
) -> Optimizer[SignumState]:
    """Build SIGNUM: m ← β m + (1 − β) g, θ ← θ − η sign(m), with m = 0 at first.

    Source: Bernstein, Wang, Azizzadenesheli & Anandkumar (2018), signSGD: Compressed Optimisation for
    Non-Convex Problems, algorithm 2, arXiv:1802.04434. The paper tunes η for each task; the
    default here is the usual one of Adam.
    """

    def init(theta: Tensor) -> SignumState:
        return SignumState(torch.zeros_like(theta))

    def update(oracle: Oracle, state: SignumState, theta: Tensor) -> tuple[Tensor, SignumState]:
        m = beta * state.momentum + (1 - beta) * oracle.gradient
        return theta - learning_rate * m.sign(), SignumState(m)

    return Optimizer(init=init, update=update)


@hookimpl
def register_optimizers(register: Callable[[OptimizerFactory], None]) -> None:
    """Register SIGNUM; benchbed calls this hook of the module that the entry point names."""
    register(signum)
