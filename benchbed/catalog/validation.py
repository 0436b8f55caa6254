"""Checks of registered objects, one for each kind; an error is raised at the plugin's own line."""

import dataclasses
import inspect
import itertools
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from benchbed.catalog.gradient_check import check_gradient
from benchbed.catalog.names import error_line, is_group_name, quoted
from benchbed.catalog.parameters import (
    factory_arguments,
    field_types,
    hyperparameters_of,
    is_plain,
    plain,
)
from benchbed.catalog.records import InvalidPluginError, Kind, attempt, require
from benchbed.catalog.transforming import Bowl, transformed_class
from benchbed.catalog.wrapping import wrapped_factory
from benchbed.interfaces import START_IN_BASIN, Figure, Layout, Optimizer, Problem


def validate(kind: Kind, implementation: Any, built_in: bool = False) -> None:
    """Check a registered object. Raises: InvalidPluginError with the fault and its remedy."""
    if kind == "problems" and built_in:
        check_problem(implementation, with_facts=False)
    else:
        _CHECKS[kind](implementation)


def check_problem(problem_class: Any, with_facts: bool = True) -> None:
    """Check the class of a problem, built with its defaults, and its facts, for which a network reads its data."""
    require(
        isinstance(problem_class, type) and issubclass(problem_class, Problem),
        f"{quoted(problem_class)} is not a problem; subclass benchbed.interfaces.Problem and register the class",
    )
    settings = problem_class.__dict__.get("__dataclass_params__")
    require(
        settings is not None and settings.frozen,
        "it is not a frozen dataclass; decorate it with @dataclass(frozen=True)",
    )
    missing = ", ".join(sorted(getattr(problem_class, "__abstractmethods__", ())))
    require(not missing, f"it does not define {missing}")
    for field in dataclasses.fields(problem_class):
        is_missing = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        fault = f"parameter {field.name!r} has no default; every parameter of a problem needs one"
        require(not (field.init and is_missing), fault)
    problem = attempt("building it with its defaults", problem_class)
    types = attempt("reading its annotations", lambda: field_types(problem_class))
    for name, annotation in types.items():
        _check_field(name, annotation, getattr(problem, name))
    if with_facts:
        attempt("reading its layout, targets and budget", lambda: check_facts(problem))


def _check_field(name: str, annotation: Any, default: Any) -> None:
    allowed = "int, float, bool, str, Literal, tuples and unions of them"
    require(is_plain(annotation), f"parameter {name!r} is annotated {quoted(annotation)}; use {allowed}")
    try:
        is_valid = msgspec.convert(plain(default), annotation) == default
    except msgspec.ValidationError:
        is_valid = False
    except TypeError as error:
        raise InvalidPluginError(f"parameter {name!r} has a type that cannot be read: {error}") from error
    require(
        is_valid, f"parameter {name!r} has the default {quoted(default)}, which is not a {quoted(annotation)}"
    )


def check_facts(problem: Problem) -> None:
    """Check the layout, targets, budgets and prices of a problem. Raises: InvalidPluginError and others."""
    layout, price, dtype, start = problem.layout, problem.full_price, problem.dtype, problem.score_start
    require(
        isinstance(layout, Layout), f"its layout is {quoted(layout)}; return a benchbed.interfaces.Layout"
    )
    lengths = [length for shape in layout.blocks.values() for length in shape]
    has_blocks = bool(layout.blocks) and all(map(_is_count, lengths))
    _check_targets(problem)
    success = problem.success_target  # by default it depends on the last target
    is_success = success in problem.targets if problem.target_metric else _is_share(success)
    has_price = price is None or 0 < price < math.inf
    budgets = [problem.budget, *problem.preset_budgets.values()]
    counts = {"scale_instances": problem.scale_instances, "start_strata": problem.start_strata}
    for name, count in counts.items():
        require(_is_count(count), f"its {name} is {quoted(count)}; use an integer of at least 1")
    reserved = f"{START_IN_BASIN!r}, a name that is reserved for in_basin at a trial's start"
    for is_valid, fault in (
        (has_blocks, f"its layout {quoted(layout)} has an empty block"),
        (
            is_success,
            f"its success_target is {quoted(success)}; it must be a gap between 0 and 1, or a target of its metric",
        ),
        (all(map(_is_count, budgets)), f"its budgets are {quoted(budgets)}; use integers of at least 1"),
        (has_price, f"its full_price is {quoted(price)}; it must be samples / batch size, or None"),
        (dtype in ("float64", "float32"), f"its dtype is {quoted(dtype)}; it must be 'float64' or 'float32'"),
        (all(map(callable, problem.metrics.values())), "its metrics are not all functions of theta and data"),
        (_is_share(start), f"its score_start is {quoted(start)}; it must be a number between 0 and 1"),
        (
            is_group_name(problem.group),
            f"its group is {quoted(problem.group)}; name it in lower case, such as 'noise'",
        ),
        (START_IN_BASIN not in problem.metrics, f"it has a metric {reserved}; rename it"),
        (callable(problem.in_basin), "its in_basin is not a function of theta and data; define a method"),
    ):
        require(is_valid, fault)


