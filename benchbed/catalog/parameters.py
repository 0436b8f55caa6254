"""Parameters of optimizers (from the signatures of their factories) and of problems (their fields), with values."""

import contextlib
import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
from torch import Tensor

from benchbed.catalog.names import quoted, suggestion
from benchbed.catalog.records import InvalidPluginError, require
from benchbed.errors import UsageError
from benchbed.interfaces import (
    Choice,
    Layout,
    LogUniform,
    OneMinusLogUniform,
    OptimizerFactory,
    Problem,
    Uniform,
)

Domain = LogUniform | Uniform | OneMinusLogUniform | Choice
_DESCRIPTIONS = {
    float: "a finite number",
    int: "an integer",
    bool: "true or false",
    str: "a word or a string in quotes",
    NoneType: "none",
}
_DOMAIN_DESCRIPTIONS: dict[type, str] = {
    LogUniform: "a finite number of at least 0",
    OneMinusLogUniform: "a number of at least 0 and less than 1",
}
TYPES_BY_DEFAULT: dict[type, Any] = {
    bool: bool,
    int: int | float,
    float: float,
    str: str,
    tuple: tuple[int | float, ...],
    NoneType: bool | int | float | str | None,
}
"""Types of parameters without annotations by the types of their defaults; a default of 0 often means 0.0."""
LEARNING_RATE = Annotated[float, LogUniform(1e-6, 1e2)]
"""Type of a learning rate without an annotation."""

PROBE = Layout({"theta": (2,)})
"""The layout with which factories are called before the problem is known."""
PROBE_BUDGET = 100
"""Their budget."""
NOT_HYPERPARAMETERS = ("layout", "budget")
"""Parameters of a factory whose values come from the problem."""


class Parameter(NamedTuple):
    """A parameter of an optimizer."""

    name: str
    default: Any
    static: bool
    """False for a hyperparameter, a number. Settings that differ in a static parameter cannot share a batch."""
    annotation: Any
    """The plain type of a static parameter; float for a hyperparameter."""
    domain: Domain | None
    """Search range and valid values of a hyperparameter; None if any finite number is valid. Of a static
    parameter None or a Choice."""


def hyperparameters_of(factory: Callable[..., Any]) -> dict[str, Parameter]:
    """Return the parameters of a factory except `layout` and `budget`.

    Raises: InvalidPluginError if a parameter has no default, no usable annotation, or a default outside its domain.
    """
    try:
        signature = inspect.signature(factory, eval_str=True)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise InvalidPluginError(f"its signature cannot be read: {error}") from error
    return {
        parameter.name: parameter_of(parameter)
        for parameter in signature.parameters.values()
        if parameter.name not in NOT_HYPERPARAMETERS
    }


def parameter_of(signature: inspect.Parameter) -> Parameter:
    """Return a parameter of a signature. Raises: InvalidPluginError as `hyperparameters_of` does."""
    name, default, annotation = signature.name, signature.default, signature.annotation
    if signature.kind not in (signature.POSITIONAL_OR_KEYWORD, signature.KEYWORD_ONLY):
        raise InvalidPluginError(f"parameter {name!r} is variadic; list each hyperparameter by name")
    if default is signature.empty:
        raise InvalidPluginError(f"parameter {name!r} has no default; every hyperparameter needs one")
    domain = None
    if annotation is signature.empty:
        is_rate = name == "learning_rate" and isinstance(default, int | float)
        annotation = LEARNING_RATE if is_rate else TYPES_BY_DEFAULT.get(type(default), annotation)
    if get_origin(annotation) is Annotated:
        domains = [extra for extra in annotation.__metadata__ if isinstance(extra, Domain)]
        annotation, domain = annotation.__origin__, domains[0] if domains else None
    union = get_args(annotation)
    if annotation is float or (float in union and set(union) == {float, Tensor}):
        parameter = Parameter(name, default, False, float, domain)
    elif is_plain(annotation):
        parameter = Parameter(name, default, True, annotation, domain if isinstance(domain, Choice) else None)
    else:
        example = "Annotated[Hyperparameter, LogUniform(1e-6, 1e2)], int, bool, str or Literal"
        given = "not annotated" if annotation is signature.empty else f"annotated {quoted(annotation)}"
        raise InvalidPluginError(f"parameter {name!r} is {given}; use {example}")
    try:
        if isinstance(domain, Choice):
            values = tuple(convert_hyperparameter("a choice", parameter, value) for value in domain.values)
            require(len(values) > 0, f"parameter {name!r} has a Choice without values; list some")
            parameter = parameter._replace(domain=Choice(values))
        return parameter._replace(default=convert_hyperparameter("default", parameter, default))
    except (UsageError, TypeError) as error:
        raise InvalidPluginError(str(error)) from None


