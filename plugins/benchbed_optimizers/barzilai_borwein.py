"""Gradient descent with the step sizes of Barzilai & Borwein (1988)."""

from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, Optimizer, Oracle

SHORTEST, LONGEST = 1e-10, 1e10
"""Bounds of the step sizes."""


class BarzilaiBorweinState(NamedTuple):
    """The last point and its gradient, `[..., dimension]`."""

    last_theta: Tensor
    last_gradient: Tensor


def barzilai_borwein(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1e-2,
    step_size: Literal["long", "short"] = "long",
) -> Optimizer[BarzilaiBorweinState]:
    """Build the method of Barzilai and Borwein: θ ← θ − α g, with the gradient over all samples, without noise.

    With the last step s and the difference y of its gradients, α is sᵀs / sᵀy (`long`) or sᵀy / yᵀy (`short`): the
    inverse of a multiple of the identity that is nearest to the Hessian, in two senses. α is `learning_rate` in the
    first step, and where the curvature sᵀy is not positive or α leaves [10⁻¹⁰, 10¹⁰]. The loss may rise between steps.

    Source: Barzilai & Borwein (1988), Two-Point Step Size Gradient Methods,
    https://doi.org/10.1093/imanum/8.1.141; the bounds are those of Raydan (1997), The Barzilai and Borwein Gradient
    Method for the Large Scale Unconstrained Minimization Problem, https://doi.org/10.1137/S1052623494266365.
    Deviation: without Raydan's line search, as in the first paper; the step at a bound is `learning_rate`, and his
    depends on ‖g‖.
    """

    def init(theta: Tensor) -> BarzilaiBorweinState:
        return BarzilaiBorweinState(
            theta.clone(), torch.zeros_like(theta)
        )  # the first s is 0, without curvature

    def update(
        oracle: Oracle, state: BarzilaiBorweinState, theta: Tensor
    ) -> tuple[Tensor, BarzilaiBorweinState]:
        g = oracle.gradient
        s, y = theta - state.last_theta, g - state.last_gradient
        curvature = (s * y).sum(-1, keepdim=True)
        if step_size == "long":
            alpha = s.square().sum(-1, keepdim=True) / curvature
        else:
            alpha = curvature / y.square().sum(-1, keepdim=True)
        is_valid = (curvature > 0) & (alpha >= SHORTEST) & (alpha <= LONGEST)
        alpha = torch.where(is_valid, alpha, learning_rate)
        return theta - alpha * g, BarzilaiBorweinState(theta, g)

    return Optimizer(init=init, update=update, full_batch=True, needs_exact_gradients=True)
