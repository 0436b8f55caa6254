"""Answer a step's questions about loss and gradient, and count the calls."""

from collections.abc import Callable

import torch
from torch import Tensor

from benchbed.engine.pytrees import Tree, map_tensors, vmap_lanes
from benchbed.engine.sampling import Draws, shared_data
from benchbed.interfaces import Oracle, Problem
from benchbed.interfaces.gradient import Differentiate

Loss = Callable[[Tensor, Tree, Tree], Tensor]


class StepLoss:
    """The loss of a step, for lanes `[seeds, settings]` and for one trial alone."""

    def __init__(self, problem: Problem, full: bool, deterministic: bool) -> None:
        self.needs_draws = not (full or deterministic)
        self._problem = problem
        self.batched: Loss = batched(problem, self.single)

    def single(self, theta: Tensor, data: Tree, draw: Tree) -> Tensor:
        """Give the loss on a draw, or the objective where the oracle is exact."""
        if self.needs_draws:
            return self._problem.loss(theta, data, draw)
        return self._problem.objective(theta, data)


def batched(problem: Problem, function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """Let a `function(theta, data, …)` of single trials take lanes, where the problem is written so."""
    if not problem.per_trial:
        return function
    shared = shared_data(problem) is not None

    def mapped(theta: Tensor, data: Tree, *rest: Tree) -> Tensor:
        def spread(tree: Tree) -> Tree:
            return map_tensors(lambda leaf: leaf.expand(*theta.shape[:2], *leaf.shape[2:]), tree)

        def one(theta: Tensor, own: Tree, *rest: Tree) -> Tensor:
            return function(theta, data if shared else own, *rest)

        value: Tensor = vmap_lanes(
            one, theta, None if shared else spread(data), *(spread(tree) for tree in rest)
        )
        return value

    return mapped


Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""point `[..., dimension]` -> loss `[...]` and gradient `[..., dimension]` on this step's draw."""


def evaluation(
    differentiate: Differentiate, loss: Callable[[Tensor, Tree, Tree], Tensor], data: Tree, draws: Draws
) -> Evaluate:
    """Give what answers the calls of one step: every one sees the same draws, the loss's and the gradient's."""
    own = () if draws.gradient is None else (draws.gradient,)
    return lambda point: differentiate(lambda theta: loss(theta, data, draws.loss), point, *own)


class CountingOracle:
    """The oracle of one step, for a batch of lanes, one lane under vmap, or one trial alone."""

    def __init__(
        self, evaluate: Evaluate, loss: Tensor, gradient: Tensor, spent: Callable[[], Tensor]
    ) -> None:
        self.loss, self.gradient = loss, gradient
        self.spent = spent
        """What gives `progress`, for which few rules ask; the engine hands it on, which does not count as reading."""
        self.progress_was_read = False
        """The rule has asked for `progress`, so it knows the budget."""
        self._evaluate = evaluate
        self.further_calls = 0
        """Calls beyond the first that every lane made."""
        self.some_calls: Tensor | None = None
        """Calls that only the lanes of a `where` made, `[...]`; None if there was no such call."""

    @property
    def progress(self) -> Tensor:
        """Share of the budget spent, in [0, 1): `[..., 1]`; that it was read is remembered."""
        self.progress_was_read = True
        return self.spent()

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Give loss and gradient at `point`, on the same draw; NaN in the lanes outside `where`."""
        loss, gradient = self._evaluate(point)
        if where is None:
            self.further_calls += 1
            return loss, gradient
        calls = where.to(loss.dtype)
        self.some_calls = calls if self.some_calls is None else self.some_calls + calls
        return (
            torch.where(where, loss, torch.nan),
            torch.where(where.unsqueeze(-1), gradient, torch.nan),
        )

    def map(self, change: Callable[[Tensor], Tensor]) -> Oracle:
        """Give the oracle whose every gradient has passed through `change`."""
        return MappedOracle(self, change)


class MappedOracle:
    """An oracle whose gradients are changed on the way; the calls are counted by the one beneath."""

    def __init__(self, inner: Oracle, change: Callable[[Tensor], Tensor]) -> None:
        self.loss, self.gradient = inner.loss, change(inner.gradient)
        self._inner, self._change = inner, change

    @property
    def progress(self) -> Tensor:
        """Ask the inner oracle, and only when asked: a wrapper that clips does not know the budget."""
        return self._inner.progress

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Ask the inner oracle and change the gradient."""
        loss, gradient = self._inner.at(point, where)
        return loss, self._change(gradient)

    def map(self, change: Callable[[Tensor], Tensor]) -> Oracle:
        """Change the changed gradient again."""
        return MappedOracle(self, change)
