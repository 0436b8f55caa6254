"""Refuse, at the plugin's own line, what breaks the contract; one check for each kind."""

import dataclasses
import inspect
import itertools
import math
import tomllib
import typing
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchbed.catalog.checks import attempt as _attempt
from benchbed.catalog.checks import require as _require
from benchbed.catalog.gradient_check import check_gradient
from benchbed.catalog.names import error_line, quoted
from benchbed.catalog.parameters import hyperparameters_of, is_plain
from benchbed.catalog.records import InvalidPluginError, Kind
from benchbed.interfaces import START_IN_BASIN, Figure, Layout, Optimizer, OptimizerFactory, Problem

PROBE = Layout({"theta": (2,)})
"""The layout that a factory is tried with."""


def check(kind: Kind, thing: Any) -> None:
    """Validate one thing. Raises: InvalidPluginError with what is wrong and what to do."""
    _CHECKS[kind](thing)


def factory_arguments(
    factory: OptimizerFactory, hyperparameters: Mapping[str, object], layout: Layout
) -> dict[str, Any]:
    """Give the keywords of one call of a factory: `layout` too, where it names it."""
    wants_layout = "layout" in inspect.signature(factory).parameters
    return {**hyperparameters, "layout": layout} if wants_layout else dict(hyperparameters)


def field_types(problem: type[Problem]) -> dict[str, Any]:
    """Give the type of each parameter of a problem, in the order of its fields."""
    hints = typing.get_type_hints(problem)
    return {field.name: hints[field.name] for field in _fields(problem)}


def plain(value: Any) -> Any:
    """Make a parameter's value JSON-plain: tuples become lists."""
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def _fields(problem: type[Problem]) -> list[dataclasses.Field[Any]]:
    return [field for field in dataclasses.fields(typing.cast("Any", problem)) if field.init]


def _check_problem(thing: Any) -> None:
    is_problem = isinstance(thing, type) and issubclass(thing, Problem)
    _require(
        is_problem,
        f"{quoted(thing)} is no problem; subclass benchbed.interfaces.Problem and register the class",
    )
    settings = thing.__dict__.get("__dataclass_params__")
    _require(
        settings is not None and settings.frozen,
        "it is no frozen dataclass; decorate it with @dataclass(frozen=True)",
    )
    missing = ", ".join(sorted(getattr(thing, "__abstractmethods__", ())))
    _require(not missing, f"it does not define {missing}")
    for field in _fields(thing):
        has_default = (
            field.default is not dataclasses.MISSING or field.default_factory is not dataclasses.MISSING
        )
        _require(
            has_default, f"parameter {field.name!r} has no default; every parameter of a problem needs one"
        )
    problem = _attempt("making it with its defaults", thing)
    types = _attempt("reading its annotations", lambda: field_types(thing))
    for name, annotation in types.items():
        _check_field(name, annotation, getattr(problem, name))
    _attempt("reading its layout, targets and budget", lambda: _check_facts(problem))


def _check_field(name: str, annotation: Any, default: Any) -> None:
    allowed = "int, float, bool, str, Literal, tuples and unions of them"
    _require(is_plain(annotation), f"parameter {name!r} is annotated {quoted(annotation)}; use {allowed}")
    try:
        same = msgspec.convert(plain(default), annotation) == default
    except msgspec.ValidationError:
        same = False
    except TypeError as error:
        raise InvalidPluginError(f"parameter {name!r} has a type that cannot be read: {error}") from error
    _require(same, f"parameter {name!r} has the default {quoted(default)}, which is no {quoted(annotation)}")


