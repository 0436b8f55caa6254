"""`benchbed.minimize`: minimize a function of one tensor by any optimizer."""

import math
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Generator, Tensor

from benchbed.catalog.factories import as_factory
from benchbed.catalog.parameters import annotations_of, factory_arguments, hyperparameters_of
from benchbed.catalog.records import InvalidPluginError
from benchbed.engine import Batch, Record, run_batch
from benchbed.errors import UsageError
from benchbed.formatting import plural
from benchbed.interfaces import Data, Gradient, Layout, Optimizer, Oracle, Problem, TrialStatus
from benchbed.interfaces.gradient import one_call
from benchbed.plan import parse_selector
from benchbed.plan.selectors import expand_settings
from benchbed.runner.task import catalog_of
from benchbed.seeds import InstanceSeed

LossOfTensor = Callable[[Tensor], Tensor]
"""A point in the shape of the start -> a tensor with one number, computed by operations that torch differentiates."""
OptimizerChoice = str | Optimizer[Any] | Callable[..., Any]
"""A selector, an optimizer, or a factory or class with its defaults."""


class Minimum(NamedTuple):
    """The result of a minimization: the point, the losses on the path to it, and why it stopped."""

    theta: Tensor
    """The optimizer's answer in the shape of the start: the last point, or for example an average of points."""
    loss: float
    """Loss at `theta`."""
    gradient_norm: float
    """Euclidean norm of the gradient at `theta`."""
    losses: Tensor
    """Loss at the start and before each further step, as `update` received it: `[evaluations]`, float64 on the CPU.

    If the tolerance is reached, the last loss belongs to the point that reached it. If the steps are spent, the point
    after the last step is not in it, as in any training loop.
    """
    gradient_norms: Tensor
    """Euclidean norms of the same gradients: `[evaluations]`."""
    steps: int
    """Number of updates."""
    calls: int
    """Number of evaluations of a loss with its gradient, those at other points included."""
    status: TrialStatus
    """Converged, exhausted or diverged."""
    reason: str
    """The status as a sentence."""

    def __repr__(self) -> str:
        """Format the result in one line, without its curves."""
        return f"Minimum(loss={self.loss:.6g}, gradient_norm={self.gradient_norm:.3g}, {self.status}: {self.reason})"


def minimize(
    loss: LossOfTensor,
    theta0: Any,
    optimizer: OptimizerChoice,
    steps: int = 1_000,
    tolerance: float | None = None,
    gradient: str = "reverse",
) -> Minimum:
    """Minimize `loss` from `theta0` until the gradient's norm is at most `tolerance`, or after `steps` evaluations.

    `loss` takes one tensor in the shape of `theta0`, not a batch of them, and may branch on its values. `theta0` is
    anything that `torch.as_tensor` takes, of any shape; it keeps its dtype if that is floating, and Python's numbers
    are float64. `optimizer` is a selector ("adam", "adam[learning_rate=0.1]", "torch.optim:NAdam[learning_rate=0.01]"),
    an optimizer that a factory returned, a factory, a class such as `torch.optim.Adam`, or a partial of one. A step
    evaluates one loss with its gradient. A rule that evaluates more often takes fewer steps, so that there are `steps`
    evaluations in all (a step that has begun is finished), with any `gradient` (`benchbed list gradients`).

    >>> import benchbed
    >>> def loss(theta):
    ...     return (theta - 3).square().sum()
    >>> minimum = benchbed.minimize(loss, [0, 0], "gd[learning_rate=0.1]", tolerance=1e-3)
    >>> minimum
    Minimum(loss=2.03541e-07, gradient_norm=0.000902, converged: the gradient's norm is at most 0.001 after 41 steps)
    >>> [round(value, 2) for value in minimum.losses[:4].tolist()], len(minimum.losses)
    ([18.0, 11.52, 7.37, 4.72], 42)

    Raises: UsageError if an argument is invalid or the loss cannot be differentiated at `theta0`; any exception of
    `loss` or the optimizer.
    """
    start, maximum_steps = _read_start(theta0), operator.index(steps)
    if maximum_steps < 1:
        raise UsageError(f"steps is {maximum_steps}; it must be at least 1")
    if tolerance is not None and not 0 < tolerance < math.inf:
        raise UsageError(
            f"tolerance is {tolerance}; it must be positive and finite (omit it to take all steps)"
        )
    problem = _FunctionProblem(loss, start)
    rule = _read_optimizer(optimizer, problem.layout, start, maximum_steps)
    curves = _CurveRecorder(rule, catalog_of(()).gradient(gradient))
    _check_loss(loss, start)
    batch = Batch(
        problem, lambda: curves.rule, statics={}, hyperparameters={}, settings=1,
        seeds=[InstanceSeed(0, "minimize", "evaluation", 0)], budget=maximum_steps, targets=(), scale=None,
        gradient=curves.gradient, metrics={}, dtype=str(start.dtype).removeprefix("torch."),
        device=str(start.device), tolerance=tolerance, raises=True,
    )  # fmt: skip
    try:
        record = run_batch(batch)
    finally:
        del problem.loss_of_tensor  # it may hold large data, and the engine caches problems
    return _minimum_of(record, curves, start, batch)


