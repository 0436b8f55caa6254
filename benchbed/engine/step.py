"""The step of a pairing: evaluate loss and gradient, update, and freeze the lanes that are finished.

A stepper holds no tensors. Everything that differs between two batches of a pairing is an argument, so that one
compiled step serves them all.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from benchbed.checkpoints import affordable_calls
from benchbed.engine.adapters import Rule, StepContext, make_rule
from benchbed.engine.batch import Batch
from benchbed.engine.evaluation import reverse
from benchbed.engine.oracle import CountingOracle, StepLoss, evaluate_on
from benchbed.engine.pytrees import Lanes, Tree, leaves, where_lanes
from benchbed.engine.sampling import Draws
from benchbed.errors import ContractError
from benchbed.interfaces import BufferedData
from benchbed.interfaces.gradient import Differentiate


class StepInputs(NamedTuple):
    """The inputs of a step beside its lanes."""

    data: Tree
    draws: Draws
    progress: Tensor | float
    """Share of the budget spent, if it is the same for all lanes; without dimensions."""
    step_index: int = 1
    """Number of the step, from 0. A traced step serves all but the first; its number only appears in errors, which are
    raised again by the eager step."""
    traced_gradient: Differentiate | None = None
    """Replaces the gradient in a step that is traced."""


class Stepper:
    """The step of a pairing, for any number of lanes."""

    def __init__(self, batch: Batch, shared: bool, deterministic: bool) -> None:
        """`shared`: the data have no leading dimensions; `deterministic`: the problem draws nothing in a step."""
        self.batch, self.shared = batch, shared
        self.optimizer = batch.optimizer
        self.loss = StepLoss(batch.problem, self.optimizer.full_batch, deterministic)
        self.price = batch.gradient.price(batch.problem.layout.dimension)
        """Cost in calls of one loss and gradient."""
        if self.optimizer.full_batch:
            self.price *= batch.problem.full_price or 1.0
        self.calls_per_step = self.price
        """Calls that every lane makes in a step; exact after the first step."""
        self.first_calls = self.price
        """Calls of the first step, for which the budget must pay; exact after it."""
        self.adaptive = self.optimizer.stateful
        """Lanes differ in their calls, so each must track its own budget."""
        self.reads_progress = "budget" in batch.statics
        """The optimizer has read `oracle.progress`, or its factory takes the budget."""

    def bind(self, hyperparameters: Mapping[str, Tensor]) -> Rule:
        """Return the rule with `hyperparameters`, each `[settings, 1]`."""
        return make_rule(self.batch.build, self.optimizer, hyperparameters)

    def step(self, rule: Rule, lanes: Lanes, inputs: StepInputs) -> Lanes:
        """Run one step; the first one determines the calls of every step.

        Adaptive steps charge calls and mark divergence here; for all others `account` does so at the checkpoint.

        Raises: RuntimeError if the step makes other calls than the first.
        """
        after, oracle, running = self._advance(rule, lanes, inputs)
        calls = self.price * (1 + oracle.further_calls)
        if inputs.step_index == 0:
            self.calls_per_step = self.first_calls = calls
            self.adaptive = self.adaptive or oracle.masked_calls is not None
        if self.adaptive:
            return self._charge(oracle, after, lanes, running)
        if oracle.masked_calls is not None or calls != self.calls_per_step:
            raise RuntimeError(
                f"step {inputs.step_index + 1} calls its oracle more or less often than the first, so that its calls "
                "would be miscounted; make the same calls in every step, some of them with `where`"
            )
        return after

    def account(self, before: Lanes, lanes: Lanes) -> Lanes:
        """Charge the calls since `before`, the last checkpoint, and mark the lanes that diverged."""
        if self.adaptive:
            return lanes
        stopped = before.running & ~lanes.running
        # In double precision: an integer times a float would be float32, in which 2/3 is inexact.
        calls = (lanes.steps - before.steps).double() * self.calls_per_step + stopped.double() * self.price
        return lanes._replace(calls=before.calls + calls, diverged=_diverged(before, lanes, stopped))

    def _advance(self, rule: Rule, lanes: Lanes, inputs: StepInputs) -> tuple[Lanes, CountingOracle, Tensor]:
        """Run one step; return the lanes, the oracle with its counts, and the lanes that could pay for the step."""
        traced = inputs.traced_gradient is not None
        differentiate = inputs.traced_gradient or self.batch.gradient.differentiate
        data = inputs.data if lanes.buffers is None else BufferedData(inputs.data, lanes.buffers)
        running = lanes.running  # unless lanes are adaptive, the number of steps already respects the budget
        if self.adaptive:
            running = running & (lanes.calls + self.calls_per_step <= affordable_calls(self.batch.budget))

        evaluate = evaluate_on(differentiate, self.loss.batched, data, inputs.draws)
        next_buffers: Tree = None
        if lanes.buffers is not None and differentiate is reverse:
            loss, gradient, next_buffers = self.loss.reverse_with_buffers(
                lanes.theta, data, inputs.draws.loss
            )
        else:
            loss, gradient = evaluate(lanes.theta)
        finite = _is_finite(gradient, traced)
        if not _all_true(finite, traced):
            # These lanes are frozen below, but some operations raise for all lanes if one holds NaN.
            gradient = torch.where(finite.unsqueeze(-1), gradient, 0)
        oracle = CountingOracle(
            evaluate,
            loss,
            gradient,
            lambda: self._progress(lanes, inputs, gradient),
            lambda: lanes.steps.to(gradient.dtype).unsqueeze(-1),
            inputs.draws.optimizer,
            reads_masks=not traced and gradient.device.type == "cpu",
        )

        active, converged = running & finite, lanes.converged
        if converged is not None:
            reached = active & (torch.linalg.vector_norm(gradient, dim=-1) <= self.batch.tolerance)
            active, converged = active & ~reached, converged | reached

        theta, state = self._update(rule, oracle, lanes, inputs._replace(data=data))
        buffers = lanes.buffers
        if buffers is not None:
            if next_buffers is None:
                next_buffers = self.loss.next_buffers(lanes.theta, data, inputs.draws.loss)
            buffers = where_lanes(active, next_buffers, buffers)
        if not _all_true(active, traced):
            theta = torch.where(active.unsqueeze(-1), theta, lanes.theta)
            state = where_lanes(active, state, lanes.state)
        steps = lanes.steps + active
        after = lanes._replace(
            theta=theta, state=state, steps=steps, running=active, converged=converged, buffers=buffers
        )
        return after, oracle, running

    def _progress(self, lanes: Lanes, inputs: StepInputs, like: Tensor) -> Tensor:
        if self.adaptive:
            return (lanes.calls / self.batch.budget).to(like.dtype).unsqueeze(-1)
        progress = torch.as_tensor(inputs.progress, dtype=like.dtype, device=like.device)
        return progress.expand(*like.shape[:2], 1)

    def _update(
        self, rule: Rule, oracle: CountingOracle, lanes: Lanes, inputs: StepInputs
    ) -> tuple[Tensor, Tree]:
        context = StepContext(self.loss.single, self.batch.gradient, inputs.data, inputs.draws, self.shared)
        theta, state = rule.step(oracle, lanes.state, lanes.theta, context)
        check_update(self.batch.label_of("optimizer"), theta, state, lanes, opaque=False)
        # Assigned once, in an eager step: a traced step must have no side effects.
        if oracle.progress_was_read and not self.reads_progress:
            self.reads_progress = True
        return theta, state

    def _charge(self, oracle: CountingOracle, after: Lanes, before: Lanes, running: Tensor) -> Lanes:
        """Charge the calls of one step to each lane; a lane that stopped has paid for one gradient."""
        stopped = running & ~after.running
        calls = after.running * float(1 + oracle.further_calls)
        if oracle.masked_calls is not None:
            calls = calls + after.running * oracle.masked_calls
        cost = self.price * torch.where(stopped, 1.0, calls).double()
        return after._replace(calls=before.calls + cost, diverged=_diverged(before, after, stopped))


def _is_finite(gradient: Tensor, traced: bool) -> Tensor:
    """Return whether all numbers of `gradient: [..., dimension]` are finite, `[...]`."""
    difference = gradient - gradient  # 0, or NaN
    # Both forms detect NaN. Eagerly, torch takes four times as long to sum short rows; compiled, a maximum that keeps
    # NaN needs three more operations for each number.
    return (difference.sum(dim=-1) if traced else difference.amax(dim=-1)) == 0


def _all_true(mask: Tensor, traced: bool) -> bool:
    """Return whether `mask` is known to be true for all lanes; reading it would end a trace or wait for a device."""
    return not traced and mask.device.type == "cpu" and bool(mask.all())


def _diverged(before: Lanes, lanes: Lanes, stopped: Tensor) -> Tensor:
    """Mark the stopped lanes that did not converge: their gradient was not finite."""
    return before.diverged | (stopped if lanes.converged is None else stopped & ~lanes.converged)


def check_update(label: str, theta: Tensor, state: Tree, before: Lanes, opaque: bool) -> None:
    """Check that an update keeps shapes and dtypes; torch.where between two of them would broadcast or promote.

    Raises: ContractError if it does not.
    """
    update = f"update of {label}"
    require_like(f"{update} changes theta", theta, before.theta)
    if opaque:
        return
    after, leaves_before = leaves(state), leaves(before.state)
    if len(after) != len(leaves_before):
        counts = f"from {len(leaves_before)} to {len(after)}"
        raise ContractError(f"{update} changes the number of state tensors {counts}; return those of `init`")
    for leaf, leaf_before in zip(after, leaves_before, strict=True):
        require_like(f"{update} changes a state tensor", leaf, leaf_before)


def require_like(action: str, after: Tensor, before: Tensor) -> None:
    """Check that a tensor has the shape and dtype of another one. Raises: ContractError if it does not."""
    if after.shape != before.shape:
        raise ContractError(
            f"{action} from {tuple(before.shape)} to {tuple(after.shape)}; return the same shape"
        )
    if after.dtype != before.dtype:
        raise ContractError(
            f"{action} from {before.dtype} to {after.dtype}; create constants in theta's dtype"
        )
