"""Minimize a function of one tensor by any optimizer: the engine's plainest use, from Python in three lines."""

import math
import operator
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from benchbed.catalog.validation import factory_arguments
from benchbed.engine import Batch, Record, run_batch
from benchbed.errors import UsageError
from benchbed.interfaces import Data, Gradient, Layout, Optimizer, Oracle, Problem
from benchbed.interfaces.gradient import one_call
from benchbed.plan import parse_selector
from benchbed.plan.selectors import expand_settings
from benchbed.runner.task import catalog_of
from benchbed.seeds import InstanceSeed

Loss = Callable[[Tensor], Tensor]
"""A point in the shape of the start -> a tensor with one number, by operations that torch can differentiate."""


class Minimum(NamedTuple):
    """What a minimization found, what it saw on its way, and why it stopped."""

    theta: Tensor
    """The optimizer's answer: the last point, unless its answer is another (an average); in the start's shape."""
    loss: float
    """At `theta`."""
    gradient_norm: float
    """Euclidean norm at `theta`."""
    losses: Tensor
    """`[evaluations]`, float64 on the CPU: at the start and before each further step, as `update` received it.

    Where the tolerance is met the last one belongs to the point that met it; where the steps are spent, the point
    after the last of them has not been evaluated any more, as in any training loop.
    """
    gradient_norms: Tensor
    """`[evaluations]`: Euclidean norms of the same gradients."""
    steps: int
    """Updates made."""
    calls: int
    """Losses with gradients that were asked for, those at other points included."""
    status: Literal["converged", "exhausted", "diverged"]
    reason: str
    """The same as a sentence."""

    def __repr__(self) -> str:
        """Say in a line what a notebook should show of it."""
        return f"Minimum(loss={self.loss:.6g}, gradient_norm={self.gradient_norm:.3g}, {self.status}: {self.reason})"


def minimize(
    loss: Loss,
    theta0: Any,
    optimizer: str | Optimizer[Any],
    steps: int = 1_000,
    tolerance: float | None = None,
    gradient: str = "reverse",
) -> Minimum:
    """Minimize `loss` from `theta0` until the gradient's norm is at most `tolerance`, or `steps` are made.

    `loss` takes one tensor in the shape of `theta0`, no batch of them, and may branch on its values. `theta0` is
    anything that `torch.as_tensor` takes, of any shape; it keeps its dtype if that is floating, and Python's numbers
    are float64. `optimizer` is a selector ("adam", "adam[learning_rate=0.1]", "torch.optim:NAdam[learning_rate=0.01]")
    or what a factory returned. A step asks for one loss with its gradient; a rule that asks more often makes fewer
    steps, so that there are `steps` evaluations in all (a step that has begun is finished), whatever a `gradient`
    (`benchbed list gradients`) costs.

    >>> import benchbed
    >>> def loss(theta):
    ...     return (theta - 3).square().sum()
    >>> found = benchbed.minimize(loss, [0, 0], "gd[learning_rate=0.1]", tolerance=1e-3)
    >>> found
    Minimum(loss=2.03541e-07, gradient_norm=0.000902, converged: the gradient's norm is at most 0.001 after 41 steps)
    >>> [round(value, 2) for value in found.losses[:4].tolist()], len(found.losses)
    ([18.0, 11.52, 7.37, 4.72], 42)

    Raises: UsageError if an argument makes no sense or the loss cannot be differentiated at `theta0`; what `loss` or
    the optimizer raises comes through as it is.
    """
    start, count = _start(theta0), _count(steps)
    if tolerance is not None and not 0 < tolerance < math.inf:
        raise UsageError(
            f"tolerance is {tolerance}; it must be positive and finite (leave it out to make all steps)"
        )
    layout = Layout({"theta": tuple(start.shape)})
    rule = _rule(optimizer, layout, start)
    differentiate = catalog_of(()).gradient(gradient)
    _try(loss, start)
    problem = _OneLoss(loss, start, layout)
    watch = _Watch(rule, differentiate)
    batch = Batch(
        problem, lambda: watch.rule, statics={}, hyperparameters={}, settings=1,
        seeds=[InstanceSeed(0, "minimize", "evaluation", 0)], budget=count, targets=(), scale=None,
        gradient=watch.gradient, metrics={}, dtype=str(start.dtype).removeprefix("torch."), device=str(start.device),
        tolerance=tolerance, raises=True,
    )  # fmt: skip
    try:
        record = run_batch(batch)
    finally:
        problem.forget()
    return _minimum(record, watch, start, batch)


class _OneLoss(Problem):
    """A user's function as a problem: one trial, no draws, its optimum unknown."""

    def __init__(self, loss: Loss, start: Tensor, layout: Layout) -> None:
        self._loss, self._start, self._layout = loss, start, layout

    @property
    def layout(self) -> Layout:
        return self._layout

    def make_start(self, generator: Generator) -> Tensor:
        return self._start.detach().cpu().double().flatten()

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        shape, lanes = self._start.shape, theta.shape[:-1]
        with torch.enable_grad():  # a loss may itself differentiate, also where it is only measured
            if lanes.numel() == 1:
                return self._loss(theta.reshape(shape)).reshape(lanes)
            each = [self._loss(point.reshape(shape)).reshape(()) for point in theta.flatten(0, -2)]
            return torch.stack(each).reshape(lanes)

    def forget(self) -> None:
        """Let go of the loss: the engine remembers problems, and what a loss holds may be large."""
        del self._loss


