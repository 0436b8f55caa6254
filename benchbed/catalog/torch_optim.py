"""Adapter for the classes of `torch.optim`: `module:Class` names any importable torch.optim.Optimizer."""

import functools
import importlib
import inspect
import re
import sys
import types
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeGuard, Union, get_args, get_origin

import msgspec
import torch
from torch import Tensor

from benchbed.catalog.names import error_line, quoted, reason, suggestion
from benchbed.catalog.parameters import is_finite, is_plain
from benchbed.catalog.records import Entry
from benchbed.catalog.sources import origin_of, summary
from benchbed.errors import UsageError
from benchbed.interfaces import LogUniform, Optimizer, OptimizerFactory, Oracle

_REFERENCE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")
_EXAMPLE = "write it as module:Class, such as torch.optim:NAdam"
_LEARNING_RATE = Annotated[float, LogUniform(1e-6, 1e2)]
# Types of parameters without annotations by the types of their defaults; a default of 0 often means 0.0.
_TYPES_BY_DEFAULT: dict[type, Any] = {
    bool: bool,
    int: int | float,
    str: str,
    tuple: tuple[int | float, ...],
    NoneType: bool | int | float | str | None,
}


class TorchState(NamedTuple):
    """The parameter that the class updates, and the instance of the class with its state."""

    parameter: torch.nn.Parameter
    optimizer: torch.optim.Optimizer


@functools.cache
def entry(name: str) -> Entry:
    """Return the entry of the class that `module:Class` names.

    Raises: UsageError if there is no such class, or it cannot optimize a vector.
    """
    reference = _REFERENCE.fullmatch(name)
    if not reference:
        raise UsageError(f"unknown optimizer {quoted(name)}; {_EXAMPLE}")
    module_name, class_name = reference.groups()
    label = f"optimizer {quoted(name)} cannot be used"
    try:
        module = importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a third-party module may also call sys.exit
        cause = f"importing {module_name} raised {error_line(error)}"
        raise UsageError(f"{label}: {cause}; install the missing package") from error
    optimizer_class = getattr(module, class_name, None)
    if not _is_optimizer_class(optimizer_class):
        fault = "does not exist" if optimizer_class is None else "is not a torch.optim.Optimizer"
        names = [member for member in dir(module) if _is_optimizer_class(getattr(module, member, None))]
        hint = suggestion(class_name, names) or (f"; it has {', '.join(names)}" if names else f"; {_EXAMPLE}")
        raise UsageError(f"{label}: {class_name} {fault} in {module_name}{hint}")
    try:
        factory: OptimizerFactory = torch_factory(optimizer_class)  # type: ignore[arg-type]  # hashable
        factory()
    except ValueError as error:
        raise UsageError(f"{label}: {reason(error)}") from error
    package = module_name.partition(".")[0]
    version = str(getattr(sys.modules.get(package), "__version__", ""))
    return Entry(
        kind="optimizers",
        name=name,
        implementation=factory,
        plugin=module_name,
        distribution=package,
        version=version,
        origin=origin_of(optimizer_class, module_name, package, version),
        summary=summary(optimizer_class),
    )


@functools.cache
def torch_factory(optimizer_class: Callable[..., torch.optim.Optimizer]) -> OptimizerFactory:
    """Return a factory with the parameters of the class, `lr` renamed to `learning_rate`.

    A parameter whose values cannot be written in a selector keeps its default.

    Raises: ValueError if a parameter has no default.
    """
    original_names, parameters = _schema(optimizer_class)
    numbers = {
        name for name, parameter in parameters.items() if parameter.annotation in (float, _LEARNING_RATE)
    }
    defaults = {name: parameter.default for name, parameter in parameters.items()}

    def factory(**settings: Any) -> Optimizer[TorchState]:
        keywords: dict[str, Any] = {}
        for name, value in (defaults | settings).items():
            keywords[original_names[name]] = float(value) if name in numbers else value

        def init(theta: Tensor) -> TorchState:
            parameter = torch.nn.Parameter(theta.detach().clone())
            return TorchState(parameter, optimizer_class([parameter], **keywords))

        try:  # the class rejects invalid settings here, before any trial
            init(torch.zeros(2, dtype=torch.float64))
        except Exception as error:
            message = reason(error) if isinstance(error, ValueError) else error_line(error)
            raise ValueError(message) from error
        return Optimizer(init=init, update=_update, stateful=True)

    factory.__doc__ = optimizer_class.__doc__
    factory.__name__ = optimizer_class.__name__
    factory.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]  # for inspect
    return factory


