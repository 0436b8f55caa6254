"""Schedule-free AdamW (Defazio et al. 2024)."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle
from benchbed_optimizers.schedule_free_sgd import (
    ScheduleFreeState,
    average_of,
    averaged_step,
    require_interpolation,
)


class ScheduleFreeAdamWState(NamedTuple):
    """The iterate z and moment v, `[..., dimension]`; the sum of squared rates, and 1 − β₂ᵗ, `[..., 1]`."""

    z: Tensor
    weight_sum: Tensor
    second_moment: Tensor
    second_correction: Tensor


def schedule_free_adamw(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 2.5e-3,
    beta1: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 0.5)] = 0.9,
    beta2: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 1e-1)] = 0.999,
    epsilon: Annotated[Hyperparameter, LogUniform(1e-10, 1e-3)] = 1e-8,
    weight_decay: Annotated[Hyperparameter, LogUniform(1e-5, 1.0)] = 0.0,
) -> Optimizer[ScheduleFreeAdamWState]:
    """Build schedule-free AdamW: that of SGD with z ← z − η (g / (√v̂ + ε) + λ y), and with β₁ for its β.

    v̂ = v / (1 − β₂ᵗ) with v ← β₂ v + (1 − β₂) g² is Adam's. θ is y, where gradient and decay are evaluated, and the
    answer is the average x. `schedulefree.AdamWScheduleFree(lr=η, betas=(β₁, β₂), eps=ε, weight_decay=λ)` takes the
    same path, and with `constant(schedule-free-adamw, warmup=0.05)` that of its warm-up.

    Source: Defazio et al. (2024), The Road Less Scheduled, algorithm 1, arXiv:2405.15682.
    Deviation: in the paper √(1 − β₂ᵗ) multiplies η, and thereby ε, the decay and the weights of the average; here it
    only corrects v, as in the authors' code, whose defaults these are.
    """
    require_interpolation("beta1", beta1)

    def init(theta: Tensor) -> ScheduleFreeAdamWState:
        zero = torch.zeros_like(theta[..., :1])
        return ScheduleFreeAdamWState(theta.clone(), zero, torch.zeros_like(theta), zero.clone())

    def update(
        oracle: Oracle, state: ScheduleFreeAdamWState, theta: Tensor
    ) -> tuple[Tensor, ScheduleFreeAdamWState]:
        g = oracle.gradient
        v = beta2 * state.second_moment + (1 - beta2) * g.square()
        correction = beta2 * state.second_correction + (1 - beta2)
        direction = g / ((v / correction).sqrt() + epsilon) + weight_decay * theta
        average = ScheduleFreeState(state.z, state.weight_sum)
        theta, average = averaged_step(direction, average, theta, learning_rate, beta1)
        return theta, ScheduleFreeAdamWState(*average, v, correction)

    return Optimizer(init=init, update=update, answer=lambda state, theta: average_of(state.z, theta, beta1))
