"""Wrapped optimizers: the factory and the entry of `cosine(adam)` from those of its two parts."""

import functools
import inspect
from typing import Any

from benchbed.catalog.names import prefixed, quoted
from benchbed.catalog.records import Entry, Origin
from benchbed.errors import UsageError
from benchbed.interfaces import Hyperparameter, Optimizer, OptimizerFactory, Wrapper

RATE = "learning_rate"
PROVIDED = (RATE, "layout", "budget")
"""Parameters of a wrapper whose values are those of the wrapped optimizer and of the trial."""


def combined_entry(name: str, outer: Entry, inner: Entry, implementation: Any) -> Entry:
    """Return the entry of an object in another one, which has the origin of both; a third party's if one of them is."""
    owner = inner if outer.built_in else outer
    origin = Origin(
        f"{outer.origin.definition}({inner.origin.definition})",
        outer.origin.files | inner.origin.files,
        outer.origin.versions | inner.origin.versions,
        outer.origin.is_passed or inner.origin.is_passed,
    )
    return owner._replace(
        kind=inner.kind,
        name=name,
        implementation=implementation,
        origin=origin,
        documentation=f"{outer.summary} {inner.summary}".strip(),
        details=None,
        family=inner.family,
    )


@functools.cache  # the factory is part of the key of compiled steps
def wrapped_factory(name: str, wrapper: Wrapper, inner: OptimizerFactory) -> OptimizerFactory:
    """Return the factory of an optimizer in a wrapper, whose parameters are prefixed by its name.

    Raises: UsageError if the two have a parameter of one name.
    """
    of_inner = dict(inspect.signature(inner, eval_str=True).parameters)
    own = {prefixed(name, parameter.name): parameter for parameter in own_parameters(wrapper)}
    provided = [parameter for parameter in _signature(wrapper)[1:] if parameter.name in PROVIDED]
    for key in own:
        if key in of_inner:
            raise UsageError(
                f"{quoted(name)} wraps an optimizer that has a parameter {key} already; use it once"
            )

    def factory(**settings: Any) -> Optimizer[Any]:
        of_optimizer = {key: value for key, value in settings.items() if key in of_inner}
        arguments = {own[key].name: value for key, value in settings.items() if key in own}
        for parameter in provided:
            if parameter.name in settings:
                arguments[parameter.name] = settings[parameter.name]
            elif parameter.name in of_inner:
                arguments[parameter.name] = of_inner[parameter.name].default
            elif parameter.default is parameter.empty:
                raise ValueError(f"{name} needs an optimizer with a {parameter.name}; choose another")
        optimizer = _with_rates(inner, of_optimizer, of_inner)
        return _wrapped(wrapper, optimizer, arguments, 1.0)

    factory.__name__ = f"{name}_{getattr(inner, '__name__', 'optimizer')}"
    factory.__doc__ = wrapper.__doc__
    factory.__wrapped__ = getattr(inner, "__wrapped__", inner)  # type: ignore[attr-defined]  # perhaps a class of torch
    keywords = [parameter.replace(name=key) for key, parameter in own.items()]
    keywords += [
        parameter for parameter in provided if parameter.name not in of_inner and parameter.name != RATE
    ]
    parameters = [
        parameter.replace(kind=parameter.KEYWORD_ONLY) for parameter in (*of_inner.values(), *keywords)
    ]
    factory.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # for inspect
    return factory


def own_parameters(wrapper: Wrapper) -> list[inspect.Parameter]:
    """Return the parameters of a wrapper that a user sets: without the optimizer and those of `PROVIDED`."""
    return [parameter for parameter in _signature(wrapper)[1:] if parameter.name not in PROVIDED]


def _signature(wrapper: Wrapper) -> list[inspect.Parameter]:
    return list(inspect.signature(wrapper, eval_str=True).parameters.values())


def _with_rates(
    inner: OptimizerFactory, settings: dict[str, Any], parameters: dict[str, inspect.Parameter]
) -> Optimizer[Any]:
    """Build an optimizer, and let wrappers multiply its learning rate."""
    optimizer: Optimizer[Any] = inner(**settings)
    if optimizer.at_rate is not None or RATE not in parameters:  # it multiplies the rate itself, or has none
        return optimizer
    rate = settings.get(RATE, parameters[RATE].default)

    def at_rate(factor: Hyperparameter) -> Optimizer[Any]:
        return _with_rates(inner, {**settings, RATE: rate * factor}, parameters)

    return optimizer._replace(at_rate=at_rate)


def _wrapped(
    wrapper: Wrapper, optimizer: Optimizer[Any], arguments: dict[str, Any], factor: Hyperparameter
) -> Optimizer[Any]:
    """Call a wrapper, and let further wrappers multiply the rate of what it wraps, and the rate that it uses."""
    scaled = {**arguments, RATE: arguments[RATE] * factor} if RATE in arguments else arguments
    wrapped: Optimizer[Any] = wrapper(optimizer, **scaled)
    at_rate = optimizer.at_rate
    if not isinstance(wrapped, Optimizer):  # its check describes the fault
        return wrapped
    lost = [
        name
        for name, default in Optimizer._field_defaults.items()
        if name != "at_rate" and getattr(wrapped, name) is default and getattr(optimizer, name) is not default
    ]
    if lost:
        raise ValueError(
            f"it loses {', '.join(lost)} of its optimizer; return optimizer._replace(…) instead of Optimizer(…)"
        )
    if at_rate is None:
        return wrapped

    return wrapped._replace(
        at_rate=lambda further: _wrapped(wrapper, at_rate(further), scaled, further),
    )
