"""Rprop (Riedmiller & Braun 1993)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle

SHORTEST, LONGEST = 1e-6, 50.0
"""Bounds of the step sizes, those of the paper."""


class RpropState(NamedTuple):
    """The last gradient, 0 after a change of sign, and the step sizes, `[..., dimension]`."""

    last_gradient: Tensor
    step_sizes: Tensor


def rprop(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    decrease: Annotated[Hyperparameter, LogUniform(0.1, 0.9)] = 0.5,
    increase: Annotated[Hyperparameter, LogUniform(1.01, 2.0)] = 1.2,
) -> Optimizer[RpropState]:
    """Build Rprop: θᵢ ← θᵢ − Δᵢ sign(gᵢ), with a step size for each coordinate.

    Δᵢ is `learning_rate` at first. It is multiplied by `increase` while the sign of gᵢ stays, and by `decrease` where
    it changes; that coordinate then rests for a step. The same path as `torch.optim.Rprop(etas=(decrease, increase))`.
    A schedule around it changes nothing, as the rate has no other use.

    Source: Riedmiller & Braun (1993), A direct adaptive method for faster backpropagation learning: the RPROP
    algorithm, https://doi.org/10.1109/ICNN.1993.298623; the initial step size is torch's.
    Deviation: the paper takes back the last step where the sign changes; here, as in torch, the coordinate rests.
    """
    factors = [value for value in (decrease, increase) if isinstance(value, int | float)]
    if len(factors) == 2 and not 0 < decrease < 1 < increase:
        raise ValueError(f"decrease and increase are {decrease:g} and {increase:g}; 1 must lie between them")

    def init(theta: Tensor) -> RpropState:
        return RpropState(torch.zeros_like(theta), learning_rate + torch.zeros_like(theta))

    def update(oracle: Oracle, state: RpropState, theta: Tensor) -> tuple[Tensor, RpropState]:
        g = oracle.gradient
        change = (g * state.last_gradient).sign()
        sizes = torch.where(change > 0, increase * state.step_sizes, state.step_sizes)
        sizes = torch.where(change < 0, decrease * sizes, sizes).clamp(SHORTEST, LONGEST)
        g = torch.where(change < 0, 0.0, g)
        return theta - sizes * g.sign(), RpropState(g, sizes)

    return Optimizer(init=init, update=update)
