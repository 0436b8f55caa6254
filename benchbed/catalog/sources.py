"""Find the file that defines a thing, its digest and its summary."""

import functools
import hashlib
import inspect
import sys
from pathlib import Path

from benchbed.catalog.records import InvalidPluginError
from benchbed.interfaces import Figure, Gradient


def source_digest(thing: object) -> str:
    """Hash the file that defines `thing`, to 16 hexadecimal digits.

    Raises: InvalidPluginError if no such file can be read.
    """
    path = thing if isinstance(thing, Path) else _defining_file(_definition(thing))
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except OSError as error:
        raise InvalidPluginError(f"its source {str(path)!r} cannot be read: {error.strerror}") from error


def summary(thing: object) -> str:
    """Give the first line of the docstring, or of a suite's leading comment."""
    if isinstance(thing, Path):
        first = thing.read_text(encoding="utf-8").partition("\n")[0]
        return first.lstrip("# ").strip() if first.startswith("#") else ""
    if isinstance(thing, Figure):
        return thing.title
    documented = _definition(thing)
    text = inspect.getdoc(documented) or ""
    # A dataclass without a docstring is given its signature as one.
    generated = isinstance(documented, type) and text.startswith(f"{documented.__name__}(")
    return "" if generated else text.partition("\n")[0].strip()


def _definition(thing: object) -> object:
    """Strip decorators and partial application; of a gradient, give its function; of an object, its class."""
    thing = thing.differentiate if isinstance(thing, Gradient) else thing
    while isinstance(thing, functools.partial):
        thing = thing.func
    if callable(thing):
        thing = inspect.unwrap(thing)
    described = isinstance(thing, type) or inspect.isroutine(thing) or inspect.ismodule(thing)
    return thing if described else type(thing)


def _defining_file(definition: object) -> Path:
    code = getattr(definition, "__code__", None)
    if code is not None and not code.co_filename.startswith("<"):
        return Path(code.co_filename)
    module = (
        definition if inspect.ismodule(definition) else sys.modules.get(getattr(definition, "__module__", ""))
    )
    file = getattr(module, "__file__", None)
    if not file:
        raise InvalidPluginError(
            "no file defines it, so its versions could not be told apart; write it in a module"
        )
    return Path(file)
