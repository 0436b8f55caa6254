"""Metrics at checkpoints and final points; one that fails costs its own values and nothing else."""

from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.engine import global_random
from benchbed.engine.batch import Batch
from benchbed.engine.evaluation import in_pieces, measure_start
from benchbed.engine.oracle import batched
from benchbed.engine.python_state import Variable, changed_variable, snapshot
from benchbed.engine.pytrees import Tree, map_tensors
from benchbed.engine.sampling import Instances
from benchbed.engine.trial_comparison import unwritten
from benchbed.errors import ContractError
from benchbed.formatting import shortened
from benchbed.interfaces import START_IN_BASIN, RegisteredMetric

REASON_LENGTH = 300
"""Characters of the reason why a metric has no value."""
AGREEMENT = 1e-3
"""Relative difference of a trial's value alone and in its batch, which rounding may cause."""


FROM_ARGUMENTS = "compute it from its arguments alone"
MetricFunction = Callable[[Tensor, Any], Any]
"""theta `[seeds, settings, dimension]` and data -> values `[seeds, settings]`, or None if it does not apply."""


class MetricValues(NamedTuple):
    """Values of a metric, `[seeds, settings]`, NaN where `errors` has a reason instead of None."""

    values: np.ndarray
    errors: np.ndarray


class MetricError(ValueError):
    """A metric does not return a real number for each trial."""


def measure_metrics(
    metrics: Mapping[str, RegisteredMetric],
    instances: Instances,
    point: Tensor,
    faulty: Mapping[str, str],
    buffers: Tree = None,
) -> dict[str, MetricValues]:
    """Measure the problem's metrics, the registered ones that apply, and whether starts lie in the basin.

    The `faulty` ones are not called; they have no value, and this reason.
    """
    functions, error = metric_functions(metrics, instances)
    results = {} if error is None else {"metrics": _without_values(point, error)}
    for name, function in functions.items():
        if name in faulty:
            results[name] = _without_values(point, MetricError(faulty[name]))
            continue
        before = global_random.generator_states()
        with global_random.restored_generators():
            if name == START_IN_BASIN:
                values = _measure_basin(instances, point)
            else:
                values = _measure(function, instances, point, buffers)
            generator = global_random.moved_generator(before)
        if generator is not None:
            values = _without_values(point, MetricError(explain_noise(generator)))
        if values is not None:
            results[name] = values
    return results


def measure_curves(
    batch: Batch, instances: Instances, point: Tensor, buffers: Tree
) -> dict[str, MetricValues]:
    """Measure the problem's metrics of every checkpoint; faulty ones have no value, and a reason at the final point."""
    values: dict[str, MetricValues] = {}
    names = batch.problem.curve_metrics
    if not names:
        return values
    functions, error = metric_functions({}, instances)
    with global_random.restored_generators():
        for name in names:
            if error is not None:
                values[name] = _without_values(point, error)
            elif name in batch.faulty_metrics:
                values[name] = _without_values(point, MetricError(batch.faulty_metrics[name]))
            else:
                values[name] = _evaluate(_checked(functions[name]), instances, point, buffers)
    return values


def faulty_metrics(batch: Batch) -> dict[str, str]:
    """Return the metrics of a pairing whose values depend on more than their arguments, with the reason of each.

    Each is called twice at the start of the first seed, under other global generators and another clock. One that
    writes to the data or changes the problem would change the numbers of later trials.
    """
    instances = Instances(batch.problem, batch.seeds[:1], dtype=getattr(torch, batch.dtype))
    # A metric that writes must not change shared data.
    instances.data = map_tensors(torch.clone, instances.data)
    reasons = {
        name: _impurity(function, instances)
        for name, function in metric_functions(batch.metrics, instances)[0].items()
    }
    return {name: reason for name, reason in reasons.items() if reason is not None}


def metric_functions(
    metrics: Mapping[str, RegisteredMetric], instances: Instances
) -> tuple[dict[str, MetricFunction], BaseException | None]:
    """Return the functions of all metrics, and the exception that the problem raises instead of returning its own."""
    problem = instances.problem
    functions: dict[str, MetricFunction] = {}
    error: BaseException | None = None
    try:
        functions = {name: batched(problem, of_problem) for name, of_problem in problem.metrics.items()}
    except (Exception, SystemExit) as exception:  # noqa: BLE001 (plugins may raise anything; the reason is stored)
        error = exception
    functions |= {name: partial(registered, problem) for name, registered in metrics.items()}
    functions[START_IN_BASIN] = lambda theta, data: measure_start(instances)
    return functions, error


