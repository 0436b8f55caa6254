"""Nesterov's momentum: a step along the average of gradients as it would be one step later."""

from typing import Annotated

from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.momentum import MomentumState, momentum


def nesterov(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
) -> Optimizer[MomentumState]:
    """Step by m ← β m + (1−β) g ; θ ← θ − η (β m + (1−β) g), with m = 0 at first.

    Source: Nesterov (1983), A method of solving a convex programming problem with convergence rate O(1/k²);
    in this form, with the gradient taken at θ itself: Sutskever et al. (2013), On the importance of
    initialization and momentum in deep learning, equations 3 and 4,
    https://proceedings.mlr.press/v28/sutskever13.html, rewritten for the point where the gradient is taken:
    Bengio et al. (2012), equation 7, arXiv:1212.0901. Deviation: β is constant and m an average, as in the
    course. With b = m/(1−β) the rule reads b ← β b + g ; θ ← θ − η(1−β)(g + β b): `torch.optim.SGD(lr=η(1−β),
    momentum=β, nesterov=True)` takes the same path.
    """

    def update(oracle: Oracle, state: MomentumState, theta: Tensor) -> tuple[Tensor, MomentumState]:
        fresh = (1 - beta) * oracle.gradient
        average = beta * state.average + fresh
        return theta - learning_rate * (beta * average + fresh), MomentumState(average)

    return Optimizer(init=momentum().init, update=update)
