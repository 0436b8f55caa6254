"""RMSProp: each coordinate's gradient over the root of its own mean square."""

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
    """Step by v ← ρ v + (1−ρ) g² ; θ ← θ − η g / (√v + ε), with v = 0 at first.

    Source: Tieleman & Hinton (2012), Lecture 6.5, slide 29,
    https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf. Deviation: ε, which the slide
    leaves out, stands outside the root, as in the course's formula; `torch.optim.RMSprop(lr=η, alpha=ρ,
    eps=ε)`, whose own default is ρ = 0.99, takes the same path.
    """

    def update(oracle: Oracle, state: RMSPropState, theta: Tensor) -> tuple[Tensor, RMSPropState]:
        mean_square = decay * state.mean_square + (1 - decay) * oracle.gradient.square()
        return theta - learning_rate * oracle.gradient / (mean_square.sqrt() + epsilon), RMSPropState(
            mean_square
        )

    return Optimizer(init=lambda theta: RMSPropState(torch.zeros_like(theta)), update=update)
