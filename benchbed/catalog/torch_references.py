"""References to classes of torch optimizers: `module:Class`, or `FILE.py:Class`."""

import functools
import importlib
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, TypeGuard

import torch

from benchbed.catalog.discovery import plugin_files
from benchbed.catalog.imports import SourceModule, distribution_of
from benchbed.catalog.names import error_line, quoted, suggestion, wrapped_names
from benchbed.catalog.selector_reader import SelectorReader
from benchbed.errors import UsageError

NESTED = ("base", "others")
"""Parameters whose values are selectors of further classes."""
_REFERENCE = re.compile(r"(?:([^:]+\.py)|([^\W\d]\w*(?:\.[^\W\d]\w*)*)):([^\W\d]\w*)")
_EXAMPLE = "write it as module:Class, such as torch.optim:NAdam, or as FILE.py:Class"


class ImportedClass(NamedTuple):
    """A class of a torch optimizer with its origin."""

    optimizer_class: Callable[..., torch.optim.Optimizer]
    module: str
    """Name of the module, or the path of its file."""
    distribution: str
    version: str


def modules_of(name: str, parameters: Mapping[str, object]) -> list[str]:
    """Return the modules and files that a selector names, whose code would run."""
    module, separator, _ = wrapped_names(name)[-1].rpartition(":")
    modules = [module] if separator else []
    for key in NESTED:
        value = parameters.get(key)
        for text in value if isinstance(value, list | tuple) else [value]:
            if isinstance(text, str):
                tree = SelectorReader(text).read()
                modules += modules_of(tree.name, tree.parameters)
    return modules


@functools.cache
def import_class(name: str) -> ImportedClass:
    """Import the class that `module:Class` or `FILE.py:Class` names.

    Raises: UsageError for an unknown class.
    """
    reference = _REFERENCE.fullmatch(name)
    if not reference:
        raise UsageError(f"unknown optimizer {quoted(name)}; {_EXAMPLE}")
    file, module_name, class_name = reference.groups()
    label = f"optimizer {quoted(name)} cannot be used"
    try:
        module: Any = _load_file(file) if file else importlib.import_module(module_name)
    except (KeyboardInterrupt, UsageError):
        raise
    except BaseException as error:  # a third-party module may also call sys.exit
        cause = f"importing {file or module_name} raised {error_line(error)}"
        raise UsageError(f"{label}: {cause}; {_remedy(module_name, class_name)}") from error
    optimizer_class = getattr(module, class_name, None)
    if not is_optimizer_class(optimizer_class):
        fault = "does not exist" if optimizer_class is None else "is not a torch.optim.Optimizer"
        names = [member for member in dir(module) if is_optimizer_class(getattr(module, member, None))]
        hint = suggestion(class_name, names) or (f"; it has {', '.join(names)}" if names else f"; {_EXAMPLE}")
        raise UsageError(f"{label}: {class_name} {fault} in {file or module_name}{hint}")
    if file:
        return ImportedClass(optimizer_class, file, file, "")
    return ImportedClass(optimizer_class, module_name, *_distribution_of(module, module_name))


def is_optimizer_class(value: object) -> TypeGuard[type[torch.optim.Optimizer]]:
    """Return whether a value is a class of torch optimizers, and not their base class."""
    base = torch.optim.Optimizer
    return isinstance(value, type) and issubclass(value, base) and value is not base


def _load_file(file: str) -> object:
    (plugin,) = plugin_files([Path(file)])
    return plugin.load()


def _remedy(module_name: str | None, class_name: str) -> str:
    if module_name is None:
        return "correct the file"
    file = Path(*module_name.split(".")).with_suffix(".py")
    if file.is_file():
        return f"modules of the working directory are not imported; write {file.as_posix()}:{class_name}"
    return "install the missing package"


def _distribution_of(module: ModuleType, module_name: str) -> tuple[str, str]:
    """Return the distribution that installed a module, with its version; else those that its package declares."""
    package = module_name.partition(".")[0]
    if isinstance(module.__file__, str):
        distribution = distribution_of(SourceModule(module.__name__, Path(module.__file__)))
        if distribution is not None:
            return distribution.name, distribution.version
    return package, str(getattr(sys.modules.get(package), "__version__", ""))
