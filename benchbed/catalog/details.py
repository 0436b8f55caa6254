"""Details of registered objects as plain data, which `benchbed list` prints."""

import tomllib
from typing import Any, Literal

import msgspec

from benchbed.catalog import transforming, wrapping
from benchbed.catalog.parameters import (
    Parameter,
    describe,
    describe_values,
    field_types,
    hyperparameters_of,
    parameter_of,
    plain,
)
from benchbed.catalog.records import Entry, Kind
from benchbed.interfaces import Choice, OneMinusLogUniform, Problem, Uniform, as_gradient

DIMENSIONS = (1, 2, 10, 1_000)
"""Dimensions at which the price of a gradient is given."""


class SearchRange(msgspec.Struct, frozen=True):
    """The values of a hyperparameter that the track `searched` tries."""

    scale: Literal["linear", "log", "log of 1 - value", "choice"]
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] = ()
    """JSON-plain."""


class ParameterDetails(msgspec.Struct, frozen=True):
    """A parameter of a problem, an optimizer, a wrapper or a transform."""

    name: str
    default: Any
    """JSON-plain."""
    values: str
    """Description of the values that are accepted."""
    search: SearchRange | None = None


class ProblemDetails(msgspec.Struct, frozen=True, tag="problem"):
    """A problem with its defaults."""

    parameters: tuple[ParameterDetails, ...]
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


class OptimizerDetails(msgspec.Struct, frozen=True, tag="optimizer"):
    """An optimizer, a wrapper or a transform."""

    parameters: tuple[ParameterDetails, ...]


class GradientDetails(msgspec.Struct, frozen=True, tag="gradient"):
    """A gradient."""

    prices: tuple[float, ...]
    """Calls that a gradient costs, at each of `DIMENSIONS`."""
    has_draws: bool


class SuiteDetails(msgspec.Struct, frozen=True, tag="suite"):
    """A suite."""

    problems: tuple[str, ...]
    optimizers: tuple[str, ...]


class FigureDetails(msgspec.Struct, frozen=True, tag="figure"):
    """A figure."""

    suites: tuple[str, ...]
    """The suites from which it is drawn; empty if it is drawn from a measurement."""
    part: str
    """Empty if it has none."""
    takes_optimizers: bool


Details = ProblemDetails | OptimizerDetails | GradientDetails | SuiteDetails | FigureDetails | None


def details_of(entry: Entry) -> Details:
    """Return the details of an entry; runs the code of its plugin unless another process has described it."""
    return entry.details or read_details(entry.kind, entry.implementation)


def read_details(kind: Kind, implementation: Any) -> Details:
    """Return the details of an object by running its code."""
    details: Details = None
    if kind == "problems":
        details = _problem_details(implementation)
    elif kind == "optimizers":
        details = OptimizerDetails(tuple(map(_parameter, hyperparameters_of(implementation).values())))
    elif kind in ("wrappers", "transforms"):
        own_parameters = wrapping.own_parameters if kind == "wrappers" else transforming.own_parameters
        parameters = map(parameter_of, own_parameters(implementation))
        details = OptimizerDetails(tuple(map(_parameter, parameters)))
    elif kind == "gradients":
        gradient = as_gradient(implementation)
        prices = tuple(gradient.price(dimension) for dimension in DIMENSIONS)
        details = GradientDetails(prices, gradient.make_draws is not None)
    elif kind == "suites":
        suite = tomllib.loads(implementation.read_text(encoding="utf-8"))
        details = SuiteDetails(tuple(suite.get("problems", ())), tuple(suite.get("optimizers", ())))
    elif kind == "figures":
        details = FigureDetails(implementation.suites, implementation.part, implementation.takes_optimizers)
    return details


def _parameter(parameter: Parameter) -> ParameterDetails:
    domain, search = parameter.domain, None
    if isinstance(domain, OneMinusLogUniform):
        low, high = round(1 - domain.high, 12), round(1 - domain.low, 12)
        search = SearchRange("log of 1 - value", low, high)
    elif isinstance(domain, Choice):
        search = SearchRange("choice", choices=tuple(plain(domain.values)))
    elif domain is not None:
        search = SearchRange("linear" if isinstance(domain, Uniform) else "log", domain.low, domain.high)
    return ParameterDetails(parameter.name, plain(parameter.default), describe_values(parameter), search)


def _problem_details(implementation: type[Problem]) -> ProblemDetails:
    problem = implementation()
    return ProblemDetails(
        tuple(
            ParameterDetails(name, plain(getattr(problem, name)), describe(annotation))
            for name, annotation in field_types(implementation).items()
        ),
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
