"""Selectors, `name[key=value, …]`: the form of problems and optimizers on the command line, in suites and tables."""

import itertools
import math
from collections.abc import Container, Mapping
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from benchbed.catalog.names import prefixed, quoted
from benchbed.catalog.selector_reader import BARE_WORD, NOT_FINITE, SelectorReader, SelectorTree
from benchbed.errors import UsageError

LONGEST_SELECTOR = 100_000
MOST_SETTINGS = 100_000


class Selector(NamedTuple):
    """A name with its parameters."""

    name: str
    parameters: dict[str, object]


def parse_selector(text: str) -> Selector:
    """Parse `name`, `name[key=value, …]` or `name(key=value, …)`.

    A selector without a key is an optimizer that is wrapped, or a problem that is transformed:
    `cosine(adam[beta1=0.5], warmup=0.1)` has the name `cosine(adam)` and the parameters `beta1` and `cosine_warmup`, as
    `cosine(adam)[beta1=0.5, cosine_warmup=0.1]` has.

    Values are numbers, booleans, lists (or tuples, which become lists), strings in quotes, and bare words and
    selectors, which are strings.

    Raises: UsageError with the column of the mistake.
    """
    if len(text) > LONGEST_SELECTOR:
        raise UsageError(f"a selector has {len(text)} characters; write at most {LONGEST_SELECTOR}")
    reader = SelectorReader(text)
    return _flatten(reader, reader.read())


def _flatten(reader: SelectorReader, tree: SelectorTree) -> Selector:
    if not tree.arguments:
        return Selector(tree.name, tree.parameters)
    argument, *others = tree.arguments
    if others:
        reader.fail(
            f"{quoted(tree.name)} wraps one optimizer or problem; write key=value after it", others[0].column
        )
    name, parameters = _flatten(reader, argument)
    own = {prefixed(tree.name, key): value for key, value in tree.parameters.items()}
    combined = {**parameters, **own, **tree.further}
    if len(combined) < len(parameters) + len(own) + len(tree.further):
        given = [*parameters, *own, *tree.further]
        twice = next(key for key in given if given.count(key) > 1)
        reader.fail(f"{quoted(twice)} is given twice; give it once, or a list", tree.column)
    return Selector(f"{tree.name}({name})", combined)


def format_selector(name: str, parameters: Mapping[str, object]) -> str:
    """Format a selector in its canonical form, which `parse_selector` reads back."""
    inner = ", ".join(f"{key}={format_value(value)}" for key, value in parameters.items())
    return f"{name}[{inner}]" if inner else name


def format_value(value: object) -> str:
    """Format a value as selectors have it: integral numbers as integers, others as short as possible (0.01, 1e-5)."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not (value.is_integer() and abs(value) < 2**53):
        mantissa, exponent, power = repr(value).partition("e")
        return f"{mantissa}e{int(power)}" if exponent else mantissa
    if isinstance(value, int | float):
        return str(int(value))
    if isinstance(value, str):
        is_bare = BARE_WORD.fullmatch(value) and value not in ("true", "false")
        if is_bare and not NOT_FINITE.fullmatch(value):
            return value
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        printable = "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped)
        return f'"{printable}"'  # a TOML string
    if isinstance(value, list | tuple):
        return f"[{', '.join(format_value(item) for item in value)}]"
    raise TypeError(f"{value!r} cannot be written in a selector")


def expand_settings(
    parameters: Mapping[str, object], types: Mapping[str, Any], choices: Container[str] = ()
) -> list[dict[str, object]]:
    """Return the settings of a selector, given the types of its parameters: the product of the lists among its values.

    For a parameter whose type is a list, and for one that a search chooses from a list, a list is one value and a list
    of lists several values. Repeated values count once.

    Raises: UsageError if a list is empty, or there are more than `MOST_SETTINGS` settings.
    """
    values = {
        key: _values(key, value, key in choices or _is_list_type(types.get(key)))
        for key, value in parameters.items()
    }
    count = math.prod(len(listed) for listed in values.values())
    if count > MOST_SETTINGS:
        raise UsageError(
            f"the lists of {', '.join(values)} make {count} settings; ask for at most {MOST_SETTINGS}"
        )
    return [dict(zip(values, setting, strict=True)) for setting in itertools.product(*values.values())]


def _values(key: str, value: object, may_be_list: bool) -> list[object]:
    if not isinstance(value, list):
        return [value]
    if may_be_list and not (value and all(isinstance(item, list) for item in value)):
        return [value]
    if not value:
        raise UsageError(f"{key} is an empty list; give a value, or leave {key} out")
    return list({format_value(item): item for item in value}.values())


def _is_list_type(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list_type(argument) for argument in get_args(annotation))
    return annotation is tuple or get_origin(annotation) is tuple
