"""Selectors, `name[key=value, …]`: the form of problems and optimizers on the command line, in suites and tables."""

import itertools
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from types import UnionType
from typing import Any, NamedTuple, NoReturn, Union, get_args, get_origin

from benchbed.catalog.names import quoted
from benchbed.catalog.parameters import Parameter
from benchbed.errors import UsageError

LONGEST_SELECTOR = 100_000
DEEPEST_NESTING = 8
MOST_SETTINGS = 100_000

_BARE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*")
_NOT_FINITE = re.compile(r"[+-]?(?:nan|inf)", re.IGNORECASE)
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NAME = re.compile(r""" *([^\[\](){}=,"' ]+)""")
# A word or number with the strings in it, or a symbol.
_TOKEN = re.compile(r"""(?:[^\[\](){}=,"' ]|"(?:[^"\\]|\\.)*"|'[^']*')+|[^ ]""")
_ENDS = ("]", ")", "")
"""Tokens after the items of a bracket."""


class Selector(NamedTuple):
    """A name with its parameters."""

    name: str
    parameters: dict[str, object]


def parse_selector(text: str) -> Selector:
    """Parse `name`, `name[key=value, …]` or `name(key=value, …)`.

    Values are numbers, booleans, lists (or tuples, which become lists), strings in quotes, and bare words, which are
    strings.

    Raises: UsageError with the column of the mistake; a selector inside another is one.
    """
    if len(text) > LONGEST_SELECTOR:
        raise UsageError(f"a selector has {len(text)} characters; write at most {LONGEST_SELECTOR}")
    return _SelectorParser(text).parse()


def format_selector(name: str, parameters: Mapping[str, object]) -> str:
    """Format a selector in its canonical form, which `parse_selector` reads back."""
    inner = ", ".join(f"{key}={_format(value)}" for key, value in parameters.items())
    return f"{name}[{inner}]" if inner else name


def expand_settings(
    parameters: Mapping[str, object], catalog_parameters: Mapping[str, Parameter]
) -> list[dict[str, object]]:
    """Return the settings of an optimizer's selector: the product of the lists among its values.

    For a parameter whose type is a list, a list is one value and a list of lists several values. Repeated values
    count once.

    Raises: UsageError if a list is empty, or there are more than `MOST_SETTINGS` settings.
    """
    values = {key: _values(key, value, catalog_parameters.get(key)) for key, value in parameters.items()}
    count = math.prod(len(listed) for listed in values.values())
    if count > MOST_SETTINGS:
        raise UsageError(
            f"the lists of {', '.join(values)} make {count} settings; ask for at most {MOST_SETTINGS}"
        )
    return [dict(zip(values, setting, strict=True)) for setting in itertools.product(*values.values())]


