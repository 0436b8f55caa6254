"""The oracle that an optimizer asks for loss and gradient in a step; it counts the calls."""

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor

from benchbed.engine.pytrees import Tree, expand_settings, map_tensors, vmap_lanes
from benchbed.engine.sampling import Draws, shared_data
from benchbed.errors import ContractError
from benchbed.interfaces import BufferedData, ModuleProblem, Oracle, Problem
from benchbed.interfaces.gradient import Differentiate
from benchbed.interfaces.modules.plain_losses import PlainLosses

LossOfTrees = Callable[[Tensor, Tree, Tree], Tensor]
"""theta, data, draw -> loss."""
Evaluate = Callable[[Tensor], tuple[Tensor, Tensor]]
"""point `[..., dimension]` -> loss `[...]` and gradient `[..., dimension]` on this step's draw."""


USE_MODULE_PROBLEM = (
    "torch.func.vmap, which runs a problem with per_trial = True, supports neither running statistics, nor random "
    "operations but dropout, torch.rand_like, torch.randn_like and torch.bernoulli in its loss; make a network a "
    "benchbed.interfaces.ModuleProblem, draw other random numbers in make_draws, and measure without noise"
)


class StepLoss:
    """The loss of a step, for lanes `[seeds, settings]` and for a single trial."""

    def __init__(self, problem: Problem, full_batch: bool, deterministic: bool) -> None:
        self.needs_draws = not (full_batch or deterministic)
        self._problem = problem
        self.batched: LossOfTrees = batched(problem, self.single)
        self.next_buffers: Callable[[Tensor, Tree, Tree], Tree] = batched(problem, self.single_next_buffers)
        """theta, data, draw -> the problem's buffers after the step."""
        self._batched_step = batched(problem, self._step)

    def single(self, theta: Tensor, data: Tree, draw: Tree) -> Tensor:
        """Compute the loss on a draw, or over all samples for a full batch."""
        if self.needs_draws:
            return self._problem.loss(theta, data, draw)
        return self._problem.full_batch_loss(theta, data)

    def of_blocks(self, blocks: Mapping[str, Tensor], data: Tree, draw: Tree) -> tuple[Tensor, Tree]:
        """Compute the loss of a single trial at the blocks of theta, and the buffers after the step."""
        return self._problem.step_of_blocks(blocks, data, draw if self.needs_draws else None)

    def reverse_with_buffers(self, theta: Tensor, data: Tree, draw: Tree) -> tuple[Tensor, Tensor, Tree]:
        """Compute the loss, its gradient by reverse mode and the next buffers of lanes, by one forward pass."""
        with torch.enable_grad():
            point = theta.detach().requires_grad_()
            loss, buffers = self._batched_step(point, data, draw)
            (gradient,) = torch.autograd.grad(loss.sum(), point)
        return loss.detach(), gradient, map_tensors(Tensor.detach, buffers)

    def _step(self, theta: Tensor, data: Tree, draw: Tree) -> tuple[Tensor, Tree]:
        return self.of_blocks(self._problem.layout.views(theta), data, draw)

    def single_next_buffers(self, theta: Tensor, data: Tree, draw: Tree) -> Tree:
        """Compute the buffers after the step."""
        return self._problem.next_buffers(theta, data, draw if self.needs_draws else None)


