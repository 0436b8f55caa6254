"""Source files, digests and summaries of registered objects."""

import functools
import hashlib
import inspect
import sys
from pathlib import Path

from benchbed.catalog.records import InvalidPluginError
from benchbed.interfaces import Figure, Gradient


def source_digest(implementation: object) -> str:
    """Return the SHA-256 of the file that defines an object, as 16 hexadecimal digits.

    Raises: InvalidPluginError if there is no such file, or it cannot be read.
    """
    path = implementation if isinstance(implementation, Path) else _source_file(_definition(implementation))
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InvalidPluginError(f"its source {str(path)!r} cannot be read: {error.strerror}") from error


def summary(implementation: object) -> str:
    """Return the first line of the docstring, or of the comment at the top of a suite."""
    if isinstance(implementation, Path):
        line = implementation.read_text(encoding="utf-8").partition("\n")[0]
        return line.lstrip("# ").strip() if line.startswith("#") else ""
    if isinstance(implementation, Figure):
        return implementation.title
    definition = _definition(implementation)
    docstring = inspect.getdoc(definition) or ""
    # The default docstring of a dataclass is its signature.
    is_signature = isinstance(definition, type) and docstring.startswith(f"{definition.__name__}(")
    return "" if is_signature else docstring.partition("\n")[0].strip()


def _definition(implementation: object) -> object:
    """Return the function or class behind decorators and partial application, the class of other objects."""
    definition = implementation.differentiate if isinstance(implementation, Gradient) else implementation
    while isinstance(definition, functools.partial):
        definition = definition.func
    if callable(definition):
        definition = inspect.unwrap(definition)
    has_source = isinstance(definition, type) or inspect.isroutine(definition) or inspect.ismodule(definition)
    return definition if has_source else type(definition)


def _source_file(definition: object) -> Path:
    code = getattr(definition, "__code__", None)
    if code is not None and not code.co_filename.startswith("<"):
        return Path(code.co_filename)
    is_module = inspect.ismodule(definition)
    module = definition if is_module else sys.modules.get(getattr(definition, "__module__", ""))
    file = getattr(module, "__file__", None)
    if not file:
        raise InvalidPluginError(
            "it is not defined in a file, so that its versions cannot be distinguished; define it in a module"
        )
    return Path(file)
