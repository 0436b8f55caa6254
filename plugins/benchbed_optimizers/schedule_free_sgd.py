"""Schedule-free SGD (Defazio et al. 2024), and the averaging that it shares with schedule-free AdamW."""

from typing import Annotated, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, LogUniform, OneMinusLogUniform, Optimizer, Oracle


class ScheduleFreeState(NamedTuple):
    """The iterate z of SGD, `[..., dimension]`, and the sum of squared learning rates, `[..., 1]`."""

    z: Tensor
    weight_sum: Tensor


def schedule_free_sgd(
    learning_rate: Annotated[Hyperparameter, LogUniform(1e-6, 1e2)] = 1.0,
    beta: Annotated[Hyperparameter, OneMinusLogUniform(1e-3, 0.5)] = 0.9,
) -> Optimizer[ScheduleFreeState]:
    """Build schedule-free SGD: z ← z − η g, x ← (1 − c) x + c z, y ← (1 − β) z + β x, with the gradient g at y.

    All three begin at the start. θ is y, and the answer is x, the average of the z with weights η², as c is η² over the
    sum of the η² so far. A schedule around it, such as the warm-up `constant(schedule-free-sgd, warmup=0.05)`, sets
    η in each step. `schedulefree.SGDScheduleFree(lr=η, momentum=β)` takes the same path; it weights by the squared
    maximum of the rates so far, which is the same while they do not decrease.

    Source: Defazio et al. (2024), The Road Less Scheduled, arXiv:2405.15682, with the weights of its algorithm 1; its
    formula for SGD has c = 1 / (t + 1), so that the start is averaged, too. The default rate is that of its code.
    """
    require_interpolation("beta", beta)

    def init(theta: Tensor) -> ScheduleFreeState:
        return ScheduleFreeState(theta.clone(), torch.zeros_like(theta[..., :1]))

    def update(oracle: Oracle, state: ScheduleFreeState, theta: Tensor) -> tuple[Tensor, ScheduleFreeState]:
        return averaged_step(oracle.gradient, state, theta, learning_rate, beta)

    return Optimizer(init=init, update=update, answer=lambda state, theta: average_of(state.z, theta, beta))


def averaged_step(
    direction: Tensor,
    state: ScheduleFreeState,
    y: Tensor,
    learning_rate: Hyperparameter,
    beta: Hyperparameter,
) -> tuple[Tensor, ScheduleFreeState]:
    """Compute the next y and state from a step of z along `direction`."""
    weight = learning_rate**2 + torch.zeros_like(state.weight_sum)
    weight_sum = state.weight_sum + weight
    c = weight / torch.where(weight_sum > 0, weight_sum, 1.0)  # 0 while all rates have been 0
    # The sum of (1 − β) z and β x after their steps, without a division by β.
    y = y + c * (state.z - y) - learning_rate * (1 - beta * (1 - c)) * direction
    return y, ScheduleFreeState(state.z - learning_rate * direction, weight_sum)


def average_of(z: Tensor, y: Tensor, beta: Hyperparameter) -> Tensor:
    """Return x, of which and z the point y is the mean with weights β and 1 − β."""
    return y + (1 - 1 / beta) * (z - y)


def require_interpolation(name: str, value: Hyperparameter) -> None:
    """Check a number, as it is when a study is planned. Raises: ValueError unless it is above 0."""
    if isinstance(value, int | float) and value <= 0:
        raise ValueError(
            f"{name} is {value:g}; it must be above 0, since y would not depend on the average x"
        )
