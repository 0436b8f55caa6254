"""Find the optimizer class that `module:Class` names."""

import functools
import importlib
import re
import sys
from typing import TypeGuard

import torch

from benchbed.catalog.names import error_line, quoted, reason, suggestion
from benchbed.catalog.records import Entry
from benchbed.catalog.sources import source_digest, summary
from benchbed.catalog.torch_optim import torch_factory
from benchbed.errors import UsageError
from benchbed.interfaces import OptimizerFactory

_REFERENCE = re.compile(r"([^\W\d]\w*(?:\.[^\W\d]\w*)*):([^\W\d]\w*)")
_EXAMPLE = "write it as module:Class, such as torch.optim:NAdam"


@functools.cache
def entry(name: str) -> Entry:
    """Adapt the class that `module:Class` names.

    Raises: UsageError if there is no such class, or it cannot be run on a vector.
    """
    found = _REFERENCE.fullmatch(name)
    if not found:
        raise UsageError(f"unknown optimizer {quoted(name)}; {_EXAMPLE}")
    module_name, class_name = found.groups()
    optimizer_class = _optimizer_class(name, _import(name, module_name), class_name)
    try:
        factory: OptimizerFactory = torch_factory(optimizer_class)  # type: ignore[arg-type]  # hashable
        factory()
    except ValueError as error:
        raise UsageError(f"optimizer {quoted(name)} cannot be used: {reason(error)}") from error
    top = module_name.partition(".")[0]
    version = str(getattr(sys.modules.get(top), "__version__", ""))
    digest = source_digest(optimizer_class)
    return Entry("optimizers", name, factory, module_name, top, version, digest, summary(optimizer_class))


def _import(name: str, module_name: str) -> object:
    try:
        return importlib.import_module(module_name)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a foreign module may raise anything, sys.exit too
        reason = f"importing {module_name} raised {error_line(error)}"
        raise UsageError(
            f"optimizer {quoted(name)} cannot be used: {reason}; install what is missing"
        ) from error


def _optimizer_class(name: str, module: object, class_name: str) -> type[torch.optim.Optimizer]:
    found = getattr(module, class_name, None)
    if _is_optimizer_class(found):
        return found
    names = [other for other in dir(module) if _is_optimizer_class(getattr(module, other, None))]
    fault = "no such class" if found is None else "no torch.optim.Optimizer"
    near = suggestion(class_name, names) or (f"; it has {', '.join(names)}" if names else f"; {_EXAMPLE}")
    raise UsageError(f"optimizer {quoted(name)} cannot be used: {class_name} is {fault} of that module{near}")


def _is_optimizer_class(thing: object) -> TypeGuard[type[torch.optim.Optimizer]]:
    base = torch.optim.Optimizer
    return isinstance(thing, type) and issubclass(thing, base) and thing is not base