def _check_facts(problem: Problem) -> None:
    layout = problem.layout
    _require(isinstance(layout, Layout), f"its layout is {quoted(layout)}; give a benchbed.interfaces.Layout")
    sizes = [size for shape in layout.blocks.values() for size in shape]
    _require(
        bool(layout.blocks) and all(_is_count(size) for size in sizes),
        f"its layout {quoted(layout)} has an empty block",
    )
    _require(
        _are_targets(problem.targets),
        f"its targets are {quoted(problem.targets)}; give falling numbers between 0 and 1",
    )
    _require(
        _is_share(problem.success_target),
        f"its success_target is {quoted(problem.success_target)}; give a gap between 0 and 1",
    )
    budgets = [problem.budget, *problem.preset_budgets.values()]
    _require(
        all(_is_count(budget) for budget in budgets),
        f"its budgets are {quoted(budgets)}; give whole numbers of at least 1",
    )
    price = problem.full_price
    _require(
        price is None or 0 < price < math.inf,
        f"its full_price is {quoted(price)}; give samples / batch size, or None",
    )
    _require(
        _is_count(problem.scale_instances),
        f"its scale_instances is {quoted(problem.scale_instances)}; give at least 1",
    )
    _require(
        problem.dtype in ("float64", "float32"),
        f"its dtype is {quoted(problem.dtype)}; give 'float64' or 'float32'",
    )
    callables = all(callable(metric) for metric in problem.metrics.values())
    _require(callables, "its metrics are not all functions of theta and data")
    _require(
        START_IN_BASIN not in problem.metrics,
        f"it has a metric {START_IN_BASIN!r}, which is what in_basin says of a trial's start; give it another name",
    )
    _require(callable(problem.in_basin), "its in_basin is no function of theta and data; define a method")


def _are_targets(targets: Any) -> bool:
    if not isinstance(targets, Sequence) or not targets or not all(_is_share(target) for target in targets):
        return False
    return all(earlier > later for earlier, later in itertools.pairwise(targets))


def _is_share(value: Any) -> bool:
    return isinstance(value, float) and 0 < value < 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _check_optimizer(thing: Any) -> None:
    _require(callable(thing), f"{quoted(thing)} is no factory; register a function that returns an Optimizer")
    defaults = {parameter.name: parameter.default for parameter in hyperparameters_of(thing).values()}
    arguments = factory_arguments(thing, defaults, PROBE)
    optimizer = _attempt("calling it with its defaults", lambda: thing(**arguments))
    _require(
        isinstance(optimizer, Optimizer),
        f"it returned {quoted(optimizer)}; return benchbed.interfaces.Optimizer(…)",
    )
    for name in ("init", "update", "answer"):
        _require(
            callable(getattr(optimizer, name)),
            f"its {name} is {quoted(getattr(optimizer, name))}; give a function",
        )
    _require(
        isinstance(optimizer.full_batch, bool),
        f"its full_batch is {quoted(optimizer.full_batch)}; it must be True or False",
    )


def _check_function(thing: Any) -> None:
    _require(callable(thing), f"{quoted(thing)} cannot be called; register a function")


def _check_report(thing: Any) -> None:
    _require(isinstance(getattr(thing, "name", None), str), f"{quoted(thing)} has no name; give it one")
    for method in ("pieces", "draw"):
        _require(
            callable(getattr(thing, method, None)),
            f"it has no method {method!r}; a report has pieces and draw",
        )


def _check_figure(thing: Any) -> None:
    _require(
        isinstance(thing, Figure),
        f"{quoted(thing)} is no figure; register a benchbed.interfaces.Figure(name, title, draw, suite)",
    )
    texts = [thing.name, thing.title, thing.part]
    _require(
        all(isinstance(text, str) for text in texts) and bool(thing.title),
        f"its name, title and part are {quoted(texts)}; give texts, and a title that says what is shown",
    )


def _check_suite(thing: Any) -> None:
    _require(isinstance(thing, Path), f"{quoted(thing)} is no path; register a pathlib.Path")
    _require(thing.suffix == ".toml", f"{quoted(str(thing))} is no TOML file; its name must end in .toml")
    try:
        tomllib.loads(thing.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidPluginError(f"{quoted(str(thing))} cannot be read: {error_line(error)}") from error


_CHECKS: Mapping[Kind, Callable[[Any], None]] = {
    "problems": _check_problem,
    "optimizers": _check_optimizer,
    "metrics": _check_function,
    "gradients": check_gradient,
    "executors": _check_function,
    "reports": _check_report,
    "figures": _check_figure,
    "suites": _check_suite,
}
