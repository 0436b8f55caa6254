"""Make one step of every lane: ask the oracle, update, leave finished lanes as they were.

A kernel holds no tensors: everything that differs between two batches of a pairing comes in as an argument, so that one
compiled program serves them all.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor

from benchbed.checkpoints import affordable_calls
from benchbed.engine.adapters import Rule, StepContext, make_rule
from benchbed.engine.batch import Batch
from benchbed.engine.oracle import CountingOracle, Evaluate, StepLoss, evaluation
from benchbed.engine.pytrees import Lanes, Tree, choose, leaves
from benchbed.engine.sampling import Draws
from benchbed.interfaces import Optimizer
from benchbed.interfaces.gradient import Differentiate


class StepInputs(NamedTuple):
    """What a step sees beside its lanes."""

    data: Tree
    draws: Draws
    progress: Tensor | float
    """Share of the budget spent, where all lanes have spent the same; no dimensions."""


class Stepper:
    """The step of a pairing, for lanes of any number."""

    def __init__(self, batch: Batch, shared: bool, deterministic: bool) -> None:
        self.batch, self.shared = batch, shared
        self.optimizer = self.build({name: values[0] for name, values in batch.hyperparameters.items()})
        """With the hyperparameters of the first setting: its flags hold for all."""
        full = self.optimizer.full_batch
        self.losses = StepLoss(batch.problem, full, deterministic)
        self.price = batch.gradient.price(batch.problem.layout.dimension)
        if full:
            self.price *= batch.problem.full_price or 1.0
        self.calls_per_step = self.price
        """Calls that every lane makes in a step; known exactly after the first."""
        self.adaptive = self.optimizer.stateful
        """Lanes differ in the calls they make, so each must watch its own budget."""
        self.reads_progress = False
        """The rule has asked for the share of the budget spent."""

    def build(self, hyperparameters: Mapping[str, Any]) -> Optimizer[Any]:
        """Call the factory with these and the static hyperparameters."""
        return self.batch.factory(**self.batch.statics, **hyperparameters)

    def bind(self, hyperparameters: Mapping[str, Tensor]) -> Rule:
        """Give the rule with `hyperparameters`, each `[settings, 1]`."""
        return make_rule(self.build, self.optimizer, hyperparameters)

    def first(self, rule: Rule, lanes: Lanes, inputs: StepInputs) -> Lanes:
        """Make the first step of all, and learn from it what a step costs."""
        moved, oracle, running = self._move(rule, lanes, inputs, self.batch.gradient.differentiate)
        self.calls_per_step = self.price * (1 + oracle.further_calls)
        self.adaptive = self.adaptive or oracle.some_calls is not None
        return self._charge(oracle, moved, lanes, running) if self.adaptive else moved

    def step(
        self, rule: Rule, lanes: Lanes, inputs: StepInputs, index: int, form: Differentiate | None = None
    ) -> Lanes:
        """Make a later step, `index` (from 0), by another `form` of the batch's gradient if one is given.

        Calls and divergence are charged here only where lanes differ; elsewhere `account` does so at the checkpoint.
        Raises RuntimeError where a step makes other calls than the first.
        """
        moved, oracle, running = self._move(
            rule, lanes, inputs, form or self.batch.gradient.differentiate, traced=form is not None
        )
        if self.adaptive:
            return self._charge(oracle, moved, lanes, running)
        if oracle.some_calls is not None or self.price * (1 + oracle.further_calls) != self.calls_per_step:
            raise RuntimeError(
                f"step {index + 1} asks its oracle more or less often than the first, so that its calls would be "
                "miscounted; make the same calls in every step, some of them with `where`"
            )
        return moved

    def account(self, before: Lanes, lanes: Lanes) -> Lanes:
        """Charge the calls made since `before`, the last checkpoint, and mark the lanes that a gradient stopped."""
        if self.adaptive:
            return lanes
        stopped = before.running & ~lanes.running
        # As doubles: a whole number times a float would be single precision, in which 2/3 is not 2/3.
        made = (lanes.steps - before.steps).double() * self.calls_per_step + stopped.double() * self.price
        return lanes._replace(calls=before.calls + made, diverged=_diverged(before, lanes, stopped))

    def _move(
        self, rule: Rule, lanes: Lanes, inputs: StepInputs, form: Differentiate, traced: bool = False
    ) -> tuple[Lanes, CountingOracle, Tensor]:
        """Give the moved lanes, the oracle with its counts, and the lanes that could afford the step."""
        evaluate = evaluation(form, self.losses.batched, inputs.data, inputs.draws)
        running = self._affordable(lanes)
        oracle, finite = self._ask(evaluate, lanes, inputs, traced)
        active, converged = running & finite, lanes.converged
        if converged is not None:
            met = active & (torch.linalg.vector_norm(oracle.gradient, dim=-1) <= self.batch.tolerance)
            active, converged = active & ~met, converged | met
        theta, state = self._update(rule, oracle, lanes, active, inputs)
        if not _holds_for_all(active, traced):  # else there is nothing to choose
            theta = torch.where(active.unsqueeze(-1), theta, lanes.theta)
            state = state if rule.opaque else choose(active, state, lanes.state)
        moved = Lanes(
            theta=theta,
            state=state,
            calls=lanes.calls,
            steps=lanes.steps + active,
            running=active,
            diverged=lanes.diverged,
            converged=converged,
        )
        return moved, oracle, running

    def _affordable(self, lanes: Lanes) -> Tensor:
        if not self.adaptive:
            return lanes.running  # the number of steps already keeps to the budget
        return lanes.running & (lanes.calls + self.calls_per_step <= affordable_calls(self.batch.budget))

    def _ask(
        self, evaluate: Evaluate, lanes: Lanes, inputs: StepInputs, traced: bool
    ) -> tuple[CountingOracle, Tensor]:
        loss, gradient = evaluate(lanes.theta)
        finite = _is_finite(gradient, traced)
        calm = gradient
        if not _holds_for_all(finite, traced):
            # Lanes that are not finite are frozen, but some operations raise for all lanes if one holds NaN.
            calm = torch.where(finite.unsqueeze(-1), gradient, 0)
        return CountingOracle(evaluate, loss, calm, lambda: self._progress(lanes, inputs, calm)), finite

    def _progress(self, lanes: Lanes, inputs: StepInputs, like: Tensor) -> Tensor:
        if self.adaptive:
            return (lanes.calls / self.batch.budget).to(like.dtype).unsqueeze(-1)
        spent = torch.as_tensor(inputs.progress, dtype=like.dtype, device=like.device)
        return spent.expand(*like.shape[:2], 1)

    def _update(
        self, rule: Rule, oracle: CountingOracle, lanes: Lanes, active: Tensor, inputs: StepInputs
    ) -> tuple[Tensor, Tree]:
        if rule.opaque and not active.item():
            return lanes.theta, lanes.state
        step = StepContext(self.losses.single, self.batch.gradient, inputs.data, inputs.draws, self.shared)
        theta, state = rule.step(oracle, lanes.state, lanes.theta, step)
        _refuse_broadcasts(theta, state, lanes, opaque=rule.opaque)
        if oracle.progress_was_read and not self.reads_progress:
            self.reads_progress = True  # written once, in an eager step: a traced step must change nothing
        return theta, state

    def _charge(self, oracle: CountingOracle, moved: Lanes, before: Lanes, running: Tensor) -> Lanes:
        stopped = running & ~moved.running
        calls = moved.running * float(1 + oracle.further_calls)
        if oracle.some_calls is not None:
            calls = calls + moved.running * oracle.some_calls
        made = self.price * torch.where(stopped, 1.0, calls).double()
        return moved._replace(calls=before.calls + made, diverged=_diverged(before, moved, stopped))


def _is_finite(gradient: Tensor, traced: bool) -> Tensor:
    """Tell where all numbers of `gradient: [..., dimension]` are finite."""
    nothing = gradient - gradient  # 0, or no number
    # Either shows it: torch takes four times as long to sum short rows, and a program that keeps NaN in a maximum needs
    # three operations more for each number.
    return (nothing.sum(dim=-1) if traced else nothing.amax(dim=-1)) == 0


def _holds_for_all(mask: Tensor, traced: bool) -> bool:
    """Tell whether `mask` is known to hold for all lanes; to look would stop a trace, or wait for a device."""
    return not traced and mask.device.type == "cpu" and bool(mask.all())


def _diverged(before: Lanes, lanes: Lanes, stopped: Tensor) -> Tensor:
    """Mark those of the lanes that a gradient stopped whose gradient was not finite, beside those marked before."""
    return before.diverged | (stopped if lanes.converged is None else stopped & ~lanes.converged)


def _refuse_broadcasts(theta: Tensor, state: Tree, lanes: Lanes, opaque: bool) -> None:
    # The choice between old and new would stretch a tensor of another shape over all lanes without a word.
    pairs = [("theta", theta, lanes.theta)]
    if not opaque:
        new, old = leaves(state), leaves(lanes.state)
        if len(new) != len(old):
            raise ValueError(f"update changes the number of state tensors from {len(old)} to {len(new)}")
        pairs += [("a state tensor", after, before) for after, before in zip(new, old, strict=True)]
    for what, after, before in pairs:
        if after.shape != before.shape:
            raise ValueError(f"update changes {what} from {tuple(before.shape)} to {tuple(after.shape)}")
