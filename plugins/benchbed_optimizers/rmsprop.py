"""RMSProp (Tieleman & Hinton 2012)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class RMSPropState(NamedTuple):
    """The average v of the squared gradients, `[..., dimension]`."""

    mean_square: Tensor


def rmsprop(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-3,
    decay: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.9,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
) -> Optimizer[RMSPropState]:
    """Build RMSProp: v ← ρ v + (1 − ρ) g², θ ← θ − η g / (√v + ε), with v = 0 at first.

    `torch.optim.RMSprop(lr=η, alpha=ρ, eps=ε)`, whose default is ρ = 0.99, takes the same path.

    Source: Tieleman & Hinton (2012), Lecture 6.5, slide 29,
    https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf.
    Deviation: the slide has no ε; here it is added to the root, as in the course.
    """

    def update(oracle: Oracle, state: RMSPropState, theta: Tensor) -> tuple[Tensor, RMSPropState]:
        g = oracle.gradient
        v = decay * state.mean_square + (1 - decay) * g.square()
        return theta - learning_rate * g / (v.sqrt() + epsilon), RMSPropState(v)

    return Optimizer(init=lambda theta: RMSPropState(torch.zeros_like(theta)), update=update)