def _is_optimizer_class(value: object) -> TypeGuard[type[torch.optim.Optimizer]]:
    base = torch.optim.Optimizer
    return isinstance(value, type) and issubclass(value, base) and value is not base


def _update(oracle: Oracle, state: TorchState, theta: Tensor) -> tuple[Tensor, TorchState]:
    """Run one step of the class on `theta: [dimension]`; its first evaluation at theta is already counted."""
    parameter, optimizer = state
    parameter.data.copy_(theta)
    parameter.grad = oracle.gradient.detach().clone()
    is_first = True

    def closure() -> Tensor:
        nonlocal is_first
        with torch.no_grad():
            point = parameter.detach().clone()
            is_counted = is_first and torch.equal(point, theta)
            is_first = False
            loss, gradient = (oracle.loss, oracle.gradient) if is_counted else oracle.at(point)
            parameter.grad = gradient.detach().clone()
            return loss.detach().clone()

    with torch.enable_grad():  # as in a training loop, though the engine disables gradients
        optimizer.step(closure)  # type: ignore[arg-type]  # the closure returns a tensor, as usual
    return parameter.detach().clone(), state


def _schema(optimizer_class: Callable[..., object]) -> tuple[dict[str, str], dict[str, inspect.Parameter]]:
    """Return the names in the class by the names in the factory, and the parameters of the factory."""
    try:
        signature = inspect.signature(optimizer_class, eval_str=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        signature = inspect.signature(optimizer_class)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    originals = [parameter for parameter in signature.parameters.values() if parameter.kind not in variadic]
    originals = originals[1:]  # the first one is `params`
    names = {original.name for original in originals}
    original_names: dict[str, str] = {}
    parameters: dict[str, inspect.Parameter] = {}
    for original in originals:
        parameter = _adapted(original, "learning_rate" in names)
        if parameter is not None:
            original_names[parameter.name] = original.name
            parameters[parameter.name] = parameter
    return original_names, parameters


def _adapted(parameter: inspect.Parameter, has_learning_rate: bool) -> inspect.Parameter | None:
    """Return a parameter of the class as one of the factory, None if no selector can write its values."""
    name, default = parameter.name, parameter.default
    if not is_finite(default):
        return None
    is_rate = name == "learning_rate" or (name == "lr" and not has_learning_rate)
    if default is parameter.empty:
        if not is_rate:
            raise ValueError(f"its parameter {name!r} has no default")
        default = 1e-3
    if name == "foreach":
        default = False  # grouping tensors is slow for a single small tensor
    annotation = _without_tensor(parameter.annotation)
    is_number = isinstance(default, float) or (isinstance(default, int) and not isinstance(default, bool))
    if is_number and (is_rate or annotation is float or isinstance(default, float)):
        name, default = "learning_rate" if is_rate else name, float(default)
        annotation = _LEARNING_RATE if is_rate else float
    else:
        candidates = [annotation, annotation | None] if is_plain(annotation) else []
        candidates += [_TYPES_BY_DEFAULT[type(default)]] if type(default) in _TYPES_BY_DEFAULT else []
        annotation = next((candidate for candidate in candidates if _is_instance(default, candidate)), None)
        if annotation is None:
            return None
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
