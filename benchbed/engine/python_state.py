"""Snapshots of the Python state that functions can reach: variables, attributes, containers, random generators."""

import contextvars
import functools
import gc
import io
import queue
import random
import sys
import weakref
import zlib
from collections.abc import Hashable, Iterable, Iterator
from itertools import zip_longest
from types import CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.engine.pytrees import bytes_of

LIBRARIES = {*sys.stdlib_module_names, "torch", "numpy", "scipy", "pandas", "sklearn", "benchbed"}
"""Packages whose functions, classes and modules are not searched: their variables do not belong to a plugin."""
SEARCHED_CLASSES = {
    *("builtins", "collections", "functools", "itertools", "types", "torch", "numpy"),
    *("array", "ctypes", "_ctypes", "queue", "threading", "_thread", "weakref"),
}
"""Packages among them whose objects may contain the state of a plugin, such as a deque or a module of torch."""
MAX_VALUES = 20_000
"""Values in a snapshot, a few milliseconds of work."""
MAX_BYTES = 1 << 20
"""Bytes of a tensor whose numbers are compared; of a larger one, only torch's count of its changes."""
MAX_MEMORY = 1 << 24
"""Bytes of an array or buffer that are compared; of a larger one, as many spread over all of it."""


class Variable(NamedTuple):
    """A variable with a token that differs once its value has changed."""

    name: str
    """As in the code, such as `steps` or `Rule.count`."""
    token: Hashable
    is_generator: bool = False
    """It is a random generator."""


def snapshot(*roots: object) -> list[Variable]:
    """List the variables that can be reached from functions or objects, in an order that depends on nothing else.

    Globals are those that the code of a plugin's function names; modules and classes of `LIBRARIES` are left out.
    """
    variables: list[Variable] = []
    visited: dict[int, object] = {}  # with the objects, so that no id is used twice
    pending = [_Reference("", root) for root in roots]
    while pending and len(variables) < MAX_VALUES:
        reference = pending.pop()
        name, value = reference.name, reference.value
        variable = _variable(name, value)
        if variable is not None:
            variables.append(variable)
        elif id(value) not in visited and not _is_excluded(value):
            visited[id(value)] = value
            children = list(_children(reference))
            variables.append(Variable(name, len(children)))
            pending += reversed(children)
    return variables


def changed_variable(before: list[Variable], after: list[Variable]) -> Variable | None:
    """Return the first variable that differs between two snapshots of the same roots; None if all are equal."""
    for earlier, later in zip_longest(before, after):
        if earlier != later:
            return earlier or later
    return None


class _Reference(NamedTuple):
    name: str
    value: Any
    names_read: frozenset[str] = frozenset()
    """The names in the function that leads to the value; of a module, only these attributes are read."""


def _variable(name: str, value: Any) -> Variable | None:
    """Return a value as a variable; None if it contains others."""
    token: Hashable
    match value:
        case None | bool() | int() | float() | complex() | str() | bytes():
            token = type(value), repr(value)  # as text, NaN equals itself
        case Tensor() if torch._C._functorch.is_functorch_wrapped_tensor(value):
            token = id(value)  # inside vmap, where its numbers cannot be read
        case Tensor() if value.nbytes > MAX_BYTES or value.layout != torch.strided:
            token = id(value), value._version
        case Tensor():
            token = value.dtype, value.shape, bytes_of(value)
        case np.ndarray() | np.generic() if not value.dtype.hasobject:
            token = value.dtype.str, value.shape, _checksum(np.ascontiguousarray(value))
        case torch.Generator() | np.random.Generator() | np.random.RandomState() | random.Random():
            return Variable(name, _generator_state(value), is_generator=True)
        case contextvars.ContextVar():
            return _variable(name, value.get(None))
        case io.BytesIO() | io.StringIO():
            token = value.tell(), value.getvalue()
        case queue.SimpleQueue():
            token = object()  # its content is hidden, so it counts as changed
        case Iterator() if not hasattr(value, "fileno"):
            token = object()  # as is the position of an iterator
        case _:
            token = None if isinstance(value, np.ndarray) else _checksum(value)
            if token is None:
                return None
    return Variable(name, token)


