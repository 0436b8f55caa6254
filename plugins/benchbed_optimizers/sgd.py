"""Stochastic gradient descent: a step against the gradient of a mini-batch."""

from typing import Annotated, NamedTuple

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle


class NoState(NamedTuple):
    """Nothing is remembered between steps."""


def sgd(learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2) -> Optimizer[NoState]:
    """Step by θ ← θ − η g, with g the stochastic gradient; the path of `torch.optim.SGD(lr=η)`.

    Source: Robbins & Monro (1951), A Stochastic Approximation Method, equation 6,
    https://doi.org/10.1214/aoms/1177729586. Deviation: η is constant, as in the course, not a falling
    sequence.
    """

    def update(oracle: Oracle, state: NoState, theta: Tensor) -> tuple[Tensor, NoState]:
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: NoState(), update=update)
