"""Details of registered objects as plain data, which `benchbed list` prints."""

import dataclasses
from typing import Any

import msgspec

from benchbed.catalog.names import quoted
from benchbed.catalog.parameters import hyperparameters_of
from benchbed.catalog.records import Entry, Kind
from benchbed.catalog.wrapping import own_parameters
from benchbed.interfaces import Problem, as_gradient

DIMENSIONS = (1, 2, 10, 1_000)
"""Dimensions at which the price of a gradient is given."""


class ProblemDetails(msgspec.Struct, frozen=True, tag=True):
    """A problem with its defaults."""

    parameters: tuple[str, ...]
    """Each with its default, `name=value`."""
    dimension: int
    dtype: str
    budget: int
    full_price: float | None
    targets: tuple[float, ...]
    success_target: float
    has_optimum: bool
    optimum_is_bound: bool
    scale_instances: int
    target_metric: str = ""
    group: str = "other"


class OptimizerDetails(msgspec.Struct, frozen=True, tag=True):
    """An optimizer or a wrapper."""

    parameters: tuple[str, ...]
    """Each with its default, `name=value`."""


class GradientDetails(msgspec.Struct, frozen=True, tag=True):
    """A gradient."""

    prices: tuple[float, ...]
    """Calls that a gradient costs, at each of `DIMENSIONS`."""
    has_draws: bool


Details = ProblemDetails | OptimizerDetails | GradientDetails | None


def details_of(entry: Entry) -> Details:
    """Return the details of an entry; runs the code of its plugin unless another process has described it."""
    return entry.details or read_details(entry.kind, entry.implementation)


def read_details(kind: Kind, implementation: Any) -> Details:
    """Return the details of an object by running its code."""
    if kind == "optimizers":
        defaults = {name: parameter.default for name, parameter in hyperparameters_of(implementation).items()}
        return OptimizerDetails(_assignments(defaults))
    if kind == "wrappers":
        defaults = {parameter.name: parameter.default for parameter in own_parameters(implementation)}
        return OptimizerDetails(_assignments(defaults))
    if kind == "gradients":
        gradient = as_gradient(implementation)
        prices = tuple(gradient.price(dimension) for dimension in DIMENSIONS)
        return GradientDetails(prices, gradient.make_draws is not None)
    if kind != "problems":
        return None
    problem = implementation()
    return ProblemDetails(
        _assignments({field.name: getattr(problem, field.name) for field in dataclasses.fields(problem)}),
        dimension=problem.layout.dimension,
        dtype=problem.dtype,
        budget=problem.budget,
        full_price=problem.full_price,
        targets=tuple(problem.targets),
        success_target=problem.success_target,
        has_optimum=implementation.optimum is not Problem.optimum,
        optimum_is_bound=bool(problem.optimum_is_bound),
        scale_instances=problem.scale_instances,
        target_metric=problem.target_metric,
        group=problem.group,
    )


def _assignments(values: dict[str, Any]) -> tuple[str, ...]:
    return tuple(f"{name}={quoted(value)}" for name, value in values.items())