class _Watch:
    """An optimizer and a gradient that note what the one receives from the other at the start of each step."""

    def __init__(self, rule: Optimizer[Any], gradient: Gradient) -> None:
        self.losses: list[float] = []
        self.norms: list[float] = []
        self._rule, self._gradient, self._is_updating = rule, gradient, False
        # For a single trial there is nothing to map or to batch, and Python may look at its numbers.
        self.rule = rule._replace(update=self._update, per_trial=False, stateful=True)
        self.gradient = gradient._replace(differentiate=self._differentiate, price=one_call)

    def _update(self, oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        self._is_updating = True
        moved = self._rule.update(oracle, state, theta)
        self._is_updating = False
        return moved

    def _differentiate(self, *asked: Any) -> tuple[Tensor, Tensor]:
        loss, gradient = self._gradient.differentiate(*asked)
        if not self._is_updating:  # within an update, other points are asked for
            self.losses.append(loss.item())
            self.norms.append(torch.linalg.vector_norm(gradient).item())
        return loss, gradient


def _start(theta0: Any) -> Tensor:
    start = torch.as_tensor(theta0, dtype=None if hasattr(theta0, "dtype") else torch.float64).detach()
    if start.is_complex() or not start.numel():
        what = "complex" if start.is_complex() else "empty"
        raise UsageError(f"theta0 is {what}; give real numbers to start from")
    start = start if start.is_floating_point() else start.double()
    if not torch.isfinite(start).all():
        raise UsageError("theta0 is not finite; start from finite numbers")
    return start


def _count(steps: int) -> int:
    count = operator.index(steps)
    if count < 1:
        raise UsageError(f"steps is {count}; make at least 1")
    return count


def _rule(optimizer: str | Optimizer[Any], layout: Layout, start: Tensor) -> Optimizer[Any]:
    if isinstance(optimizer, Optimizer):
        return optimizer
    if not isinstance(optimizer, str):
        raise UsageError(
            f"optimizer is a {type(optimizer).__name__}; give a selector such as 'adam[learning_rate=0.1]', or the "
            "Optimizer that a factory returns"
        )
    catalog, selector = catalog_of(()), parse_selector(optimizer)
    known = catalog.parameters(selector.name)
    settings = expand_settings(selector.parameters, known)
    if len(settings) > 1:
        raise UsageError(f"{optimizer} lists {len(settings)} settings; give one")
    values = catalog.hyperparameters(selector.name, settings[0])
    factory = catalog.optimizer(selector.name).implementation
    rule: Optimizer[Any] = factory(**factory_arguments(factory, values, layout))
    if rule.stateful:
        return rule

    def as_the_engine_does(value: Any) -> Tensor:
        return torch.tensor([value], dtype=start.dtype, device=start.device)

    numbers = {
        name: value if known[name].static else as_the_engine_does(value) for name, value in values.items()
    }
    own: Optimizer[Any] = factory(**factory_arguments(factory, numbers, layout))
    return own


def _try(loss: Callable[[Tensor], object], start: Tensor) -> None:
    """Evaluate the loss once, and refuse what cannot be minimized."""
    with torch.enable_grad():
        value = loss(start.clone().requires_grad_())
    if not isinstance(value, Tensor):
        raise UsageError(f"the loss gives a {type(value).__name__}; return a tensor with one number")
    if value.numel() != 1:
        raise UsageError(f"the loss has the shape {tuple(value.shape)}; return a tensor with one number")
    if not value.requires_grad:
        raise UsageError("the loss does not depend on theta; compute it from theta by operations of torch")
    if not torch.isfinite(value):
        raise UsageError(f"the loss is {value.item()} at theta0; start where it is finite")


def _minimum(record: Record, watch: _Watch, start: Tensor, batch: Batch) -> Minimum:
    curve, steps = record.curve_objective[0, 0], int(record.steps[0, 0])
    loss, norm = float(curve[~np.isnan(record.curve_calls[0, 0])][-1]), float(record.gradient_norm[0, 0])
    status = record.status[0, 0]
    # A step that was begun and not made, for want of calls, has been evaluated all the same.
    seen = steps if status == "exhausted" else steps + 1
    after = f"after {steps} step{'' if steps == 1 else 's'}"
    reasons = {
        "converged": f"the gradient's norm is at most {batch.tolerance:g} {after}" if batch.tolerance else "",
        "exhausted": f"all {batch.budget} evaluations are spent {after}",
        "diverged": f"the loss has risen from {curve[0]:.3g} to {loss:.3g} {after}",
    }
    if status == "diverged" and not math.isfinite(loss + norm):
        reasons[status] = f"the loss or its gradient is not finite {after}"
    return Minimum(
        theta=torch.from_numpy(record.final_theta[0, 0]).to(start).reshape(start.shape),
        loss=loss,
        gradient_norm=norm,
        losses=torch.tensor(watch.losses[:seen], dtype=torch.float64),
        gradient_norms=torch.tensor(watch.norms[:seen], dtype=torch.float64),
        steps=steps,
        calls=round(float(record.calls[0, 0])),
        status=status,
        reason=reasons[status],
    )
