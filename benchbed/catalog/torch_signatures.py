"""Signatures of torch optimizers: the parameters of a class, as those of its factory."""

import functools
import inspect
import types
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

import msgspec
import torch
from torch import Tensor

from benchbed.catalog.parameters import LEARNING_RATE, TYPES_BY_DEFAULT, is_finite, is_plain

OptimizerClass = Callable[..., torch.optim.Optimizer]
"""A class, or a `functools.partial` of one."""


class ClassSignature(NamedTuple):
    """The parameters of a class, as those of its factory."""

    original_names: dict[str, str]
    """Name in the class by the name in the factory."""
    parameters: dict[str, inspect.Parameter]
    kept: dict[str, object]
    """Default in the class of each parameter for which None stands in the factory: infinite, or missing."""
    base: str
    """Parameter of the class that takes an optimizer; empty if there is none."""
    wraps_instance: bool
    """`base` is the first parameter and takes an optimizer with its parameters, instead of a class."""


@functools.cache
def read_signature(optimizer_class: OptimizerClass) -> ClassSignature:
    """Read the signature of a class. Raises: ValueError if a selector cannot write a required argument."""
    try:
        signature = inspect.signature(optimizer_class, eval_str=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        signature = inspect.signature(optimizer_class)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    first, *originals = [
        parameter for parameter in signature.parameters.values() if parameter.kind not in variadic
    ]
    wraps_instance = first.name == "optimizer"
    base = "base_optimizer" if any(original.name == "base_optimizer" for original in originals) else ""
    base = first.name if wraps_instance else base
    for demanded in (first, *originals):
        if isinstance(demanded.annotation, type) and issubclass(demanded.annotation, torch.nn.Module):
            raise ValueError(
                f"its parameter {demanded.name!r} takes a module, and a problem has only parameters"
            )
    result = ClassSignature({}, {}, {}, base, wraps_instance)
    names = {original.name for original in originals}
    for original in originals:
        parameter = None if original.name == base else _adapted(original, "learning_rate" in names)
        if parameter is not None:
            result.original_names[parameter.name] = original.name
            result.parameters[parameter.name] = parameter
            if parameter.default is None and original.default is not None:
                result.kept[parameter.name] = original.default
    if base:
        if "learning_rate" not in result.parameters:
            result.parameters["learning_rate"] = keyword("learning_rate", 1e-3, LEARNING_RATE)
        result.parameters["base"] = keyword("base", "torch.optim:SGD", str)
    result.parameters["others"] = keyword("others", None, str | None)
    return result


def _adapted(parameter: inspect.Parameter, has_learning_rate: bool) -> inspect.Parameter | None:
    """Return a parameter of the class as one of the factory, None if no selector can write its values."""
    name, default = parameter.name, parameter.default
    is_rate = name == "learning_rate" or (name == "lr" and not has_learning_rate)
    is_missing = default is parameter.empty
    if is_missing and is_rate:
        is_missing, default = False, 1e-3
    annotation = _without_tensor(parameter.annotation)
    if is_missing or not is_finite(default):
        annotation = TYPES_BY_DEFAULT[NoneType] if annotation is parameter.empty else annotation
        if is_plain(annotation):
            return keyword(name, None, annotation | None)
        if is_missing:
            raise ValueError(f"its parameter {name!r} has no default, and a selector cannot write its values")
        return None
    is_number = isinstance(default, float) or (isinstance(default, int) and not isinstance(default, bool))
    if is_number and (is_rate or annotation is float or isinstance(default, float)):
        return keyword(
            "learning_rate" if is_rate else name, float(default), LEARNING_RATE if is_rate else float
        )
    candidates = [annotation, annotation | None] if is_plain(annotation) else []
    candidates += [TYPES_BY_DEFAULT[type(default)]] if type(default) in TYPES_BY_DEFAULT else []
    annotation = next((candidate for candidate in candidates if _is_instance(default, candidate)), None)
    return None if annotation is None else keyword(name, default, annotation)


def keyword(name: str, default: object, annotation: Any) -> inspect.Parameter:
    """Return a parameter of a factory."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _is_instance(value: object, annotation: Any) -> bool:
    try:
        msgspec.convert(value, annotation)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


def _without_tensor(annotation: Any) -> Any:
    """Remove Tensor from a union, also inside tuples."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin not in (Union, UnionType, tuple):
        return annotation
    remaining = tuple(
        argument if argument is ... else _without_tensor(argument)
        for argument in arguments
        if argument is not Tensor
    )
    union: Any = Union
    return types.GenericAlias(tuple, remaining) if origin is tuple else union[remaining]
