"""Read the grammar of selectors: a TOML inline table in brackets, but that a bare word is a string."""

import math
import re
import tomllib
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from benchbed.catalog.names import quoted
from benchbed.errors import UsageError

DEEPEST_LIST = 8
BARE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*")
NOT_FINITE = re.compile(r"[+-]?(?:nan|inf)", re.IGNORECASE)
_NAME = re.compile(r"[^\[\]{}()=,\"' ]+")
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NUMBER = re.compile(r"[+-]?[0-9][0-9A-Za-z_.+-]*")
_POINT_ALONE = re.compile(r"([+-]?)([0-9]*)\.([0-9]*)((?:[eE][+-]?[0-9]+)?)")
_TOKEN = re.compile(r""" +|[\[\]{}=,]|"(?:[^"\\]|\\.)*"|'[^']*'|[^ \[\]{}=,"']+""")


class _Token(NamedTuple):
    text: str
    column: int


class SelectorReader:
    """Read one selector from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[_Token] = []
        self._place = 0

    def read(self) -> tuple[str, dict[str, object]]:
        """Give the name and the parameters."""
        self._refuse_unprintable()
        start = len(self._text) - len(self._text.lstrip(" "))
        name, bracket, _ = self._text[start:].rstrip(" ").partition("[")
        if not _NAME.fullmatch(name):
            given = quoted(name) if name else "what stands here"
            self._fail(f"{given} is no name; write NAME or NAME[key=value]", start + 1)
        if not bracket:
            return name, {}
        self._tokenize(start + len(name) + len(bracket))
        parameters = self._table()
        rest = self._tokens[self._place]
        if rest.text:
            self._fail(f"{quoted(rest.text)} stands after the closing bracket", rest.column)
        return name, parameters

    def _refuse_unprintable(self) -> None:
        for column, character in enumerate(self._text, 1):
            if not character.isprintable():
                self._fail(f"the character {quoted(character)} is not printable; leave it out", column)

    def _tokenize(self, start: int) -> None:
        while start < len(self._text):
            match = _TOKEN.match(self._text, start)
            if match is None:
                self._fail(f"the quotation mark {self._text[start]} is not closed", start + 1)
            if not match.group().startswith(" "):
                self._tokens.append(_Token(match.group(), start + 1))
            start = match.end()
        self._tokens.append(_Token("", len(self._text) + 1))

    def _table(self) -> dict[str, object]:
        table: dict[str, object] = {}

        def read() -> None:
            key = self._take()
            if not _KEY.fullmatch(key.text):
                self._fail(f"{quoted(key.text)} is no parameter's name; write key=value", key.column)
            if key.text in table:
                self._fail(f"{quoted(key.text)} is given twice; give it once, or a list", key.column)
            equals = self._take()
            if equals.text != "=":
                self._fail(f"{quoted(key.text)} has no value; write key=value", equals.column)
            table[key.text] = self._value(0)

        self._until_bracket(read)
        return table

    def _list(self, depth: int) -> list[object]:
        if depth > DEEPEST_LIST:
            self._fail(f"lists are nested deeper than {DEEPEST_LIST}", self._peek().column)
        items: list[object] = []
        self._until_bracket(lambda: items.append(self._value(depth)))
        return items

    def _until_bracket(self, read: Callable[[], None]) -> None:
        while self._peek().text != "]":
            read()
            separator = self._peek()
            if separator.text == ",":
                self._take()
            elif separator.text != "]":
                self._fail(f"expected a comma or ] before {quoted(separator.text)}", separator.column)
        self._take()

    def _value(self, depth: int) -> object:
        token = self._take()
        if token.text == "[":
            return self._list(depth + 1)
        if token.text in ("]", ",", "="):
            self._fail(f"a value is missing before {quoted(token.text)}", token.column)
        if token.text in ("{", "}"):
            self._fail("a table cannot be a value; write a number, a word or a list", token.column)
        return self._scalar(token)

    def _scalar(self, token: _Token) -> object:
        text = token.text
        if text in ("true", "false"):
            return text == "true"
        if NOT_FINITE.fullmatch(text):
            self._fail(f"{text} is no finite number; if a word is meant, put it in quotes", token.column)
        if BARE_WORD.fullmatch(text):
            return text
        value = _toml_value(text) if text[0] in "\"'" or _NUMBER.fullmatch(text) else None
        if not isinstance(value, str) and not _is_moderate(value):
            self._fail(f"{quoted(text)} cannot be read as a value; {_advice(text)}", token.column)
        return value

    def _peek(self) -> _Token:
        token = self._tokens[self._place]
        if not token.text:
            self._fail("the closing bracket ] is missing", token.column)
        return token

    def _take(self) -> _Token:
        token = self._peek()
        self._place += 1
        return token

    def _fail(self, fault: str, column: int) -> NoReturn:
        raise UsageError(f"selector {quoted(self._text)}, column {column}: {fault}")


def _toml_value(text: str) -> object:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except ValueError:  # a decoding error, or an integer too long to convert
        return None


def _is_moderate(value: object) -> bool:
    """Tell whether a value is a finite number of at most 64 bits; dates, which TOML knows too, are not."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return isinstance(value, float) and math.isfinite(value)


def _advice(text: str) -> str:
    point = _POINT_ALONE.fullmatch(text)
    if point and (point[2] or point[3]):
        return f"write {point[1]}{point[2] or 0}.{point[3] or 0}{point[4]}"
    return "write a number such as 0.01 or 1e-2, or put a text in quotes"
