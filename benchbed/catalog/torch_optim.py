"""Take any torch.optim.Optimizer class as it is: its signature becomes the schema, its step the rule."""

import functools
import inspect
import types
from collections.abc import Callable
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin

import msgspec
import torch
from torch import Tensor

from benchbed.catalog.names import error_line, reason
from benchbed.catalog.parameters import is_plain
from benchbed.interfaces import LogUniform, Optimizer, OptimizerFactory, Oracle

_LEARNING_RATE = Annotated[float, LogUniform(1e-6, 1e2)]
# Of a parameter without annotations, the default says what may be given: 0 is often meant as 0.0.
_UNANNOTATED: dict[type, Any] = {
    bool: bool,
    int: int | float,
    str: str,
    tuple: tuple[int | float, ...],
    NoneType: bool | int | float | str | None,
}


class TorchState(NamedTuple):
    """The parameter that the class writes to, and the class's own object with its state."""

    parameter: torch.nn.Parameter
    optimizer: torch.optim.Optimizer


@functools.cache
def torch_factory(optimizer_class: Callable[..., torch.optim.Optimizer]) -> OptimizerFactory:
    """Make a factory with the class's own parameters, `lr` called `learning_rate` as everyone's.

    A parameter whose values cannot be written in a selector keeps its default.

    Raises: ValueError if a parameter has no default.
    """
    originals, parameters = _schema(optimizer_class)
    numbers = {
        name for name, parameter in parameters.items() if parameter.annotation in (float, _LEARNING_RATE)
    }
    defaults = {name: parameter.default for name, parameter in parameters.items()}

    def factory(**settings: Any) -> Optimizer[TorchState]:
        keywords: dict[str, Any] = {}
        for name, value in (defaults | settings).items():
            keywords[originals[name]] = float(value) if name in numbers else value

        def make(parameter: torch.nn.Parameter) -> TorchState:
            return TorchState(parameter, optimizer_class([parameter], **keywords))

        _try(make)
        return _rule(make)

    factory.__doc__ = optimizer_class.__doc__
    factory.__name__ = optimizer_class.__name__
    factory.__signature__ = inspect.Signature(list(parameters.values()))  # type: ignore[attr-defined]  # for inspect
    return factory


def _try(make: Callable[[torch.nn.Parameter], TorchState]) -> None:
    """Let the class refuse its settings here, before any trial."""
    try:
        make(torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)))
    except Exception as error:
        raise ValueError(reason(error) if isinstance(error, ValueError) else error_line(error)) from error


def _rule(make: Callable[[torch.nn.Parameter], TorchState]) -> Optimizer[TorchState]:
    def init(theta: Tensor) -> TorchState:
        return make(torch.nn.Parameter(theta.detach().clone()))

    return Optimizer(init=init, update=_update, stateful=True)


def _update(oracle: Oracle, state: TorchState, theta: Tensor) -> tuple[Tensor, TorchState]:
    """Take one step of the class on `theta: [dimension]`."""
    parameter, optimizer = state
    parameter.data.copy_(theta)
    parameter.grad = oracle.gradient.detach().clone()
    with torch.enable_grad():  # as in a training loop, though the engine works without gradients
        optimizer.step(_closure(oracle, parameter, theta))  # type: ignore[arg-type]  # a tensor, as everywhere
    return parameter.detach().clone(), state


def _closure(oracle: Oracle, parameter: torch.nn.Parameter, theta: Tensor) -> Callable[[], Tensor]:
    """Give the function by which a class evaluates again; the first answer at `theta` is already paid for."""
    is_first = True

    def closure() -> Tensor:
        nonlocal is_first
        with torch.no_grad():
            point = parameter.detach().clone()
            is_known = is_first and torch.equal(point, theta)
            is_first = False
            loss, gradient = (oracle.loss, oracle.gradient) if is_known else oracle.at(point)
            parameter.grad = gradient.detach().clone()
            return loss.detach().clone()

    return closure


def _schema(optimizer_class: Callable[..., object]) -> tuple[dict[str, str], dict[str, inspect.Parameter]]:
    """Give the class's own names by ours, and its parameters under ours."""
    signature = _signature(optimizer_class)
    variadic = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    own = [parameter for parameter in signature.parameters.values() if parameter.kind not in variadic][1:]
    names = {parameter.name for parameter in own}
    adapted = {parameter.name: _adapted(parameter, "learning_rate" in names) for parameter in own}
    usable = {name: parameter for name, parameter in adapted.items() if parameter is not None}
    return (
        {parameter.name: name for name, parameter in usable.items()},
        {parameter.name: parameter for parameter in usable.values()},
    )


def _signature(optimizer_class: Callable[..., object]) -> inspect.Signature:
    try:
        return inspect.signature(optimizer_class, eval_str=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        return inspect.signature(optimizer_class)


def _adapted(parameter: inspect.Parameter, has_learning_rate: bool) -> inspect.Parameter | None:
    name, default = parameter.name, parameter.default
    is_rate = name == "learning_rate" or (name == "lr" and not has_learning_rate)
    if default is parameter.empty:
        if not is_rate:
            raise ValueError(f"its parameter {name!r} has no default")
        default = 1e-3
    if name == "foreach":
        default = False  # grouping tensors costs time where there is a single small one
    annotation = _without_tensor(parameter.annotation)
    is_number = isinstance(default, float) or (isinstance(default, int) and not isinstance(default, bool))
    if is_number and (is_rate or annotation is float or isinstance(default, float)):
        kind: Any = _LEARNING_RATE if is_rate else float
        return _keyword("learning_rate" if is_rate else name, float(default), kind)
    static = _static_type(annotation, default)
    return None if static is None else _keyword(name, default, static)


def _keyword(name: str, default: object, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _static_type(annotation: Any, default: object) -> Any | None:
    """Find a plain type that holds the default: the annotation's, or what the default suggests."""
    candidates = [annotation, annotation | None] if is_plain(annotation) else []
    candidates += [_UNANNOTATED[type(default)]] if type(default) in _UNANNOTATED else []
    return next((candidate for candidate in candidates if _holds(candidate, default)), None)


def _holds(annotation: Any, default: object) -> bool:
    try:
        msgspec.convert(default, annotation)
    except (msgspec.ValidationError, TypeError):
        return False
    return True


def _without_tensor(annotation: Any) -> Any:
    """Leave out that a number may also be a tensor, in tuples too."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin not in (Union, UnionType, tuple):
        return annotation
    kept = tuple(argument for argument in arguments if argument is not Tensor)
    inner = tuple(argument if argument is ... else _without_tensor(argument) for argument in kept)
    union: Any = Union
    return types.GenericAlias(tuple, inner) if origin is tuple else union[inner]
