"""Nesterov's accelerated gradient, in the form of a momentum method (Sutskever et al. 2013)."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.momentum import MomentumState, momentum


def nesterov(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
) -> Optimizer[MomentumState]:
    """Build Nesterov's momentum: m ← β m + (1 − β) g, θ ← θ − η (β m + (1 − β) g), with m = 0 at first.

    `torch.optim.SGD(lr=η(1 − β), momentum=β, nesterov=True)` takes the same path: with b = m / (1 − β) the update
    reads b ← β b + g, θ ← θ − η (1 − β) (g + β b).

    Source: Nesterov (1983), A method of solving a convex programming problem with convergence rate O(1/k²);
    as a momentum method: Sutskever et al. (2013), On the importance of initialization and momentum in deep
    learning, equations 3 and 4, https://proceedings.mlr.press/v28/sutskever13.html; with θ as the point at which
    the gradient is taken: Bengio et al. (2012), arXiv:1212.0901.
    Deviation: β is constant and m an average, as in the course; in the papers β may vary and m is a sum.
    """

    def update(oracle: Oracle, state: MomentumState, theta: Tensor) -> tuple[Tensor, MomentumState]:
        g = oracle.gradient
        m = beta * state.momentum + (1 - beta) * g
        return theta - learning_rate * (beta * m + (1 - beta) * g), MomentumState(m)

    return Optimizer(init=momentum().init, update=update)
