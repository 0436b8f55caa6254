"""Problems and optimizers that a program passes as objects, and the files by which worker processes receive them."""

import contextlib
import functools
import io
import pickle
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from benchbed.catalog.content import is_importable, read_content
from benchbed.catalog.discovery import OBJECT_SUFFIX, plugin_of_object
from benchbed.catalog.names import error_line, quoted
from benchbed.catalog.records import Kind, Origin
from benchbed.catalog.sources import origin_of_content
from benchbed.errors import UsageError


class PassedObject(NamedTuple):
    """An object with its name in tables, and its origin, which only the program that defines it can read."""

    kind: Kind
    name: str
    implementation: Any
    origin: Origin


def write_object(folder: Path, kind: Kind, name: str, implementation: object) -> Path:
    """Write an object to a file that other processes load as a plugin, and return its path.

    Functions and classes that can be imported are stored by name, others with their code.

    Raises: UsageError if it contains a value that cannot be stored.
    """
    label = f"{kind[:-1]} {quoted(name)} cannot be sent to worker processes"
    try:
        content = read_content(implementation)
        passed = PassedObject(kind, name, implementation, origin_of_content(name, content))
        encoded = _encode(passed, content.copied_modules)
    except UsageError as error:
        raise UsageError(f"{label}: {error}") from error
    except (TypeError, ValueError, AttributeError, RuntimeError, pickle.PicklingError) as error:
        raise UsageError(
            f"{label}: {error_line(error)}; create this value inside the function that uses it"
        ) from error
    path = folder / f"{plugin_of_object(kind, name)}{OBJECT_SUFFIX}"
    path.write_bytes(encoded)
    return path


def _encode(value: object, copied_modules: Iterable[str]) -> bytes:
    """Pickle a value; functions and classes of the program and of `copied_modules` with their code."""
    import cloudpickle  # only programs that pass objects need it

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
        def reducer_override(self, value: Any) -> Any:
            if isinstance(value, functools._lru_cache_wrapper) and not is_importable(value):
                return _cached, (value.__wrapped__, value.cache_parameters())
            return super().reducer_override(value)

    buffer = io.BytesIO()
    with contextlib.ExitStack() as stack:
        for module in copied_modules:
            cloudpickle.register_pickle_by_value(sys.modules[module])
            stack.callback(cloudpickle.unregister_pickle_by_value, sys.modules[module])
        Pickler(buffer).dump(value)
    return buffer.getvalue()


def _cached(function: Callable[..., Any], parameters: dict[str, Any]) -> object:
    return functools.lru_cache(**parameters)(function)
