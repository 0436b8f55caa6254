"""Gradient accumulation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils import _pytree as pytree  # private, but the trees that vmap and torch's compiler also use

from benchbed.interfaces import Optimizer, Oracle


class AccumulatedState(NamedTuple):
    """The state of the optimizer, and the sums of losses, `[..., 1]`, and gradients, `[..., dimension]`, over steps."""

    inner: Any
    loss: Tensor
    gradient: Tensor


def accumulate(optimizer: Optimizer[Any], steps: int = 4) -> Optimizer[Any]:
    """Average losses and gradients of `steps` draws at one point, and let the optimizer step once by their means.

    The optimizer steps as on batches of `steps` times the size, for as many calls. It counts its own steps, and a
    schedule has the rate of the last draw. It must ask for no gradient at another point: the other way round,
    `sam(accumulate(sgd))` averages over the gradients of sharpness-aware minimization.

    Source: Goyal et al. (2017), Accurate, Large Minibatch SGD, equation 4, arXiv:1706.02677.
    """
    if steps < 1:
        raise ValueError(f"steps is {steps}; it must be at least 1")

    def init(theta: Tensor) -> AccumulatedState:
        return AccumulatedState(
            optimizer.init(theta), torch.zeros_like(theta[..., :1]), torch.zeros_like(theta)
        )

    def update(oracle: Oracle, state: AccumulatedState, theta: Tensor) -> tuple[Tensor, AccumulatedState]:
        loss = state.loss + oracle.loss.unsqueeze(-1) / steps
        gradient = state.gradient + oracle.gradient / steps
        is_due = torch.remainder(oracle.step + 1, steps) == 0
        if optimizer.stateful and not is_due:  # a single trial, whose state cannot be chosen afterwards
            return theta, AccumulatedState(state.inner, loss, gradient)
        moved, inner = optimizer.update(
            _MeanOracle(oracle, loss.squeeze(-1), gradient, steps), state.inner, theta
        )

        def choose(after: Tensor, before: Tensor) -> Tensor:
            """Return `after` in the lanes that have their means, and else `before`."""
            trailing = [1] * (after.ndim - theta.ndim + 1)
            return torch.where(is_due.reshape(*is_due.shape[:-1], *trailing), after, before)

        if not optimizer.stateful:
            inner = pytree.tree_map(choose, inner, state.inner)
        loss, gradient = (torch.where(is_due, 0.0, total) for total in (loss, gradient))
        return choose(moved, theta), AccumulatedState(inner, loss, gradient)

    def answer(state: AccumulatedState, theta: Tensor) -> Tensor:
        return optimizer.answer(state.inner, theta)

    return optimizer._replace(init=init, update=update, answer=answer)


class _MeanOracle:
    """The oracle of an optimizer's step after several draws, with their mean loss and gradient."""

    def __init__(self, last: Oracle, loss: Tensor, gradient: Tensor, steps: int) -> None:
        """`last` is the oracle of the last draw."""
        self.loss, self.gradient, self._last, self._steps = loss, gradient, last, steps

    @property
    def progress(self) -> Tensor:
        return self._last.progress

    @property
    def step(self) -> Tensor:
        step = self._last.step
        return (step - torch.remainder(step, self._steps)) / self._steps

    @property
    def draw(self) -> Any:
        return self._last.draw

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        raise RuntimeError(
            "accumulate averages gradients at one point, and its optimizer asks for one at another point; wrap it the "
            "other way round, as in sam(accumulate(sgd)), or use larger batches"
        )

    def map(self, change: Callable[[Tensor], Tensor]) -> "_MeanOracle":
        return _MeanOracle(self._last, self.loss, change(self.gradient), self._steps)