def factory_arguments(
    factory: OptimizerFactory,
    hyperparameters: Mapping[str, object],
    layout: Layout = PROBE,
    budget: int = PROBE_BUDGET,
) -> dict[str, Any]:
    """Return the keywords for a factory, with `layout` and `budget` if the factory has these parameters.

    `budget` is the number of steps that the trial's budget pays for.
    """
    parameters = inspect.signature(factory).parameters
    values = {"layout": layout, "budget": budget}
    return {**hyperparameters, **{name: value for name, value in values.items() if name in parameters}}


def annotations_of(parameters: Mapping[str, Parameter]) -> dict[str, Any]:
    """Return the types of an optimizer's parameters."""
    return {name: parameter.annotation for name, parameter in parameters.items()}


def field_types(problem: type[Problem]) -> dict[str, Any]:
    """Return the type of each parameter of a problem, in the order of its fields."""
    hints = get_type_hints(problem)
    return {field.name: hints[field.name] for field in dataclasses.fields(problem) if field.init}  # type: ignore[arg-type]  # a subclass is a dataclass


def plain(value: Any) -> Any:
    """Return a parameter's value in JSON-plain form: tuples become lists."""
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def convert_hyperparameter(owner: str, parameter: Parameter, value: object) -> object:
    """Return `value` in the type of the parameter. Raises: UsageError if the type or the domain does not fit."""
    if parameter.static:
        return convert_value(owner, parameter.name, value, parameter.annotation)
    number = math.nan
    if isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            number = float(value)
    domain = parameter.domain
    if not math.isfinite(number) or (domain is not None and not domain.accepts(number)):
        raise UsageError(
            f"{owner}: {parameter.name} is {quoted(value)}; it must be {describe_values(parameter)}"
        )
    return number


def describe_values(parameter: Parameter) -> str:
    """Describe the values that a parameter accepts."""
    if parameter.static:
        return describe(parameter.annotation)
    return _DOMAIN_DESCRIPTIONS.get(type(parameter.domain), "a finite number")


def convert_value(owner: str, key: str, value: object, annotation: Any) -> Any:
    """Convert a JSON-plain value strictly: lists become tuples, integers floats, and "none" becomes None.

    Raises: UsageError if the value does not fit, or contains a number that is not finite.
    """
    for candidate in (_with_none(value), value):
        try:
            if is_finite(candidate):
                return msgspec.convert(candidate, annotation)
        except msgspec.ValidationError:
            continue
    raise UsageError(f"{owner}: {key} is {quoted(value)}; it must be {describe(annotation)}")


def unknown_key(owner: str, key: str, parameters: Mapping[str, object]) -> UsageError:
    """Return the error for a parameter that `owner` does not have, with the similar name and all names."""
    names = f"its parameters are {', '.join(parameters)}" if parameters else "it has no parameters"
    return UsageError(f"{owner} has no parameter {quoted(key)}{suggestion(key, parameters)} ({names})")


def describe(annotation: Any) -> str:
    """Describe the values of a plain type."""
    if annotation in _DESCRIPTIONS:
        return _DESCRIPTIONS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(repr(argument) for argument in arguments)
    if origin in (Union, UnionType):
        return " or ".join(describe(argument) for argument in arguments)
    if origin is tuple and arguments[1:] == (...,):
        return f"a list of which each item is {describe(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(describe(argument) for argument in arguments)}"
    return quoted(annotation)


def is_plain(annotation: Any) -> bool:
    """Return whether a type consists of numbers, booleans, strings, literals, None, and tuples and unions of them."""
    if annotation in _DESCRIPTIONS or get_origin(annotation) is Literal:
        return True
    is_nested = get_origin(annotation) in (Union, UnionType, tuple)
    return is_nested and all(is_plain(argument) for argument in get_args(annotation) if argument is not ...)


def is_finite(value: object) -> bool:
    """Return whether a value contains no infinity and no NaN, which JSON cannot store."""
    if isinstance(value, list | tuple):
        return all(is_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def _with_none(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_with_none(item) for item in value]
    return None if value == "none" else value
