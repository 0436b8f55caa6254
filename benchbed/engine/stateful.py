"""The steps of a trial of a stateful optimizer, such as a torch class: without lanes, and with plain numbers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchbed.checkpoints import affordable_calls
from benchbed.engine.adapters import StatefulRule, updated
from benchbed.engine.evaluation import reverse
from benchbed.engine.oracle import CountingOracle, evaluate_on
from benchbed.engine.pytrees import Lanes, Tree, map_tensors
from benchbed.engine.sampling import Draws
from benchbed.engine.step import require_like
from benchbed.interfaces import BufferedData
from benchbed.interfaces.torch_blocks import TorchState, point_of, set_point, step_blocks, update_blocks

if TYPE_CHECKING:
    from benchbed.engine.tile import Tile


def advance_trial(
    tile: "Tile", rule: StatefulRule, lanes: Lanes, start: int, stops: Sequence[int]
) -> list[Lanes]:
    """Run the steps from `start` on; return the lanes `[1, 1]` before each of the steps `stops`."""
    blocks = lanes.state.blocks if isinstance(lanes.state, TorchState) else ()
    has_blocks = [tuple(block.shape) for block in blocks] == list(tile.batch.problem.layout.blocks.values())
    is_plain = rule.optimizer.update is update_blocks and tile.batch.gradient.differentiate is reverse
    trial = (_TorchTrial if is_plain and has_blocks else _StatefulTrial)(tile, rule, lanes)
    snapshots = []
    with torch.set_grad_enabled(isinstance(trial, _TorchTrial)):  # as in a training loop
        for first, stop in pairwise([start, *stops]):
            for index in range(first, stop):
                if not trial.running:
                    break
                trial.step(tile.trial_draws(index))
            snapshots.append(trial.lanes())
    return snapshots


class _Trial(ABC):
    """A trial between two steps; its steps are those of `Stepper` for one lane."""

    def __init__(self, tile: "Tile", rule: StatefulRule, lanes: Lanes) -> None:
        self._batch, self._stepper, self._optimizer = tile.batch, tile.stepper, rule.optimizer
        self._data = tile.instances.data
        if not tile.instances.shared:
            self._data = map_tensors(_first_lane, self._data)
        self._affordable, self._price = affordable_calls(tile.batch.budget), tile.stepper.price
        self._lanes, self._state = lanes, lanes.state
        self._found, self._one = lanes.theta.new_tensor([0.0, 1.0], dtype=torch.float32)
        self._buffers = map_tensors(_first_lane, lanes.buffers)
        self._calls, self._steps = lanes.calls.item(), int(lanes.steps)
        self.running = bool(lanes.running)
        self._diverged, self._converged = bool(lanes.diverged), bool(lanes.converged)

    def step(self, draws: Draws) -> None:
        """Run one step, unless the budget does not pay for it or the trial ends at this point.

        The calls of a step are known afterwards only: it is expected to make as many as the mean of those before.
        """
        expected_calls = self._calls / self._steps if self._steps else self._price
        if self._calls + expected_calls > self._affordable:
            self.running = False
            return
        loss, gradients, buffers = self._evaluate(draws)
        self._diverged = not self._are_finite(gradients)
        if not self._diverged and self._batch.tolerance is not None:
            norms = torch.stack([torch.linalg.vector_norm(gradient) for gradient in gradients])
            self._converged = bool(torch.linalg.vector_norm(norms) <= self._batch.tolerance)
        if self._diverged or self._converged:
            self.running = False
            self._calls += self._price  # for the gradient that ends the trial
            return
        calls = self._price * (1 + self._update(draws, loss, gradients))
        self._buffers = buffers
        if not self._steps:
            self._stepper.first_calls = calls
        self._calls += calls
        self._steps += 1

    def _are_finite(self, gradients: list[Tensor]) -> bool:
        """Return whether all numbers are finite; one operation of torch.amp checks all tensors at once."""
        # It multiplies by one.
        torch._amp_foreach_non_finite_check_and_unscale_(gradients, self._found, self._one)
        return not self._found.item()  # it stays at 1, as the trial ends

    def lanes(self) -> Lanes:
        """Return the trial as lanes `[1, 1]`."""
        before, theta = self._lanes, self._point()[None, None]
        require_like(f"update of {self._batch.label_of('optimizer')} changes theta", theta, before.theta)
        return before._replace(
            theta=theta,
            state=self._state,
            calls=torch.full_like(before.calls, self._calls),
            steps=torch.full_like(before.steps, self._steps),
            running=torch.full_like(before.running, self.running),
            diverged=torch.full_like(before.diverged, self._diverged),
            converged=None
            if before.converged is None
            else torch.full_like(before.converged, self._converged),
            buffers=map_tensors(_as_lane, self._buffers),
        )

    @property
    def _data_with_buffers(self) -> Tree:
        return self._data if self._buffers is None else BufferedData(self._data, self._buffers)

    @abstractmethod
    def _evaluate(self, draws: Draws) -> tuple[Tensor, list[Tensor], Tree]:
        """Return the loss, the gradient in one or several tensors, and the buffers after the step."""

    @abstractmethod
    def _update(self, draws: Draws, loss: Tensor, gradients: list[Tensor]) -> float:
        """Update theta and state; return the further calls."""

    @abstractmethod
    def _point(self) -> Tensor:
        """Return theta `[dimension]`, which later steps do not change."""


class _StatefulTrial(_Trial):
    """A trial of any stateful optimizer."""

    def __init__(self, tile: "Tile", rule: StatefulRule, lanes: Lanes) -> None:
        super().__init__(tile, rule, lanes)
        self._theta = lanes.theta[0, 0]

    def _evaluate(self, draws: Draws) -> tuple[Tensor, list[Tensor], Tree]:
        loss, gradient = self._evaluate_at(self._theta, draws)
        buffers = self._buffers
        if buffers is not None:
            buffers = self._stepper.loss.single_next_buffers(self._theta, self._data_with_buffers, draws.loss)
        return loss, [gradient], buffers

    def _evaluate_at(self, point: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
        """Return loss and gradient at `point: [dimension]`."""
        losses, differentiate, data = (
            self._stepper.loss,
            self._batch.gradient.differentiate,
            self._data_with_buffers,
        )
        if differentiate is reverse:
            return evaluate_on(reverse, losses.single, data, draws)(point)
        # Other gradients may evaluate a loss of lanes at many points at once.
        data, draws = map_tensors(_as_lane, (data, draws))
        if self._stepper.shared:
            data = self._data if self._buffers is None else data._replace(data=self._data)
        loss, gradient = evaluate_on(differentiate, losses.batched, data, draws)(point[None, None])
        return loss[0, 0], gradient[0, 0]

    def _update(self, draws: Draws, loss: Tensor, gradients: list[Tensor]) -> float:
        (gradient,) = gradients
        oracle = CountingOracle(
            lambda point: self._evaluate_at(point, draws),
            loss,
            gradient,
            lambda: loss.new_tensor([self._calls / self._batch.budget]),
            lambda: loss.new_tensor([self._steps]),
            draws.optimizer,
            reads_masks=True,
        )
        theta, self._state = updated(self._optimizer, oracle, self._state, self._theta)
        require_like(f"update of {self._batch.label_of('optimizer')} changes theta", theta, self._theta)
        self._theta = theta
        self._stepper.reads_progress |= oracle.progress_was_read
        return oracle.further_calls + float(oracle.masked_calls or 0)

    def _point(self) -> Tensor:
        return self._theta


class _TorchTrial(_Trial):
    """A trial of torch classes: as in a training loop, `backward` writes the gradients into the blocks."""

    def __init__(self, tile: "Tile", rule: StatefulRule, lanes: Lanes) -> None:
        super().__init__(tile, rule, lanes)
        set_point(self._state, lanes.theta[0, 0])
        self._blocks = dict(zip(tile.batch.problem.layout.blocks, self._state.blocks, strict=True))

    def _evaluate(self, draws: Draws) -> tuple[Tensor, list[Tensor], Tree]:
        for block in self._state.blocks:
            block.grad = None
        loss, buffers = self._stepper.loss.of_blocks(self._blocks, self._data_with_buffers, draws.loss)
        loss.backward()
        gradients = [block.grad for block in self._state.blocks if block.grad is not None]
        return loss.detach(), gradients, buffers

    def _update(self, draws: Draws, loss: Tensor, gradients: list[Tensor]) -> float:
        further_calls = 0

        def evaluate(is_counted: bool) -> Tensor:
            nonlocal further_calls
            further_calls += not is_counted
            return self._evaluate(draws)[0]

        step_blocks(self._state, loss, evaluate)
        return further_calls

    def _point(self) -> Tensor:
        return point_of(self._state)


def _first_lane(leaf: Tensor) -> Tensor:
    return leaf[0, 0]


def _as_lane(leaf: Tensor) -> Tensor:
    return leaf[None, None]