def _impurity(function: MetricFunction, instances: Instances) -> str | None:
    """Return why the values of a metric depend on more than its arguments; None if they do not."""
    point, data = instances.start[:, None], instances.data_of(slice(None))
    results: list[Hashable] = []
    before: list[Variable] = []
    for variant in (0, 1):
        with global_random.other_global_state(variant), torch.no_grad():
            states = global_random.generator_states()
            try:
                with unwritten("it", data):  # a copy of the point, as where the metric is measured
                    results.append(global_random.bits_of(lambda: function(point.clone(), data)))
            except ContractError as error:
                return str(error)
            generator = global_random.moved_generator(states)
        if generator is not None:
            return explain_noise(generator)
        if variant == 0:
            before = snapshot(instances.problem)  # the first call may fill a cache
    if results[0] != results[1]:
        return f"it returns other numbers when it is called again with equal arguments; {FROM_ARGUMENTS}"
    variable = changed_variable(before, snapshot(instances.problem))
    return None if variable is None else f"it changes `{variable.name}` in Python; {FROM_ARGUMENTS}"


def explain_noise(generator: str) -> str:
    """Return why a metric that uses a global generator has no values."""
    return f"it uses {generator}, whose state depends on all that ran before; {FROM_ARGUMENTS}"


def _measure(
    function: MetricFunction, instances: Instances, point: Tensor, buffers: Tree
) -> MetricValues | None:
    """Measure one metric; None if it does not apply to the problem."""
    checked = _checked(function)
    last = slice(len(point) - 1, None), slice(point.shape[1] - 1, None)
    try:
        if function(point[:1, :1].clone(), instances.data_of(slice(0, 1), slice(0, 1), buffers)) is None:
            return None
        alone = checked(point[last], instances.data_of(*last, buffers))
    except (Exception, SystemExit):  # noqa: BLE001 (it is raised again below, where its trials are found)
        return _evaluate(checked, instances, point, buffers)
    result = _evaluate(checked, instances, point, buffers)
    is_measured = result.errors[-1, -1] is None
    if is_measured and not np.allclose(alone.cpu(), result.values[-1, -1], rtol=AGREEMENT, equal_nan=True):
        reason = "the value of a trial depends on the other trials of its batch; reduce with `dim=-1`"
        return _without_values(point, MetricError(reason))
    return result


def _checked(function: MetricFunction) -> Callable[[Tensor, Any], Tensor]:
    """Return a metric that raises MetricError unless it returns a real number for each trial."""

    def checked(theta: Tensor, data: Any) -> Tensor:
        # A copy: what a metric writes into its argument must not become the final point.
        value = function(theta.clone(), data)
        if not isinstance(value, Tensor) or value.is_complex():
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise MetricError(f"returned {kind} instead of a tensor with a real number for each trial")
        if value.shape != theta.shape[:-1]:
            raise MetricError(
                f"returned shape {tuple(value.shape)} for theta {tuple(theta.shape)}; return one number for each "
                "trial, [...] for theta [..., dimension], by reducing with `dim=-1`"
            )
        return value.detach().double()

    return checked


def _evaluate(
    checked: Callable[[Tensor, Any], Tensor], instances: Instances, point: Tensor, buffers: Tree
) -> MetricValues:
    """Evaluate a metric, trial by trial if it raises for the batch."""
    try:
        return _all_measured(in_pieces(checked, point, instances, buffers))
    except MetricError as error:
        return _without_values(point, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (plugins may raise anything; the reason is stored)
        result = _without_values(point, error)
    for seed, setting in np.ndindex(point.shape[0], point.shape[1]):
        try:
            lane = slice(seed, seed + 1), slice(setting, setting + 1)
            result.values[seed, setting] = checked(point[lane], instances.data_of(*lane, buffers)).item()
            result.errors[seed, setting] = None
        except (Exception, SystemExit) as error:  # noqa: BLE001 (as above)
            result.errors[seed, setting] = _reason(error)
    return result


def _measure_basin(instances: Instances, point: Tensor) -> MetricValues | None:
    try:
        in_basin = measure_start(instances)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (as above)
        return _without_values(point, error)
    return None if in_basin is None else _all_measured(in_basin.expand(point.shape[:2]))


def _all_measured(values: Tensor) -> MetricValues:
    return MetricValues(values.double().cpu().numpy(), np.full(tuple(values.shape), None, dtype=object))


def _without_values(point: Tensor, error: BaseException) -> MetricValues:
    shape = tuple(point.shape[:2])
    return MetricValues(np.full(shape, np.nan), np.full(shape, _reason(error), dtype=object))


def _reason(error: BaseException) -> str:
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 (a message may be computed, and fail)
        message = ""
    return shortened(
        message if isinstance(error, MetricError) else f"{type(error).__name__}: {message}", REASON_LENGTH
    )
