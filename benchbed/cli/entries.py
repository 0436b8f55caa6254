"""Entries of the catalog as lines of text and as records for JSON."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import msgspec

from benchbed.catalog.details import (
    DIMENSIONS,
    Details,
    FigureDetails,
    GradientDetails,
    OptimizerDetails,
    ParameterDetails,
    ProblemDetails,
    SuiteDetails,
    details_of,
)
from benchbed.catalog.records import Entry
from benchbed.formatting import plural
from benchbed.plan.selectors import format_value

SCALES = {"linear": "linear", "log": "logarithmic", "log of 1 - value": "logarithmic in 1 − {}"}


def heading(entry: Entry) -> str:
    """Return the name of an entry with its distribution and version."""
    return f"{entry.name}  ({f'{entry.distribution} {entry.version}'.strip()})"


def summary_lines(entry: Entry) -> Iterator[str]:
    """Yield the first line of the documentation, the parameters, the properties and the source of an entry."""
    if entry.summary:
        yield entry.summary
    try:
        details = details_of(entry)
    except ModuleNotFoundError as error:  # the library of a built-in problem's data
        yield f"cannot be used: {error}"
        return
    if isinstance(details, ProblemDetails | OptimizerDetails):
        yield ", ".join(map(_assignment, details.parameters)) or "no parameters"
    yield from _properties(details)
    if isinstance(details, OptimizerDetails) and entry.literature:
        yield entry.literature


def full_lines(entry: Entry) -> Iterator[str]:
    """Yield the documentation, the parameters with their values and ranges, and the properties of an entry."""
    yield heading(entry)
    if entry.kind == "optimizers":
        yield f"family {entry.family}"
    yield from ("", *entry.documentation.splitlines())
    try:
        details = details_of(entry)
    except ModuleNotFoundError as error:
        yield from ("", f"cannot be used: {error}")
        return
    if isinstance(details, ProblemDetails | OptimizerDetails):
        yield from ("", "Parameters:" if details.parameters else "No parameters.")
        width = max((len(parameter.name) for parameter in details.parameters), default=0)
        for parameter in details.parameters:
            yield f"  {parameter.name:{width}}  {_description(parameter)}"
    properties = [*_properties(details)]
    if properties:
        yield from ("", *properties)
    if isinstance(details, SuiteDetails):
        for title, selectors in (("Problems:", details.problems), ("Optimizers:", details.optimizers)):
            yield from ("", title, *(f"  {selector}" for selector in selectors))


def record(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON-plain data; `fault` is why its details are missing."""
    fault, details = None, dict[str, Any]()
    try:
        details = msgspec.to_builtins(details_of(entry)) or {}
    except ModuleNotFoundError as error:
        fault = str(error)
    if entry.kind == "optimizers":
        details["family"] = entry.family
    details.pop("type", None)
    return {
        "name": entry.name,
        "summary": entry.summary,
        "documentation": entry.documentation,
        "source": entry.literature,
        "plugin": entry.plugin,
        "distribution": entry.distribution,
        "version": entry.version,
        "fault": fault,
        **details,
    }


def _assignment(parameter: ParameterDetails) -> str:
    text = f"{parameter.name}={format_value(parameter.default)}"
    search = parameter.search
    if search is None:
        return text
    if search.choices:
        return f"{text} in {format_value(search.choices)}"
    return f"{text} in {format_value(search.low)}…{format_value(search.high)}"


def _description(parameter: ParameterDetails) -> str:
    text = f"{format_value(parameter.default)}; {parameter.values}"
    search = parameter.search
    if search is None:
        return text
    if search.choices:
        return f"{text}; searched in {format_value(search.choices)}"
    scale = SCALES[search.scale].format(parameter.name)
    return f"{text}; searched from {format_value(search.low)} to {format_value(search.high)}, {scale}"


def _properties(details: Details) -> Iterator[str]:
    match details:
        case ProblemDetails():
            yield from _problem_properties(details)
        case GradientDetails():
            draws = "; draws in every step" if details.has_draws else ""
            yield f"price of a gradient in calls: {_format_prices(details.prices)}{draws}"
        case SuiteDetails():
            yield f"{plural(len(details.problems), 'problem')}, {plural(len(details.optimizers), 'optimizer')}"
        case FigureDetails():
            part = f"; part {details.part}" if details.part else ""
            addition = "; takes optimizers" if details.takes_optimizers else ""
            yield f"drawn from {', '.join(details.suites) or 'a measurement'}{part}{addition}"


def _problem_properties(details: ProblemDetails) -> Iterator[str]:
    price = "no price (synthetic noise)" if details.full_price is None else plural(details.full_price, "call")
    kind = f"group {details.group}; dimension {details.dimension}, {details.dtype}"
    yield f"{kind}, budget {details.budget} calls; a full gradient: {price}"
    targets = ", ".join(f"{target:.2g}" for target in details.targets)
    of_metric = f" of {details.target_metric}" if details.target_metric else ""
    yield f"targets {targets}{of_metric}; success at {details.success_target:g}"
    optimum = "a lower bound" if details.optimum_is_bound else "exact"
    if not details.has_optimum:
        optimum = "unknown" if details.target_metric else "unknown, so no score without a reference value"
    yield f"optimum {optimum}; scale: median of f₀ − f* over {details.scale_instances} instances"


def _format_prices(prices: Sequence[float]) -> str:
    """Format prices at some dimensions as a formula if they are linear in the dimension."""
    slope = Fraction(prices[1] - prices[0]).limit_denominator(1000)
    intercept = (Fraction(prices[0]) - slope).limit_denominator(1000)
    by_dimension = list(zip(DIMENSIONS, prices, strict=True))
    if any(abs(slope * d + intercept - price) > 1e-9 * price for d, price in by_dimension):
        return ", ".join(f"{price:g} at dimension {d}" for d, price in by_dimension if d != 2)
    terms = [f"{slope}·dimension"] if slope else []
    return " + ".join([*terms, *([f"{intercept}"] if intercept else [])])