class _SelectorParser:
    """Recursive-descent parser of one selector. `_symbol` is the next token, empty at the end of the text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._name = ""
        self._parameters: dict[str, object] = {}
        self._tokens: Iterator[re.Match[str]] = iter(())
        self._symbol, self._column, self._depth = "", 1, 0

    def parse(self) -> Selector:
        for column, character in enumerate(self._text, 1):
            if not character.isprintable():
                self._fail(f"the character {quoted(character)} is not printable; remove it", column)
        name = _NAME.match(self._text)
        if name is None:
            self._fail("expected a name; write NAME or NAME[key=value]")
        self._name, self._column = name[1], name.end() + 1
        following = self._text[name.end() :]
        if following.strip() and following[0] not in "[(":
            self._fail(f"expected [ after {quoted(self._name)}; write NAME or NAME[key=value]")
        self._tokens = _TOKEN.finditer(self._text, name.end())
        self._advance()
        if self._symbol:
            self._parse_bracket(self._parse_parameter)
        if self._symbol in ("]", ")"):
            self._fail(f"unexpected {self._symbol}")
        if self._symbol:
            self._fail("expected a comma or a closing bracket")
        return Selector(self._name, self._parameters)

    def _advance(self) -> tuple[str, int]:
        """Go to the next token, and return the one before with its column."""
        previous = self._symbol, self._column
        token = next(self._tokens, None)
        self._symbol, self._column = (token[0], token.start() + 1) if token else ("", len(self._text) + 1)
        if self._symbol in ("{", "}"):
            self._fail("a table cannot be a value; write a number, a word or a list")
        if self._symbol in ('"', "'"):
            self._fail(f"the quotation mark {self._symbol} is not closed")
        return previous

    def _parse_bracket(self, parse_item: Callable[[], object]) -> object:
        """Parse items separated by commas; as in Python, (1) is a number, and (1,) and [1] are lists."""
        if self._depth > DEEPEST_NESTING:
            self._fail(f"brackets are nested deeper than {DEEPEST_NESTING}")
        self._depth += 1
        is_list = self._symbol == "["
        closing = "]" if is_list else ")"
        self._advance()
        items = []
        while self._symbol not in _ENDS:
            if self._symbol == ",":
                self._fail("expected a value before the comma")
            items.append(parse_item())
            if self._symbol == ",":
                is_list = True
                self._advance()
            elif self._symbol not in _ENDS:
                self._fail("expected a comma or a closing bracket")
        if not self._symbol:
            self._fail(f"the closing bracket {closing} is missing")
        if self._symbol != closing:
            self._fail(f"unexpected {self._symbol}; expected {closing}")
        self._advance()
        self._depth -= 1
        return items if is_list or not items else items[0]

    def _parse_parameter(self) -> None:
        if self._symbol == "=":
            self._fail("expected the name of a parameter before '='")
        if self._symbol in ("[", "("):
            self._fail("expected key=value")
        key, column = self._advance()
        if self._symbol != "=":
            self._fail_nested(key, column)
        self._advance()
        if self._symbol in (",", "=", *_ENDS):
            self._fail(f"expected a value after {quoted(f'{key}=')}; write a number, a word or a list")
        if not _KEY.fullmatch(key):
            self._fail(f"{quoted(key)} is not the name of a parameter; write key=value", column)
        if key in self._parameters:
            self._fail(f"{quoted(key)} is given twice; give it once, or a list", column)
        self._parameters[key] = self._parse_value()

    def _parse_value(self) -> object:
        if self._symbol in ("[", "("):
            return self._parse_bracket(self._parse_value)
        text, column = self._advance()
        if self._symbol in ("[", "(") and self._column == column + len(text):
            self._fail_nested(text, column)
        if text in ("true", "false"):
            return text == "true"
        if _NOT_FINITE.fullmatch(text):
            self._fail(f"{text} is not a finite number; put it in quotes to give a word", column)
        value = text if _BARE_WORD.fullmatch(text) else _literal(text)
        if value is None:
            hint = "write a number such as 0.01 or 1e-2, or a string in quotes"
            self._fail(f"{quoted(text)} is not a value; {hint}", column)
        return value

    def _fail_nested(self, name: str, column: int) -> NoReturn:
        inner, outer = quoted(name), quoted(self._name)
        self._fail(f"expected key=value, and not the selector {inner} inside {outer}", column)

    def _fail(self, fault: str, column: int | None = None) -> NoReturn:
        """Raise UsageError at a column, by default that of the next token."""
        raise UsageError(f"selector {quoted(self._text)}, column {column or self._column}: {fault}")


def _literal(text: str) -> str | int | float | None:
    """Return a quoted string (as in TOML), a 64-bit integer or a finite number; None for any other text."""
    try:
        if text[0] in "\"'":
            return str(tomllib.loads(f"value = {text}")["value"])
        if not text.isascii() or re.match("[+-]?0[0-9]", text):
            return None
        integer = int(text, 0)
        return integer if -(2**63) <= integer < 2**63 else None
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _format(value: object) -> str:
    """Format integral numbers as integers and others as short as possible: 2, 0.01, 1e-5."""
    if value is None or isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and not (value.is_integer() and abs(value) < 2**53):
        mantissa, exponent, power = repr(value).partition("e")
        return f"{mantissa}e{int(power)}" if exponent else mantissa
    if isinstance(value, int | float):
        return str(int(value))
    if isinstance(value, str):
        is_bare = _BARE_WORD.fullmatch(value) and value not in ("true", "false")
        if is_bare and not _NOT_FINITE.fullmatch(value):
            return value
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        printable = "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped)
        return f'"{printable}"'  # a TOML string
    if isinstance(value, list | tuple):
        return f"[{', '.join(_format(item) for item in value)}]"
    raise TypeError(f"{value!r} cannot be written in a selector")


def _values(key: str, value: object, parameter: Parameter | None) -> list[object]:
    if not isinstance(value, list):
        return [value]
    takes_list = parameter is not None and parameter.static and _is_list_type(parameter.annotation)
    if takes_list and not (value and all(isinstance(item, list) for item in value)):
        return [value]
    if not value:
        raise UsageError(f"{key} is an empty list; give a value, or leave {key} out")
    return list({_format(item): item for item in value}.values())


def _is_list_type(annotation: Any) -> bool:
    if get_origin(annotation) in (Union, UnionType):
        return any(_is_list_type(argument) for argument in get_args(annotation))
    return annotation is tuple or get_origin(annotation) is tuple