def _check_targets(problem: Problem) -> None:
    targets: Any = problem.targets
    metric, is_ladder = problem.target_metric, isinstance(targets, Sequence) and bool(targets)
    steps = list(itertools.pairwise(targets)) if is_ladder else []
    is_falling = all(easier > harder for easier, harder in steps)
    if not metric:
        is_ladder = is_ladder and is_falling and all(map(_is_share, targets))
        require(is_ladder, f"its targets are {quoted(targets)}; they must decrease and be between 0 and 1")
        return
    require(
        metric in problem.metrics and metric in problem.curve_metrics,
        f"its target_metric {quoted(metric)} is not one of its metrics: {quoted(sorted(problem.metrics))}",
    )
    require(
        type(problem).targets is not Problem.targets,
        f"its targets are those of gaps; list values of {quoted(metric)} from easy to hard, such as (0.8, 0.95)",
    )
    require(
        not is_ladder or len(targets) > 1,
        f"its targets are {quoted(targets)}, which do not say whether higher or lower values of {quoted(metric)} are "
        "better; list an easier one before it, such as (0.8, 0.95)",
    )
    is_monotone = is_falling or all(easier < harder for easier, harder in steps)
    fault = f"its targets are {quoted(targets)}; give numbers from easy to hard, all rising or all falling"
    require(is_ladder and is_monotone and all(map(math.isfinite, targets)), fault)


def _is_share(value: Any) -> bool:
    return isinstance(value, float) and 0 < value < 1


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def check_optimizer(factory: Any) -> None:
    """Check an optimizer's factory, called with its defaults."""
    require(
        callable(factory),
        f"{quoted(factory)} is not a factory; register a function that returns an Optimizer",
    )
    defaults = {parameter.name: parameter.default for parameter in hyperparameters_of(factory).values()}
    arguments = factory_arguments(factory, defaults)
    optimizer = attempt("calling it with its defaults", lambda: factory(**arguments))
    require(
        isinstance(optimizer, Optimizer),
        f"it returned {quoted(optimizer)}; return benchbed.interfaces.Optimizer(…)",
    )
    for name in ("init", "update", "answer"):
        value = getattr(optimizer, name)
        require(callable(value), f"its {name} is {quoted(value)}; it must be a function")
    for name in ("full_batch", "needs_exact_gradients"):
        flag = getattr(optimizer, name)
        require(isinstance(flag, bool), f"its {name} is {quoted(flag)}; it must be True or False")


def check_wrapper(wrapper: Any) -> None:
    """Check a wrapper around an optimizer that multiplies gradients by its rate."""
    require(callable(wrapper), f"{quoted(wrapper)} cannot be called; register a function of an optimizer")
    parameters = attempt("reading its signature", lambda: list(inspect.signature(wrapper).parameters))
    require(bool(parameters), "it has no parameter; the first one receives the optimizer that it wraps")
    check_optimizer(attempt("reading its signature", lambda: wrapped_factory("it", wrapper, _plain_descent)))


def check_transform(transform: Any) -> None:
    """Check a transform around a convex bowl."""
    require(callable(transform), f"{quoted(transform)} cannot be called; register a function of a problem")
    parameters = attempt("reading its signature", lambda: list(inspect.signature(transform).parameters))
    require(bool(parameters), "it has no parameter; the first one receives the problem that it transforms")
    check_problem(attempt("reading its signature", lambda: transformed_class("it", transform, Bowl)))


def _plain_descent(learning_rate: float = 0.1) -> Optimizer[Any]:
    def update(oracle: Any, state: Any, theta: Any) -> tuple[Any, Any]:
        return theta - learning_rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def check_function(function: Any) -> None:
    """Check a metric or an executor."""
    require(callable(function), f"{quoted(function)} cannot be called; register a function")


def check_report(report: Any) -> None:
    """Check the attributes of a report."""
    require(isinstance(getattr(report, "name", None), str), f"{quoted(report)} has no name; set it")
    for method in ("pieces", "draw"):
        require(
            callable(getattr(report, method, None)),
            f"it has no method {method!r}; a report has pieces and draw",
        )


def check_figure(figure: Any) -> None:
    """Check the texts of a figure; its functions are checked when it is built."""
    require(
        isinstance(figure, Figure),
        f"{quoted(figure)} is not a figure; register a benchbed.interfaces.Figure(name, title, draw, suite)",
    )
    texts = [figure.name, figure.title, figure.part]
    require(
        all(isinstance(text, str) for text in texts) and bool(figure.title),
        f"its name, title and part are {quoted(texts)}; they must be strings, and the title not empty",
    )


def check_suite(path: Any) -> None:
    """Check the path and the syntax of a suite."""
    require(isinstance(path, Path), f"{quoted(path)} is not a path; register a pathlib.Path")
    require(path.suffix == ".toml", f"{quoted(str(path))} is not a TOML file; its name must end in .toml")
    try:
        tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidPluginError(f"{quoted(str(path))} cannot be read: {error_line(error)}") from error


_CHECKS: Mapping[Kind, Callable[[Any], None]] = {
    "problems": check_problem,
    "transforms": check_transform,
    "optimizers": check_optimizer,
    "wrappers": check_wrapper,
    "metrics": check_function,
    "gradients": check_gradient,
    "executors": check_function,
    "reports": check_report,
    "figures": check_figure,
    "suites": check_suite,
}