def _checksum(value: Any) -> int | None:
    """Return a number that differs for other contents of an object's memory; None if it does not share its memory."""
    try:
        memory = np.frombuffer(value, dtype=np.uint8)
    except (TypeError, ValueError, BufferError):
        return None
    if len(memory) > MAX_MEMORY:
        ends = memory[:MAX_BYTES], memory[-MAX_BYTES:]
        memory = np.concatenate([*ends, memory[:: len(memory) // MAX_MEMORY + 1]])
    return zlib.crc32(memory.data)


def _generator_state(generator: Any) -> Hashable:
    if isinstance(generator, torch.Generator):
        return generator.get_state().numpy().tobytes()
    if isinstance(generator, np.random.Generator):
        return repr(generator.bit_generator.state)
    if isinstance(generator, random.SystemRandom):
        return object()  # it has no state and is always random
    return repr(generator.getstate() if isinstance(generator, random.Random) else generator.get_state())


def _is_excluded(value: object) -> bool:
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0] in LIBRARIES
    if isinstance(value, CodeType):
        return True
    owner = value if isinstance(value, type) else type(value)
    package = owner.__module__.partition(".")[0]
    return package in LIBRARIES and (isinstance(value, type) or package not in SEARCHED_CLASSES)


def _children(reference: _Reference) -> Iterable[_Reference]:
    """Yield the values that an object refers to, with their names in the code."""
    name, value, names_read = reference
    match value:
        case FunctionType():
            yield from _outer_variables(value)
        case ModuleType():
            for key in sorted(names_read & vars(value).keys()):
                yield _Reference(f"{name}.{key}", vars(value)[key], names_read)
        case weakref.ref():
            yield _Reference(name, value(), names_read)
        case np.ndarray():
            yield from (_Reference(name, child, names_read) for child in value.ravel().tolist())
        case dict():
            for key, child in value.items():
                yield _Reference(f"{name}[{key!r:.40}]", child, names_read)
        case functools._lru_cache_wrapper():
            # Without its cache, which changes no number.
            yield _Reference(name, value.__wrapped__, names_read)
        case type():
            yield from (_Reference(base.__name__, base, names_read) for base in value.__bases__)
            for key, child in vars(value).items():
                if not key.startswith("__") or isinstance(child, FunctionType):
                    yield _Reference(f"{value.__name__}.{key}", child, names_read)
        case _:
            yield from _attributes(reference)


def _attributes(reference: _Reference) -> Iterator[_Reference]:
    """Yield the attributes of an object, its class, and the values in its slots or in a container of any type."""
    name, value, names_read = reference
    label = name or type(value).__name__
    attributes = getattr(value, "__dict__", {})
    for key, child in attributes.items():
        yield _Reference(f"{label}.{key}", child, names_read)
    yield _Reference(type(value).__name__, type(value), names_read)
    is_builtin = type(value).__module__ in ("builtins", "functools")  # a method or partial names no variable
    for child in gc.get_referents(value):
        if child is not attributes and child is not type(value):
            yield _Reference(name if is_builtin else label, child, names_read)


def _outer_variables(function: FunctionType) -> Iterator[_Reference]:
    """Yield the variables of a function that outlive its calls: closure, defaults, attributes and globals."""
    code = function.__code__
    names = frozenset(_names_in(code))
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        for value in gc.get_referents(cell):  # none before the first assignment
            yield _Reference(name, value, names)
    yield _Reference(f"default of {code.co_name}", function.__defaults__, names)
    yield _Reference(f"default of {code.co_name}", function.__kwdefaults__, names)
    for name, value in vars(function).items():
        yield _Reference(f"{code.co_name}.{name}", value, names)
    if str(function.__module__).partition(".")[0] not in LIBRARIES:
        for name in sorted(names & function.__globals__.keys()):
            yield _Reference(name, function.__globals__[name], names)


def _names_in(code: CodeType) -> Iterator[str]:
    """Yield the names of globals and attributes in a function and in the functions inside it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names_in(constant)