class _FunctionProblem(Problem):
    """A user's function as a problem: one trial, no draws, an unknown optimum."""

    def __init__(self, loss: LossOfTensor, start: Tensor) -> None:
        self.loss_of_tensor, self._start = loss, start

    @property
    def layout(self) -> Layout:
        return Layout({"theta": tuple(self._start.shape)})

    def make_start(self, generator: Generator) -> Tensor:
        return self._start.detach().cpu().double().flatten()

    def objective(self, theta: Tensor, data: Data) -> Tensor:
        shape, lanes = self._start.shape, theta.shape[:-1]
        with torch.enable_grad():  # a loss may itself differentiate, even where it is only measured
            if lanes.numel() == 1:  # the usual case, without a stack
                return self.loss_of_tensor(theta.reshape(shape)).reshape(lanes)
            points = theta.reshape(-1, *shape)
            return torch.stack([self.loss_of_tensor(point).reshape(()) for point in points]).reshape(lanes)


class _CurveRecorder:
    """An optimizer and a gradient that record the losses and gradients at the start of each step."""

    def __init__(self, rule: Optimizer[Any], gradient: Gradient) -> None:
        self.losses: list[float] = []
        self.norms: list[float] = []
        self._rule, self._gradient, self._is_updating = rule, gradient, False
        # A single trial needs neither vmap nor a batch, and its loss may read numbers in Python.
        self.rule = rule._replace(update=self._update, per_trial=False, stateful=True)
        self.gradient = gradient._replace(differentiate=self._differentiate, price=one_call)

    def _update(self, oracle: Oracle, state: Any, theta: Tensor) -> tuple[Tensor, Any]:
        self._is_updating = True
        result = self._rule.update(oracle, state, theta)
        self._is_updating = False
        return result

    def _differentiate(self, *arguments: Any) -> tuple[Tensor, Tensor]:
        loss, gradient = self._gradient.differentiate(*arguments)
        if not self._is_updating:  # an update evaluates other points
            self.losses.append(loss.item())
            self.norms.append(torch.linalg.vector_norm(gradient).item())
        return loss, gradient


def _read_start(theta0: Any) -> Tensor:
    start = torch.as_tensor(theta0, dtype=None if hasattr(theta0, "dtype") else torch.float64).detach()
    if start.is_complex() or not start.numel():
        raise UsageError(
            f"theta0 is {'complex' if start.is_complex() else 'empty'}; pass at least one real number"
        )
    start = start if start.is_floating_point() else start.double()
    if not torch.isfinite(start).all():
        raise UsageError("theta0 is not finite; start from finite numbers")
    return start


