"""Bind an optimizer factory to a batch's hyperparameters, in the three ways a rule may be written."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from benchbed.engine.oracle import CountingOracle, evaluation
from benchbed.engine.pytrees import Tree, leaves, map_tensors, vmap_lanes
from benchbed.engine.sampling import Draws
from benchbed.interfaces import Gradient, Optimizer

Build = Callable[[Mapping[str, Any]], Optimizer[Any]]
"""Hyperparameters -> optimizer; static hyperparameters and the layout are already bound."""


class StepContext(NamedTuple):
    """What a rule sees of a step beside its oracle: the loss `(theta, data, draw)`, its arguments, its gradient."""

    loss: Callable[[Tensor, Tree, Tree], Tensor]
    gradient: Gradient
    data: Tree
    draws: Draws
    shared: bool
    """The data have no leading dimensions."""


class Rule(Protocol):
    """An optimizer at work on lanes `[seeds, settings]`."""

    opaque: bool
    """Its state is unknown to the engine, so a finished lane cannot be frozen but must not be stepped."""

    def init(self, theta: Tensor) -> Tree:
        """Make the state at the start."""

    def step(
        self, oracle: CountingOracle, state: Tree, theta: Tensor, step: StepContext
    ) -> tuple[Tensor, Tree]:
        """Make one update of every lane."""

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        """Give the point that is measured."""


class BatchedRule:
    """A rule that works on all lanes at once, as most are written."""

    opaque = False

    def __init__(self, build: Build, hyperparameters: Mapping[str, Tensor]) -> None:
        self._optimizer = build(hyperparameters)

    def init(self, theta: Tensor) -> Tree:
        """Make the state; its tensors are copies, so that none is an alias of theta or of another."""
        return map_tensors(torch.clone, self._optimizer.init(theta))

    def step(
        self, oracle: CountingOracle, state: Tree, theta: Tensor, step: StepContext
    ) -> tuple[Tensor, Tree]:
        """Make one update of every lane."""
        return self._optimizer.update(oracle, state, theta)

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        """Give the point that is measured."""
        return self._optimizer.answer(state, theta)


class PerTrialRule:
    """A rule written for one trial, mapped over settings within seeds by `torch.func.vmap`."""

    opaque = False

    def __init__(self, build: Build, hyperparameters: Mapping[str, Tensor]) -> None:
        self._build = build
        self._hyperparameters = dict(hyperparameters)

    def init(self, theta: Tensor) -> Tree:
        """Make the state of every lane."""
        state = vmap_lanes(lambda one, values: self._build(values).init(one), theta, self._spread(theta))
        return map_tensors(torch.clone, state)

    def step(
        self, oracle: CountingOracle, state: Tree, theta: Tensor, step: StepContext
    ) -> tuple[Tensor, Tree]:
        """Make one update of every lane; calls made within a lane are reported to the batch's oracle."""
        form = step.gradient.under_vmap or step.gradient.differentiate
        inner: list[CountingOracle] = []

        def update(theta: Tensor, state: Tree, asked: Tree, values: Tree, data: Tree, draws: Draws) -> Tree:
            loss, slope, spent = asked
            data = step.data if step.shared else data
            lane = CountingOracle(evaluation(form, step.loss, data, draws), loss, slope, lambda: spent)
            inner.append(lane)
            moved, changed = self._build(values).update(lane, state, theta)
            return moved, changed, torch.zeros_like(loss) if lane.some_calls is None else lane.some_calls

        asked = (oracle.loss, oracle.gradient, oracle.spent())
        own_data = None if step.shared else step.data
        moved, changed, some_calls = vmap_lanes(
            update,
            theta,
            state,
            asked,
            self._spread(theta),
            _spread(own_data, theta),
            _spread(step.draws, theta),
        )
        oracle.further_calls += inner[0].further_calls
        oracle.progress_was_read |= inner[0].progress_was_read
        if inner[0].some_calls is not None:
            oracle.some_calls = some_calls
        return moved, changed

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        """Give the point that is measured."""
        point = vmap_lanes(
            lambda s, t, values: self._build(values).answer(s, t), state, theta, self._spread(theta)
        )
        return torch.as_tensor(point)

    def _spread(self, theta: Tensor) -> dict[str, Tensor]:
        return {name: value.expand(*theta.shape[:2], 1) for name, value in self._hyperparameters.items()}


class StatefulRule:
    """A rule with any state, such as a `torch.optim.Optimizer`: a single lane `[1, 1]`, numbers as floats."""

    opaque = True

    def __init__(self, build: Build, hyperparameters: Mapping[str, Tensor]) -> None:
        self._optimizer = build({name: value.item() for name, value in hyperparameters.items()})

    def init(self, theta: Tensor) -> Tree:
        """Make the state of the one lane."""
        return self._optimizer.init(theta[0, 0])

    def step(
        self, oracle: CountingOracle, state: Tree, theta: Tensor, step: StepContext
    ) -> tuple[Tensor, Tree]:
        """Make one update, with an oracle that has no leading dimensions."""

        def evaluate(point: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = oracle.at(point[None, None])
            return loss[0, 0], gradient[0, 0]

        alone = CountingOracle(
            evaluate, oracle.loss[0, 0], oracle.gradient[0, 0], lambda: oracle.spent()[0, 0]
        )
        moved, state = self._optimizer.update(alone, state, theta[0, 0])
        # A closure may be called any number of times: the count belongs to this lane, not to every step.
        made = torch.full_like(oracle.loss, oracle.further_calls)
        oracle.some_calls, oracle.further_calls = made, 0
        oracle.progress_was_read |= alone.progress_was_read
        return moved[None, None], state

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        """Give the point that is measured."""
        return self._optimizer.answer(state, theta[0, 0])[None, None]


def make_rule(build: Build, optimizer: Optimizer[Any], hyperparameters: Mapping[str, Tensor]) -> Rule:
    """Bind `hyperparameters`, each `[settings, 1]`, in the way that `optimizer`, built with its defaults, asks for."""
    if optimizer.stateful:
        return StatefulRule(build, hyperparameters)
    if optimizer.per_trial:
        return PerTrialRule(build, hyperparameters)
    return BatchedRule(build, hyperparameters)


def state_bytes(state: Tree, lanes: int) -> float:
    """Count the bytes of state that one lane holds."""
    return sum(leaf.numel() * leaf.element_size() for leaf in leaves(state)) / lanes


def _spread(tree: Tree, theta: Tensor) -> Tree:
    # [seeds, 1, …] -> [seeds, settings, …] without copying: vmap maps both dimensions of every tensor.
    return map_tensors(lambda leaf: leaf.expand(*theta.shape[:2], *leaf.shape[2:]), tree)
