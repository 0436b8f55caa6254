"""Digest of the code and the values that an object consists of, for objects that no file defines."""

import functools
import hashlib
import inspect
import sys
from types import CellType, CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from benchbed.catalog.code_names import global_names, imported_names, submodule_names
from benchbed.errors import UsageError

NOT_CONTENT = {
    *("__dict__", "__weakref__", "__module__", "__doc__", "__firstlineno__", "_abc_impl"),
    *("__dataclass_fields__", "__dataclass_params__", "__slotnames__"),
}
"""Attributes of classes that change no number, or repeat others."""
NOT_CONTENT_OF_MODULES = {
    *("__name__", "__doc__", "__package__", "__loader__", "__spec__", "__path__", "__file__", "__cached__"),
    "__builtins__",
}
"""Likewise for modules."""


class Content(NamedTuple):
    """The content of an object."""

    digest: str
    """16 hexadecimal digits, which are the same in every process."""
    modules: tuple[str, ...]
    """Names of the modules that it refers to or imports; their content is not part of the digest."""
    copied_modules: tuple[str, ...]
    """Names of the loaded modules that another process cannot import, whose content is read."""


def read_content(value: object) -> Content:
    """Return the content of an object: of functions and classes that cannot be imported the code, else their names.

    The content of a function includes its closure and the globals that its code names; line numbers and file names
    are left out.

    Raises: UsageError if a value in it cannot be read, such as a lock or an open file.
    """
    reader = _Reader()
    reader.add(value)
    return Content(
        reader.hash.hexdigest()[:16], tuple(sorted(reader.modules)), tuple(sorted(reader.copied_modules))
    )


def is_importable(value: Any) -> bool:
    """Return whether another process can import a function or class by its module and name."""
    module = getattr(value, "__module__", None)
    return isinstance(module, str) and _is_on_path(module) and is_named(value)


def is_named(value: Any) -> bool:
    """Return whether the name of an object in its module refers to it."""
    named: object = sys.modules.get(getattr(value, "__module__", ""))
    for name in getattr(value, "__qualname__", "<none>").split("."):
        named = getattr(named, name, None)
    return named is value


def _is_on_path(module: str) -> bool:
    """Return whether an import would find the package of a module, and not only because it is loaded."""
    package = module.partition(".")[0]
    if package == "__main__":
        return False
    return any(finder.find_spec(package, None) is not None for finder in sys.meta_path)