def _read_optimizer(optimizer: OptimizerChoice, layout: Layout, start: Tensor, budget: int) -> Optimizer[Any]:
    """Build an optimizer of a selector, a factory or a class, with numbers as the engine passes them."""
    if isinstance(optimizer, Optimizer):
        return optimizer
    if isinstance(optimizer, str):
        catalog, (name, values) = catalog_of(()), parse_selector(optimizer)
        parameters, factory = catalog.parameters(name), catalog.optimizer(name).implementation
        settings = expand_settings(values, annotations_of(parameters))
        if len(settings) > 1:
            raise UsageError(f"{optimizer} lists {len(settings)} settings; pass one")
        numbers = catalog.hyperparameters(name, settings[0])
    elif callable(optimizer):
        try:
            factory = as_factory(optimizer)
            parameters = hyperparameters_of(factory)
        except InvalidPluginError as error:
            raise UsageError(f"optimizer {getattr(optimizer, '__name__', optimizer)!r}: {error}") from error
        numbers = {name: parameter.default for name, parameter in parameters.items()}
    else:
        raise UsageError(
            f"optimizer is a {type(optimizer).__name__}; pass a selector such as 'adam[learning_rate=0.1]', an "
            "Optimizer, a function that returns one, or a class of torch.optim; functools.partial sets its arguments"
        )

    def build(numbers: dict[str, Any]) -> Optimizer[Any]:
        built = factory(**factory_arguments(factory, numbers, layout, budget))
        if not isinstance(built, Optimizer):
            raise UsageError(f"the optimizer returns a {type(built).__name__}; return an Optimizer")
        return built

    of_floats = build(numbers)
    if of_floats.stateful:
        return of_floats
    tensors = {key: start.new_tensor([value]) for key, value in numbers.items() if not parameters[key].static}
    return build({**numbers, **tensors})


def _check_loss(loss: Callable[[Tensor], object], start: Tensor) -> None:
    """Evaluate the loss once; raise UsageError if it cannot be minimized."""
    with torch.enable_grad():
        value = loss(start.clone().requires_grad_())
    if not isinstance(value, Tensor):
        raise UsageError(f"the loss returns a {type(value).__name__}; return a tensor with one number")
    if value.numel() != 1:
        raise UsageError(f"the loss has the shape {tuple(value.shape)}; return a tensor with one number")
    if not value.requires_grad:
        raise UsageError("the loss does not depend on theta; compute it from theta by torch operations")
    if not torch.isfinite(value):
        raise UsageError(f"the loss is {value.item()} at theta0; start where it is finite")


def _minimum_of(record: Record, curves: _CurveRecorder, start: Tensor, batch: Batch) -> Minimum:
    curve, steps = record.curve_objective[0, 0], int(record.steps[0, 0])
    loss, norm = float(curve[~np.isnan(record.curve_calls[0, 0])][-1]), float(record.gradient_norm[0, 0])
    status = TrialStatus(record.status[0, 0])
    # A last step that the calls did not suffice for was evaluated, but did not update.
    evaluations = steps if status is TrialStatus.EXHAUSTED else steps + 1
    after = f"after {plural(steps, 'step')}"
    if status is TrialStatus.CONVERGED:
        reason = f"the gradient's norm is at most {batch.tolerance:g} {after}"
    elif status is TrialStatus.EXHAUSTED:
        reason = f"all {batch.budget} evaluations are spent {after}"
    elif math.isfinite(loss + norm):
        reason = f"the loss has risen from {curve[0]:.3g} to {loss:.3g} {after}"
    else:
        reason = f"the loss or its gradient is not finite {after}"
    return Minimum(
        theta=torch.from_numpy(record.final_theta[0, 0]).to(start).reshape(start.shape),
        loss=loss,
        gradient_norm=norm,
        losses=torch.tensor(curves.losses[:evaluations], dtype=torch.float64),
        gradient_norms=torch.tensor(curves.norms[:evaluations], dtype=torch.float64),
        steps=steps,
        calls=round(float(record.calls[0, 0])),
        status=status,
        reason=reason,
    )
