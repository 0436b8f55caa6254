"""Refuse what a plugin offers, in words of its own or of the error that its code raised."""

from collections.abc import Callable
from typing import Any

from benchbed.catalog.names import error_line
from benchbed.catalog.records import InvalidPluginError


def require(condition: bool, fault: str) -> None:
    """Raise InvalidPluginError with `fault` unless `condition` holds."""
    if not condition:
        raise InvalidPluginError(fault)


def attempt(what: str, call: Callable[[], Any]) -> Any:
    """Call the plugin's code; whatever it raises is its fault."""
    try:
        return call()
    except Exception as error:
        raise InvalidPluginError(f"{what} raised {error_line(error)}") from error
