"""Stochastic gradient descent (Robbins & Monro 1951)."""

from typing import Annotated, NamedTuple

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle


class NoState(NamedTuple):
    """The empty state."""


def sgd(learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2) -> Optimizer[NoState]:
    """Build stochastic gradient descent: θ ← θ − η g, with g the gradient on a draw.

    `torch.optim.SGD(lr=η)` takes the same path.

    Source: Robbins & Monro (1951), A Stochastic Approximation Method,
    https://doi.org/10.1214/aoms/1177729586. Deviation: η is constant, as in the course; in the paper it
    decreases.
    """

    def update(oracle: Oracle, state: NoState, theta: Tensor) -> tuple[Tensor, NoState]:
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: NoState(), update=update)
