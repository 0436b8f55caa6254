"""SIGNUM: a step of fixed length along the sign of the averaged gradient."""

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
    """Step by m ← β m + (1 − β) g and θ ← θ − η sign(m).

    Source: Bernstein, Wang, Azizzadenesheli & Anandkumar (2018), signSGD: Compressed Optimisation for
    Non-Convex Problems, algorithm 2, arXiv:1802.04434. The paper tunes η for each task;
    the default here is the one usual for Adam.
    """

    def init(theta: Tensor) -> SignumState:
        return SignumState(torch.zeros_like(theta))

    def update(oracle: Oracle, state: SignumState, theta: Tensor) -> tuple[Tensor, SignumState]:
        momentum = beta * state.momentum + (1 - beta) * oracle.gradient
        return theta - learning_rate * momentum.sign(), SignumState(momentum)

    return Optimizer(init=init, update=update)


@hookimpl
def register_optimizers(register: Callable[[OptimizerFactory], None]) -> None:
    """Enter SIGNUM; benchbed calls this because the entry point names this module."""
    register(signum)
