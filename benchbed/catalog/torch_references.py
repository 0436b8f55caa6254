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
from benchbed.catalog.records import InvalidPluginError
from benchbed.catalog.selector_reader import SelectorReader
from benchbed.errors import UsageError
from benchbed.hookspecs import Register, hookimpl
from benchbed.interfaces import Problem

NESTED = ("base", "others")
"""Parameters whose values are selectors of further classes."""
Hook = Callable[[Register[Any]], None]
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
    module, label, class_name = _import_module(name)
    optimizer_class = getattr(module, class_name, None)
    if not is_optimizer_class(optimizer_class):
        fault = "does not exist" if optimizer_class is None else "is not a torch.optim.Optimizer"
        names = [member for member in dir(module) if is_optimizer_class(getattr(module, member, None))]
        hint = suggestion(class_name, names) or (f"; it has {', '.join(names)}" if names else f"; {_EXAMPLE}")
        raise UsageError(f"optimizer {quoted(name)} cannot be used: {class_name} {fault} in {label}{hint}")
    if label.endswith(".py"):
        return ImportedClass(optimizer_class, label, label, "")
    return ImportedClass(optimizer_class, label, *_distribution_of(module, label))


def reference_hooks(reference: str) -> tuple[Hook, Hook]:
    """Return the hooks `register_problems` and `register_optimizers` of a plugin with one object.

    It is the class of a problem, or a factory or class of an optimizer, which `module:name` or `FILE.py:name` names.
    """

    def import_object() -> Any:
        try:
            module, label, name = _import_module(reference)
        except UsageError as error:
            raise InvalidPluginError(str(error)) from error
        if not hasattr(module, name):
            raise InvalidPluginError(f"{name} does not exist in {label}{suggestion(name, dir(module))}")
        return getattr(module, name)

    def is_problem(implementation: object) -> bool:
        return isinstance(implementation, type) and issubclass(implementation, Problem)

    @hookimpl
    def register_problems(register: Register[Any]) -> None:
        if is_problem(import_object()):
            register(import_object())

    @hookimpl
    def register_optimizers(register: Register[Any]) -> None:
        if not is_problem(import_object()):
            register(import_object())

    return register_problems, register_optimizers


def _import_module(name: str) -> tuple[Any, str, str]:
    """Import the module of a reference; return it with its name or file, and the name of the object.

    Raises: UsageError if the reference is malformed, or the module cannot be imported.
    """
    reference = _REFERENCE.fullmatch(name)
    if not reference:
        raise UsageError(f"unknown optimizer {quoted(name)}; {_EXAMPLE}")
    file, module_name, object_name = reference.groups()
    try:
        module = plugin_files([Path(file)])[0].load() if file else importlib.import_module(module_name)
    except (KeyboardInterrupt, UsageError):
        raise
    except BaseException as error:  # a third-party module may also call sys.exit
        cause = f"importing {file or module_name} raised {error_line(error)}"
        remedy = _remedy(module_name, object_name)
        raise UsageError(f"{quoted(name)} cannot be used: {cause}; {remedy}") from error
    return module, file or module_name, object_name


def is_optimizer_class(value: object) -> TypeGuard[type[torch.optim.Optimizer]]:
    """Return whether a value is a class of torch optimizers, and not their base class."""
    base = torch.optim.Optimizer
    return isinstance(value, type) and issubclass(value, base) and value is not base


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
