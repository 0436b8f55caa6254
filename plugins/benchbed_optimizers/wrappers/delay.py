"""Delayed gradients."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchbed.interfaces import Optimizer, Oracle
from benchbed_optimizers.wrappers.changed_gradients import require_changeable_gradients


class DelayedState(NamedTuple):
    """The state of the optimizer, and the last gradients, each `[..., dimension]`, the oldest first."""

    inner: Any
    gradients: tuple[Tensor, ...]


def delayed(optimizer: Optimizer[Any], steps: int = 1) -> Optimizer[Any]:
    """Update by the gradient of `steps` steps ago, on its draw: θ ← update(gₜ₋ₖ) with k the parameter `steps`.

    The first k steps use the gradient of the start. Asynchronous workers and pipelines delay gradients in this way.
    It wraps optimizers and not problems, because the loss of a problem depends on the present point alone. The
    optimizer sees the present loss, and must ask for no gradient at another point.

    Source: Agarwal & Duchi (2011), Distributed Delayed Stochastic Optimization, arXiv:1104.5525.
    Deviation: the delay is the same in all steps.
    """
    require_changeable_gradients(optimizer)
    if steps < 1:
        raise ValueError(f"steps is {steps}; must be at least 1, because without a delay nothing changes")

    def init(theta: Tensor) -> DelayedState:
        return DelayedState(optimizer.init(theta), (torch.zeros_like(theta),) * steps)

    def update(oracle: Oracle, state: DelayedState, theta: Tensor) -> tuple[Tensor, DelayedState]:
        present = oracle.gradient
        oldest, *others = (torch.where(oracle.step == 0, present, past) for past in state.gradients)

        def replace(gradient: Tensor) -> Tensor:
            if gradient is not present:
                raise RuntimeError(
                    "delayed replaces the gradient at one point, and its optimizer asks for one at another point; use "
                    "a rule without a line search, such as delayed(adam)"
                )
            return oldest

        theta, inner = optimizer.update(oracle.map(replace), state.inner, theta)
        return theta, DelayedState(inner, (*others, present))

    def answer(state: DelayedState, theta: Tensor) -> Tensor:
        return optimizer.answer(state.inner, theta)

    return optimizer._replace(init=init, update=update, answer=answer)
