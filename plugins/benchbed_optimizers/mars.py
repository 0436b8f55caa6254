"""MARS (Yuan et al. 2024)."""

from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.adam import AdamState
from benchbed_optimizers.adamw import adamw


class MarsState(NamedTuple):
    """The state of Adam, and the last gradient or, with `form=exact`, the last point, `[..., dimension]`."""

    first_moment: Tensor
    second_moment: Tensor
    first_correction: Tensor
    second_correction: Tensor
    last: Tensor


def mars(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 3e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 1.0)] = 0.95,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.99,
    gamma: Annotated[Hyperparameter, LogUniform(1e-3, 1.0)] = 0.025,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
    form: Literal["approximate", "exact"] = "approximate",
) -> Optimizer[MarsState]:
    """Build MARS: AdamW with c / max(1, ‖c‖) for its gradient, where c = g + γ β₁ / (1 − β₁) (g − h).

    h is the last gradient, or with `form=exact` the gradient at the last point on the draw of this step, which costs
    a second call. In the first step h is g.

    Source: Yuan et al. (2024), MARS: Unleashing the Power of Variance Reduction for Training Large Models, algorithm 2,
    and its approximation by the last gradient, arXiv:2411.10438; the defaults are those of the authors' code.
    That code has h = 0 in the first step, and clips c for each parameter by itself. So does
    `pytorch_optimizer.MARS(optimize_1d=True)`, which also divides ε by √(1 − β₂ᵗ) and adds 10⁻¹⁵ to v.
    """
    base = adamw(learning_rate, beta1, beta2, epsilon, weight_decay)

    def init(theta: Tensor) -> MarsState:
        return MarsState(*base.init(theta), torch.zeros_like(theta))

    def update(oracle: Oracle, state: MarsState, theta: Tensor) -> tuple[Tensor, MarsState]:
        g, is_first = oracle.gradient, oracle.step == 0
        if form == "exact":
            _, h = oracle.at(torch.where(is_first, theta, state.last))
        else:
            h = torch.where(is_first, g, state.last)
        c = g + gamma * beta1 / (1 - beta1) * (g - h)
        clipped = c / c.square().sum(-1, keepdim=True).sqrt().clamp(min=1.0)
        last = theta if form == "exact" else g
        theta, adam_state = base.update(oracle.map(lambda _: clipped), AdamState(*state[:4]), theta)
        return theta, MarsState(*adam_state, last)

    return Optimizer(init=init, update=update)