def batched(problem: Problem, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return `function(theta, data, …)` of a problem for lanes: mapped, if the problem is written for one trial."""
    if not problem.per_trial:
        return function
    shared = shared_data(problem) is not None

    def mapped(theta: Tensor, data: Tree, *trees: Tree) -> Tree:
        def of_trial(theta: Tensor, lane_data: Tree, *trees: Tree) -> Tree:
            return function(theta, join_lane_data(data, lane_data, shared), *trees)

        mapped_trees = (split_lane_data(data, shared), *trees)
        # A network makes its losses plain itself.
        losses = nullcontext() if isinstance(problem, ModuleProblem) else PlainLosses()
        try:
            with losses:
                return vmap_lanes(of_trial, theta, *(expand_settings(tree, theta) for tree in mapped_trees))
        except RuntimeError as error:
            # torch has no types for these errors
            if "running_mean" in str(error) or "randomness" in str(error):
                raise ContractError(USE_MODULE_PROBLEM) from error
            raise

    return mapped


def split_lane_data(data: Tree, shared: bool) -> Tree:
    """Return the part of the data that differs between lanes: everything but the data that all instances share."""
    if isinstance(data, BufferedData):
        return data._replace(data=None) if shared else data
    return None if shared else data


def join_lane_data(data: Tree, lane_data: Tree, shared: bool) -> Tree:
    """Return the data of one lane from those of all lanes and its own part, as `split_lane_data` returned it."""
    if isinstance(data, BufferedData):
        return lane_data._replace(data=data.data) if shared else lane_data
    return data if shared else lane_data


def evaluate_on(
    differentiate: Differentiate, loss: Callable[[Tensor, Tree, Tree], Tensor], data: Tree, draws: Draws
) -> Evaluate:
    """Return the function that evaluates one step's loss and gradient; all its calls see the same draws."""
    gradient_draws = () if draws.gradient is None else (draws.gradient,)
    return lambda point: differentiate(lambda theta: loss(theta, data, draws.loss), point, *gradient_draws)


class CountingOracle:
    """The oracle of one step, for a batch of lanes, for one lane under vmap, or for a single trial."""

    def __init__(
        self,
        evaluate: Evaluate,
        loss: Tensor,
        gradient: Tensor,
        compute_progress: Callable[[], Tensor],
        compute_step: Callable[[], Tensor],
        draw: Tree = None,
        reads_masks: bool = False,
    ) -> None:
        """`compute_progress` runs when `progress` is read; calling it directly does not count as reading.

        `compute_step` runs when `step` is read. `draw` is the optimizer's draw of the step, if it has `make_draws`.
        With `reads_masks`, which ends a trace, `at` evaluates nothing where no lane asks for it.
        """
        self.loss, self.gradient, self._draw = loss, gradient, draw
        self.compute_progress, self.compute_step = compute_progress, compute_step
        self.progress_was_read = False
        """The optimizer has read `progress`, so it knows the budget."""
        self._evaluate, self._reads_masks = evaluate, reads_masks
        self.further_calls = 0
        """Calls of every lane after the first."""
        self.masked_calls: Tensor | None = None
        """Calls of the lanes selected by `where`, `[...]`; None if there was no such call."""

    @property
    def progress(self) -> Tensor:
        """Share of the budget spent, in [0, 1): `[..., 1]`."""
        self.progress_was_read = True
        return self.compute_progress()

    @property
    def step(self) -> Tensor:
        """Number of steps before this one: `[..., 1]`."""
        return self.compute_step()

    @property
    def draw(self) -> Tree:
        """The optimizer's own draw of the step. Raises: RuntimeError if it has none."""
        if self._draw is None:
            raise RuntimeError(
                "oracle.draw is read, but the optimizer has no draws; return Optimizer(make_draws=…)"
            )
        return self._draw

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute loss and gradient at `point`, on the same draw; NaN in the lanes outside `where`."""
        if where is None:
            self.further_calls += 1
            return self._evaluate(point)
        calls = where.to(self.loss.dtype)
        self.masked_calls = calls if self.masked_calls is None else self.masked_calls + calls
        if self._reads_masks and not where.any():
            return torch.full_like(self.loss, torch.nan), torch.full_like(self.gradient, torch.nan)
        loss, gradient = self._evaluate(point)
        return (
            torch.where(where, loss, torch.nan),
            torch.where(where.unsqueeze(-1), gradient, torch.nan),
        )

    def map(self, change: Callable[[Tensor], Tensor]) -> Oracle:
        """Return an oracle that applies `change` to every gradient."""
        return MappedOracle(self, change)


class MappedOracle:
    """An oracle that applies a function to the gradients of another one, which counts the calls."""

    def __init__(self, inner: Oracle, change: Callable[[Tensor], Tensor]) -> None:
        self.loss, self.gradient = inner.loss, change(inner.gradient)
        self._inner, self._change = inner, change

    @property
    def progress(self) -> Tensor:
        """Progress of the inner oracle, read only on request: a wrapper that clips does not know the budget."""
        return self._inner.progress

    @property
    def step(self) -> Tensor:
        """Number of steps before this one."""
        return self._inner.step

    @property
    def draw(self) -> Tree:
        """The optimizer's own draw of the step."""
        return self._inner.draw

    def at(self, point: Tensor, where: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Compute loss and changed gradient at `point`."""
        loss, gradient = self._inner.at(point, where)
        return loss, self._change(gradient)

    def map(self, change: Callable[[Tensor], Tensor]) -> Oracle:
        """Return an oracle that also applies another `change`."""
        return MappedOracle(self, change)
