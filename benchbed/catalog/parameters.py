"""Read a factory's signature as its schema, and check values against it."""

import inspect
import math
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin

import msgspec
from torch import Tensor

from benchbed.catalog.names import quoted, suggestion
from benchbed.catalog.records import InvalidPluginError
from benchbed.errors import UsageError
from benchbed.interfaces import LogUniform, OneMinusLogUniform, Uniform

Domain = LogUniform | Uniform | OneMinusLogUniform


class Parameter(NamedTuple):
    """One parameter of an optimizer."""

    name: str
    default: Any
    static: bool
    """Settings that differ in it cannot share a batch; otherwise it is a hyperparameter, a number."""
    annotation: Any
    """The plain type of a static parameter; float for a hyperparameter."""
    domain: Domain | None
    """Where a hyperparameter is searched and what is refused; None accepts any finite number."""


def hyperparameters_of(factory: Callable[..., Any]) -> dict[str, Parameter]:
    """Read a factory's signature, but for `layout`.

    Raises: InvalidPluginError if a parameter has no default, no usable annotation, or a default outside
    its domain.
    """
    try:
        signature = inspect.signature(factory, eval_str=True)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError) as error:
        raise InvalidPluginError(f"its signature cannot be read: {error}") from error
    return {
        parameter.name: _parameter(parameter)
        for parameter in signature.parameters.values()
        if parameter.name != "layout"
    }


def checked_value(owner: str, parameter: Parameter, value: object) -> object:
    """Give `value` as the parameter's type.

    Raises: UsageError if it is of another type or outside the domain.
    """
    if parameter.static:
        return converted(owner, parameter.name, value, parameter.annotation)
    number = _finite(value)
    if number is None or not (parameter.domain is None or parameter.domain.accepts(number)):
        wanted = _DOMAINS.get(type(parameter.domain), "a finite number")
        raise UsageError(f"{owner}: {parameter.name} is {quoted(value)}; it must be {wanted}")
    return number


def converted(owner: str, key: str, value: object, annotation: Any) -> Any:
    """Convert JSON-plain `value` strictly: lists become tuples, integers floats, and `none` is None.

    Raises: UsageError if it does not fit, or holds a number that is not finite.
    """
    for candidate in (_with_none(value), value):
        try:
            if _is_finite(candidate):
                return msgspec.convert(candidate, annotation)
        except msgspec.ValidationError:
            continue
    raise UsageError(f"{owner}: {key} is {quoted(value)}; it must be {described(annotation)}")


def unknown_key(owner: str, key: str, known: Mapping[str, object]) -> UsageError:
    """Say that `owner` has no parameter `key`, with the near spelling and the list of those it has."""
    listed = f"its parameters are {', '.join(known)}" if known else "it has no parameters"
    return UsageError(f"{owner} has no parameter {quoted(key)}{suggestion(key, known) or ';'} {listed}")


def described(annotation: Any) -> str:
    """Say in words what a plain type accepts."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(repr(argument) for argument in arguments)
    if origin in (Union, UnionType):
        return " or ".join(described(argument) for argument in arguments)
    if origin is tuple and arguments[1:] == (...,):
        return f"a list, each of it {described(arguments[0])}"
    if origin is tuple:
        return f"a list of {len(arguments)}: {', '.join(described(argument) for argument in arguments)}"
    return quoted(annotation)


_WORDS = {
    float: "a finite number",
    int: "a whole number",
    bool: "true or false",
    str: "a word or a quoted text",
    NoneType: "none",
}
_DOMAINS = {
    LogUniform: "a finite number of at least 0",
    OneMinusLogUniform: "a number of at least 0 and less than 1",
}


def _parameter(parameter: inspect.Parameter) -> Parameter:
    name, default = parameter.name, parameter.default
    if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
        raise InvalidPluginError(f"parameter {name!r} is not a plain one; write each hyperparameter out")
    if default is parameter.empty:
        raise InvalidPluginError(f"parameter {name!r} has no default; every hyperparameter needs one")
    annotation, domain = _domain(parameter.annotation)
    if _is_hyperparameter(annotation):
        return _checked_default(Parameter(name, default, False, float, domain))
    if not is_plain(annotation):
        example = "Annotated[Hyperparameter, LogUniform(1e-6, 1e2)], int, bool, str or Literal"
        raise InvalidPluginError(f"parameter {name!r} is annotated {quoted(annotation)}; use {example}")
    return _checked_default(Parameter(name, default, True, annotation, None))


def _domain(annotation: Any) -> tuple[Any, Domain | None]:
    if get_origin(annotation) is not Annotated:
        return annotation, None
    domains = [extra for extra in annotation.__metadata__ if isinstance(extra, Domain)]
    return annotation.__origin__, domains[0] if domains else None


def _is_hyperparameter(annotation: Any) -> bool:
    return annotation is float or (
        float in get_args(annotation) and set(get_args(annotation)) == {float, Tensor}
    )


def is_plain(annotation: Any) -> bool:
    """Tell whether a type is made of numbers, truth values, texts, literals, tuples and unions of them."""
    if annotation in _WORDS or get_origin(annotation) is Literal:
        return True
    is_nested = get_origin(annotation) in (Union, UnionType, tuple)
    return is_nested and all(is_plain(argument) for argument in get_args(annotation) if argument is not ...)


def _checked_default(parameter: Parameter) -> Parameter:
    try:
        return parameter._replace(default=checked_value("default", parameter, parameter.default))
    except (UsageError, TypeError) as error:
        raise InvalidPluginError(str(error)) from None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _is_finite(value: object) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_finite(item) for item in value)
    return not isinstance(value, float) or math.isfinite(value)


def _with_none(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_with_none(item) for item in value]
    return None if value == "none" else value
