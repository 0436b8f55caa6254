"""Metrics at the final points of trials; one that fails costs its own values and nothing else."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.evaluation import in_pieces, measure_start
from benchbed.engine.oracle import batched
from benchbed.engine.sampling import Instances
from benchbed.formatting import shortened
from benchbed.interfaces import START_IN_BASIN, RegisteredMetric

REASON_LENGTH = 300
"""Characters of the reason why a metric has no value."""
AGREEMENT = 1e-3
"""Relative difference of a trial's value alone and in its batch, which rounding may cause."""


class MetricValues(NamedTuple):
    """Values of a metric, `[seeds, settings]`, NaN where `errors` has a reason instead of None."""

    values: np.ndarray
    errors: np.ndarray


class MetricError(ValueError):
    """A metric does not return a real number for each trial."""


def measure_metrics(
    metrics: Mapping[str, RegisteredMetric], instances: Instances, point: Tensor
) -> dict[str, MetricValues]:
    """Measure the problem's metrics, the registered ones that apply, and whether starts lie in the basin."""
    problem = instances.problem
    functions: dict[str, Callable[[Tensor, Any], Any]] = {
        name: partial(registered, problem) for name, registered in metrics.items()
    }
    results = {}
    try:
        functions = {
            **{name: batched(problem, of_problem) for name, of_problem in problem.metrics.items()},
            **functions,
        }
    except (Exception, SystemExit) as error:  # noqa: BLE001 (plugins may raise anything; the reason is stored)
        results["metrics"] = _without_values(point, error)
    functions |= {name: partial(registered, problem) for name, registered in metrics.items()}
    for name, function in functions.items():
        values = _measure(function, instances, point)
        if values is not None:
            results[name] = values
    try:
        in_basin = measure_start(instances)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (as above)
        results[START_IN_BASIN] = _without_values(point, error)
    else:
        if in_basin is not None:
            results[START_IN_BASIN] = _all_measured(in_basin.expand(point.shape[:2]))
    return results


def _measure(
    function: Callable[[Tensor, Any], Any], instances: Instances, point: Tensor
) -> MetricValues | None:
    """Measure one metric, trial by trial if it raises for the batch; None if it does not apply to the problem."""

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

    try:
        if function(point[:1, :1].clone(), instances.data_of(slice(0, 1))) is None:
            return None
        values = in_pieces(checked, point, instances)
        alone = checked(point[-1:, -1:], instances.data_of(slice(len(point) - 1, len(point))))
        if not torch.allclose(alone, values[-1:, -1:].double(), rtol=AGREEMENT, equal_nan=True):
            raise MetricError(
                "the value of a trial depends on the other trials of its batch; reduce with `dim=-1`"
            )
        return _all_measured(values)
    except MetricError as error:
        return _without_values(point, error)
    except (Exception, SystemExit) as error:  # noqa: BLE001 (plugins may raise anything; the reason is stored)
        result = _without_values(point, error)
    for seed, setting in np.ndindex(point.shape[0], point.shape[1]):
        try:
            theta = point[seed : seed + 1, setting : setting + 1]
            result.values[seed, setting] = checked(theta, instances.data_of(slice(seed, seed + 1))).item()
            result.errors[seed, setting] = None
        except (Exception, SystemExit) as error:  # noqa: BLE001 (as above)
            result.errors[seed, setting] = _reason(error)
    return result


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