class _Reader:
    """A hash of the added values, in an order that depends on nothing else."""

    def __init__(self) -> None:
        self.hash = hashlib.sha256()
        self.modules: set[str] = set()
        self.copied_modules: set[str] = set()
        self._numbers: dict[int, int] = {}
        self._alive: list[object] = []  # so that no id is used twice

    def add(self, value: Any) -> None:
        """Add a value with all that it contains."""
        kind = type(value)
        if kind in (type(None), bool, int, float, complex, str, bytes, type(...)):
            self._write(kind.__name__, repr(value))
        elif kind in (tuple, list):
            self._write(kind.__name__, len(value))
            for item in value:
                self.add(item)
        elif kind in (dict, MappingProxyType):
            self._write("dict", len(value))
            for key, item in value.items():
                self.add((key, item))
        elif kind in (set, frozenset):
            contents = [read_content(item) for item in value]
            self._write(kind.__name__, sorted(content.digest for content in contents))
            self.modules.update(*(content.modules for content in contents))
            self.copied_modules.update(*(content.copied_modules for content in contents))
        elif isinstance(value, CodeType):
            self._add_code(value)
        elif id(value) in self._numbers:
            self._write("again", self._numbers[id(value)])
        else:
            self._numbers[id(value)] = len(self._numbers)
            self._alive.append(value)
            self._add_object(value)

    def _add_code(self, code: CodeType) -> None:
        self._write("code", code.co_code.hex(), code.co_names, code.co_varnames, code.co_freevars)
        self._write(code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags)
        self._write(code.co_exceptiontable.hex())
        self.add(code.co_consts)

    def _add_object(self, value: Any) -> None:
        if (inspect.isroutine(value) or isinstance(value, type)) and is_importable(value):
            self._write("reference", value.__module__, value.__qualname__)
            self.modules.add(value.__module__)
            return
        module = str(getattr(value, "__module__", None))
        is_loaded = module in sys.modules.keys() - {"__main__"}
        if isinstance(value, FunctionType | type) and is_loaded and not _is_on_path(module):
            self.copied_modules.add(module)
        if isinstance(value, FunctionType):
            self._add_function(value)
        elif type(value) is ModuleType:
            self._add_module(value)
        elif isinstance(value, type):
            self._write("class", value.__name__)
            self.add([type(value), value.__bases__])
            self.add({name: vars(value)[name] for name in sorted(vars(value).keys() - NOT_CONTENT)})
        elif isinstance(value, staticmethod | classmethod):
            self.add([type(value).__name__, value.__func__])
        elif isinstance(value, property):
            self.add([value.fget, value.fset, value.fdel])
        elif isinstance(value, functools._lru_cache_wrapper):
            self.add(["cache", value.__wrapped__])
        elif isinstance(value, functools.cached_property):
            self.add(value.func)
        elif isinstance(value, Tensor):
            self._add_tensor(value)
        elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
            self._write(value.dtype.str, value.shape)
            self.hash.update(np.ascontiguousarray(value).data)
        else:
            self._add_parts(value)

    def _add_function(self, function: FunctionType) -> None:
        code, namespace = function.__code__, function.__globals__
        cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
        # A cell is empty before its variable is assigned.
        variables = {name: cell.cell_contents for name, cell in cells if cell != CellType()}
        used_globals = {name: namespace[name] for name in sorted(global_names(code) & namespace.keys())}
        self._write("function")
        self.add(
            [code, function.__defaults__, function.__kwdefaults__, variables, vars(function), used_globals]
        )
        modules = [
            value
            for value in (*variables.values(), *used_globals.values())
            if type(value) is ModuleType and _is_on_path(value.__name__)
        ]
        imports = list(imported_names(code, namespace.get("__package__")))
        for name in imports:
            if name in sys.modules and not _is_on_path(name):
                raise UsageError(
                    f"it imports {name}, which another process cannot import; import it outside the function"
                )
        # The code has their names; the hash must not depend on whether they are loaded.
        self.modules.update(imports, submodule_names(modules, code))

    def _add_module(self, module: ModuleType) -> None:
        name = module.__name__
        self._write("module", name)
        if name == "__main__" or _is_on_path(name):
            self.modules.add(name)
            return
        if sys.modules.get(name) is module:
            self.copied_modules.add(name)
        self.add({key: vars(module)[key] for key in sorted(vars(module).keys() - NOT_CONTENT_OF_MODULES)})

    def _add_tensor(self, tensor: Tensor) -> None:
        if tensor.layout is not torch.strided:
            raise UsageError(
                f"it contains a tensor with the layout {tensor.layout}; keep it dense, and convert it where it is used"
            )
        values = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        self._write(str(tensor.dtype), tuple(tensor.shape), tensor.requires_grad)
        self.hash.update(values.flatten().unsqueeze(-1).view(torch.uint8).numpy().data)  # of any dtype

    def _add_parts(self, value: Any) -> None:
        """Add the parts from which `pickle` would build an object."""
        try:
            parts = value.__reduce_ex__(4)
        except Exception as error:  # any class may define it
            raise UsageError(f"it contains a {type(value).__name__}, which cannot be copied") from error
        if isinstance(parts, str):  # the name of a global
            if getattr(value, "__module__", None) == "__main__" and not isinstance(value, TypeVar):
                raise UsageError(
                    f"it contains {parts} of the program, which another process cannot import; define it in a module"
                )
            self._write("reference", parts)
        else:
            self.add([*parts[:3], *(list(part or ()) for part in parts[3:5])])

    def _write(self, *parts: object) -> None:
        self.hash.update(f"{parts!r}\n".encode())
