"""Factories of optimizers from the objects that a plugin may register: functions, and classes of torch."""

import functools
import inspect
from typing import Any

from benchbed.catalog.records import InvalidPluginError
from benchbed.catalog.torch_classes import torch_factory
from benchbed.catalog.torch_references import is_optimizer_class


def as_factory(implementation: Any) -> Any:
    """Return the factory of an optimizer: an object that is neither a class of torch nor has a parameter `lr` itself.

    The factory of a class, or of a `functools.partial` of one, has the class as `__wrapped__`. A parameter `lr` is
    called `learning_rate`, by which it is tuned.

    Raises: InvalidPluginError if a class has parameters that cannot be written in a selector.
    """
    if is_optimizer_class(getattr(implementation, "func", implementation)):
        try:
            return torch_factory(implementation)
        except ValueError as error:
            raise InvalidPluginError(
                f"{error}; register a function that returns torch_optimizer(…)"
            ) from error
    try:
        signature = inspect.signature(implementation, eval_str=True)
    except (NameError, TypeError, ValueError, AttributeError, SyntaxError):
        return implementation  # its check describes the fault
    names = signature.parameters
    if "lr" not in names or "learning_rate" in names:
        return implementation

    def factory(**settings: Any) -> Any:
        return implementation(
            **{"lr" if name == "learning_rate" else name: settings[name] for name in settings}
        )

    functools.update_wrapper(factory, getattr(implementation, "func", implementation))
    factory.__wrapped__ = implementation  # type: ignore[attr-defined]  # its definition, for `inspect.unwrap`
    renamed = [
        parameter.replace(name="learning_rate") if name == "lr" else parameter
        for name, parameter in names.items()
    ]
    factory.__signature__ = signature.replace(parameters=renamed)  # type: ignore[attr-defined]  # for inspect
    return factory
