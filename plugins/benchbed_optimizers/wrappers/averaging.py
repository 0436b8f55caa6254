"""Averages of iterates."""

from typing import Annotated, Any, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Hyperparameter, OneMinusLogUniform, Optimizer, Oracle, Uniform


class EmaState(NamedTuple):
    """The state of the optimizer, the sum of weighted iterates, `[..., dimension]`, and of weights, `[..., 1]`."""

    inner: Any
    average: Tensor
    correction: Tensor


def ema(
    optimizer: Optimizer[Any], decay: Annotated[Hyperparameter, OneMinusLogUniform(1e-4, 0.5)] = 0.99
) -> Optimizer[Any]:
    """Answer with the exponential moving average of the iterates, a ← β a + (1 − β) θ, divided by 1 − βᵗ.

    The optimizer itself is not changed.

    Source: Polyak & Juditsky (1992), Acceleration of Stochastic Approximation by Averaging,
    https://doi.org/10.1137/0330046, with exponential weights β (the parameter `decay`) and the correction of Adam.
    """

    def init(theta: Tensor) -> EmaState:
        return EmaState(optimizer.init(theta), torch.zeros_like(theta), torch.zeros_like(theta[..., :1]))

    def update(oracle: Oracle, state: EmaState, theta: Tensor) -> tuple[Tensor, EmaState]:
        theta, inner = optimizer.update(oracle, state.inner, theta)
        average = decay * state.average + (1 - decay) * theta
        return theta, EmaState(inner, average, decay * state.correction + (1 - decay))

    def answer(state: EmaState, theta: Tensor) -> Tensor:
        has_stepped = state.correction > 0
        return torch.where(
            has_stepped, state.average / torch.where(has_stepped, state.correction, 1.0), theta
        )

    return optimizer._replace(init=init, update=update, answer=answer)


class LookaheadState(NamedTuple):
    """The state of the optimizer, and the slow weights, `[..., dimension]`."""

    inner: Any
    slow: Tensor


def lookahead(
    optimizer: Optimizer[Any],
    steps: int = 5,
    alpha: Annotated[Hyperparameter, Uniform(0.01, 1.0)] = 0.5,
) -> Optimizer[Any]:
    """Move slow weights by the share `alpha` towards the iterate after each `steps` steps, and go on from there.

    Source: Zhang et al. (2019), Lookahead Optimizer: k steps forward, 1 step back, arXiv:1907.08610, with
    k = 5 and α = 0.5.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; it must be at least 1")
    if isinstance(alpha, int | float) and not 0 < alpha <= 1:
        raise ValueError(f"alpha is {alpha:g}; it must be above 0 and at most 1")

    def init(theta: Tensor) -> LookaheadState:
        return LookaheadState(optimizer.init(theta), theta.clone())

    def update(oracle: Oracle, state: LookaheadState, theta: Tensor) -> tuple[Tensor, LookaheadState]:
        theta, inner = optimizer.update(oracle, state.inner, theta)
        is_due = torch.remainder(oracle.step + 1, steps) == 0
        slow = torch.where(is_due, state.slow + alpha * (theta - state.slow), state.slow)
        return torch.where(is_due, slow, theta), LookaheadState(inner, slow)

    def answer(state: LookaheadState, theta: Tensor) -> Tensor:
        return optimizer.answer(state.inner, theta)

    return optimizer._replace(init=init, update=update, answer=answer)
