"""Adapters that run an optimizer on lanes, for the three ways in which an optimizer may be written."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from benchbed.engine.oracle import CountingOracle, evaluate_on, join_lane_data, split_lane_data
from benchbed.engine.pytrees import Tree, expand_settings, map_tensors, vmap_lanes
from benchbed.engine.sampling import Draws
from benchbed.errors import ContractError
from benchbed.interfaces import Gradient, Optimizer, Oracle

BuildOptimizer = Callable[[Mapping[str, Any]], Optimizer[Any]]
"""Hyperparameters -> optimizer; static hyperparameters and the layout are already bound."""


Update = tuple[Tensor, Tree]
"""The next theta and state."""


def updated(optimizer: Optimizer[Any], oracle: Oracle, state: Tree, theta: Tensor) -> Update:
    """Call an optimizer's update. Raises: ContractError unless it returns a tensor and a state."""
    result: Any = optimizer.update(oracle, state, theta)
    values = result if isinstance(result, tuple | list) else [result]
    if len(values) == 2 and isinstance(values[0], Tensor):
        return values[0], values[1]
    types = " and ".join(type(value).__name__ for value in values)
    raise ContractError(f"update returns {types or 'nothing'}; return the next theta and the next state")


class StepContext(NamedTuple):
    """The inputs of a step's oracle, from which an adapter builds the oracle of a single trial."""

    loss: Callable[[Tensor, Tree, Tree], Tensor]
    """theta, data, draw -> loss of a single trial."""
    gradient: Gradient
    data: Tree
    draws: Draws
    shared: bool
    """The data have no leading dimensions."""


class Rule(Protocol):
    """An optimizer with its hyperparameters, for lanes `[seeds, settings]`."""

    opaque: bool
    """The engine does not know the state, so it cannot freeze a finished lane: `stateful.py` runs the trial."""

    def init(self, theta: Tensor) -> Tree:
        """Return the state at the start."""

    def step(self, oracle: CountingOracle, state: Tree, theta: Tensor, context: StepContext) -> Update:
        """Compute one update of every lane."""

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        """Return the point that is measured."""


class _BatchedRule:
    """An optimizer that updates all lanes at once, as most do."""

    opaque = False

    def __init__(self, build: BuildOptimizer, hyperparameters: Mapping[str, Tensor]) -> None:
        self._optimizer = build(hyperparameters)

    def init(self, theta: Tensor) -> Tree:
        # Copies, so that no tensor aliases theta or another.
        return map_tensors(torch.clone, self._optimizer.init(theta))

    def step(self, oracle: CountingOracle, state: Tree, theta: Tensor, context: StepContext) -> Update:
        return updated(self._optimizer, oracle, state, theta)

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        return self._optimizer.answer(state, theta)


class _PerTrialRule:
    """An optimizer written for one trial, mapped over settings and seeds by `torch.func.vmap`."""

    opaque = False

    def __init__(self, build: BuildOptimizer, hyperparameters: Mapping[str, Tensor]) -> None:
        self._build = build
        self._hyperparameters = dict(hyperparameters)

    def init(self, theta: Tensor) -> Tree:
        def init(theta: Tensor, values: Tree) -> Tree:
            return self._build(values).init(theta)

        return map_tensors(torch.clone, vmap_lanes(init, theta, self._hyperparameters_of(theta)))

    def step(self, oracle: CountingOracle, state: Tree, theta: Tensor, context: StepContext) -> Update:
        # The calls made within a lane are added to the batch's oracle.
        differentiate = context.gradient.under_vmap or context.gradient.differentiate
        lane_oracles: list[CountingOracle] = []

        def update(
            theta: Tensor, state: Tree, loss: Tensor, gradient: Tensor, progress: Tensor, step: Tensor,
            hyperparameters: Tree, data: Tree, draws: Draws,
        ) -> Tree:  # fmt: skip
            data = join_lane_data(context.data, data, context.shared)
            evaluate = evaluate_on(differentiate, context.loss, data, draws)
            lane_oracle = CountingOracle(
                evaluate, loss, gradient, lambda: progress, lambda: step, draws.optimizer
            )
            lane_oracles.append(lane_oracle)
            theta, state = updated(self._build(hyperparameters), lane_oracle, state, theta)
            masked_calls = lane_oracle.masked_calls
            return theta, state, torch.zeros_like(loss) if masked_calls is None else masked_calls

        theta, state, masked_calls = vmap_lanes(
            update,
            theta,
            state,
            oracle.loss,
            oracle.gradient,
            oracle.compute_progress(),
            oracle.compute_step(),
            self._hyperparameters_of(theta),
            expand_settings(split_lane_data(context.data, context.shared), theta),
            expand_settings(context.draws, theta),
        )
        lane_oracle = lane_oracles[0]
        oracle.further_calls += lane_oracle.further_calls
        oracle.progress_was_read |= lane_oracle.progress_was_read
        if lane_oracle.masked_calls is not None:
            oracle.masked_calls = masked_calls
        return theta, state

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        def answer(state: Tree, theta: Tensor, values: Tree) -> Tensor:
            return self._build(values).answer(state, theta)

        return torch.as_tensor(vmap_lanes(answer, state, theta, self._hyperparameters_of(theta)))

    def _hyperparameters_of(self, theta: Tensor) -> dict[str, Tensor]:
        return {name: value.expand(*theta.shape[:2], 1) for name, value in self._hyperparameters.items()}


class StatefulRule:
    """An optimizer with any state, such as a `torch.optim.Optimizer`: one lane `[1, 1]`, hyperparameters as floats."""

    opaque = True

    def __init__(self, build: BuildOptimizer, hyperparameters: Mapping[str, Tensor]) -> None:
        self.optimizer = build({name: value.item() for name, value in hyperparameters.items()})

    def init(self, theta: Tensor) -> Tree:
        """Return the state of the lane at its start."""
        return self.optimizer.init(theta[0, 0])

    def step(self, oracle: CountingOracle, state: Tree, theta: Tensor, context: StepContext) -> Update:
        """Compute one update of the lane; checks use it, and trials run in `stateful.py`."""

        def evaluate(point: Tensor) -> tuple[Tensor, Tensor]:
            loss, gradient = oracle.at(point[None, None])
            return loss[0, 0], gradient[0, 0]

        trial_oracle = CountingOracle(
            evaluate,
            oracle.loss[0, 0],
            oracle.gradient[0, 0],
            lambda: oracle.compute_progress()[0, 0],
            lambda: oracle.compute_step()[0, 0],
            map_tensors(lambda leaf: leaf[0, 0], context.draws.optimizer),
        )
        theta, state = updated(self.optimizer, trial_oracle, state, theta[0, 0])
        return theta[None, None], state

    def answer(self, state: Tree, theta: Tensor) -> Tensor:
        """Return the point of the lane that is measured."""
        return self.optimizer.answer(state, theta[0, 0])[None, None]


def make_rule(
    build: BuildOptimizer, optimizer: Optimizer[Any], hyperparameters: Mapping[str, Tensor]
) -> Rule:
    """Bind `hyperparameters`, each `[settings, 1]`, by the adapter that the flags of `optimizer` ask for."""
    if optimizer.stateful:
        return StatefulRule(build, hyperparameters)
    if optimizer.per_trial:
        return _PerTrialRule(build, hyperparameters)
    return _BatchedRule(build, hyperparameters)
