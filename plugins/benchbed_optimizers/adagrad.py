"""AdaGrad (Duchi, Hazan & Singer 2011)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle


class AdaGradState(NamedTuple):
    """The sum s of the squared gradients, `[..., dimension]`."""

    sum_of_squares: Tensor


def adagrad(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-10,
) -> Optimizer[AdaGradState]:
    """Build AdaGrad: s ← s + g², θ ← θ − η g / (√s + ε), with s = 0 at first.

    `torch.optim.Adagrad(lr=η, eps=ε)` takes the same path; the defaults are its.

    Source: Duchi, Hazan & Singer (2011), Adaptive Subgradient Methods for Online Learning and Stochastic Optimization,
    with diagonal matrices, https://jmlr.org/papers/v12/duchi11a.html.
    """

    def update(oracle: Oracle, state: AdaGradState, theta: Tensor) -> tuple[Tensor, AdaGradState]:
        g = oracle.gradient
        s = state.sum_of_squares + g.square()
        return theta - learning_rate * g / (s.sqrt() + epsilon), AdaGradState(s)

    return Optimizer(init=lambda theta: AdaGradState(torch.zeros_like(theta)), update=update)
