"""Read and write selectors: `name[key=value, …]`, as on the command line, in suites and in tables."""

import itertools
import math
from collections.abc import Mapping
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from benchbed.catalog import Parameter
from benchbed.errors import UsageError
from benchbed.plan.selector_reader import BARE_WORD, NOT_FINITE, SelectorReader

LONGEST_SELECTOR = 100_000
MOST_SETTINGS = 100_000


class Selector(NamedTuple):
    """A name and the parameters that stand between its brackets."""

    name: str
    parameters: dict[str, object]


def parse_selector(text: str) -> Selector:
    """Read `name` or `name[key=value, …]`: a TOML inline table, but that a bare word is a string.

    Raises: UsageError with the column of what is wrong.
    """
    if len(text) > LONGEST_SELECTOR:
        raise UsageError(f"a selector has {len(text)} characters; write at most {LONGEST_SELECTOR}")
    return Selector(*SelectorReader(text).read())


def format_selector(name: str, parameters: Mapping[str, object]) -> str:
    """Write a selector in its one canonical form; `parse_selector` reads it back."""
    inner = ", ".join(f"{key}={_format(value)}" for key, value in parameters.items())
    return f"{name}[{inner}]" if inner else name


def expand_settings(
    parameters: Mapping[str, object], catalog_parameters: Mapping[str, Parameter]
) -> list[dict[str, object]]:
    """List the settings that an optimizer's selector names: each value of a list with each of the others.

    For a parameter that takes a list, a list is one value and a list of lists several. What is listed twice
    counts once.

    Raises: UsageError if a list is empty, or there are more than `MOST_SETTINGS` settings.
    """
    choices = {key: _choices(key, value, catalog_parameters.get(key)) for key, value in parameters.items()}
    count = math.prod(len(values) for values in choices.values())
    if count > MOST_SETTINGS:
        raise UsageError(
            f"the lists of {', '.join(choices)} make {count} settings; ask for at most {MOST_SETTINGS}"
        )
    return [dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())]


def _format(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "none" if value is None else str(value).lower()
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return _format_float(value)
    if isinstance(value, str):
        return value if _is_bare(value) else _quote(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(_format(item) for item in value)}]"
    raise TypeError(f"{value!r} cannot stand in a selector")


def _format_float(value: float) -> str:
    """Write whole numbers as such and others as short as they can be read back: 2, 0.01, 1e-5."""
    if value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    mantissa, exponent, power = repr(value).partition("e")
    return f"{mantissa}e{int(power)}" if exponent else mantissa


def _is_bare(text: str) -> bool:
    is_word = BARE_WORD.fullmatch(text) is not None
    return is_word and text not in ("true", "false") and not NOT_FINITE.fullmatch(text)


def _quote(text: str) -> str:
    """Write a TOML string in printable characters."""
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    return character if character.isprintable() else f"\\U{ord(character):08x}"


def _choices(key: str, value: object, parameter: Parameter | None) -> list[object]:
    if not isinstance(value, list):
        return [value]
    takes_list = parameter is not None and parameter.static and _is_list_type(parameter.annotation)
    if takes_list and not (value and all(isinstance(item, list) for item in value)):
        return [value]
    if not value:
        raise UsageError(f"{key} lists no value; give one, or leave {key} out")
    return list({_format(item): item for item in value}.values())


def _is_list_type(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list_type(argument) for argument in get_args(annotation))
    return annotation is tuple or get_origin(annotation) is tuple
