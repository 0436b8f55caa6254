"""Parser of selectors, `name[key=value, …]` or `name(key=value, …)`, on top of Python's `ast`."""

import ast
import math
import re
import tomllib
from typing import NamedTuple, NoReturn

from benchbed.catalog.names import quoted
from benchbed.errors import UsageError

DEEPEST_NESTING = 8
BARE_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_.:/-]*")
NOT_FINITE = re.compile(r"[+-]?(?:nan|inf)", re.IGNORECASE)
_KEY = re.compile(r"[A-Za-z0-9_-]+")
# A name, a number or a bare word.
_ATOM = r"[^\[\](){}=,\"' ]+"
_TOKEN = re.compile(rf"""{_ATOM}|"(?:[^"\\]|\\.)*"|'[^']*'|.""")
_NO_COMMA = "expected a comma or a closing bracket"
_MISTAKES = (
    (r"(?:^|[(\[,]) *(?==)", "expected the name of a parameter before '='"),
    (r"(?<!_)(_++) *= *(?=[,)\]=]|$)", "expected a value after {key}; write a number, a word or a list"),
    (r"[(\[,] *(?=,)", "expected a value before the comma"),
    (r"[_)\]] +(?=[_\[])|[)\]](?=[_\[])|\](?=\()", _NO_COMMA),
)
"""Patterns in the masked text that end at a mistake, with its description."""


class SelectorTree(NamedTuple):
    """A selector with the selectors inside it."""

    name: str
    column: int
    """Column of the name in the text, counted from 1."""
    arguments: tuple["SelectorTree", ...]
    """Selectors without a key, such as `adam` in `cosine(adam, warmup=0.1)`."""
    parameters: dict[str, object]
    """Numbers, booleans, strings and lists; a selector as a value is a string."""
    further: dict[str, object]
    """Those in the second brackets of `cosine(adam)[learning_rate=0.1]`."""


class SelectorReader:
    """Parser of one selector; errors name the column."""

    def __init__(self, text: str) -> None:
        self._text = text

    def read(self) -> SelectorTree:
        """Parse the text. Raises: UsageError with the column of the mistake."""
        for column, character in enumerate(self._text, 1):
            if not character.isprintable():
                self.fail(f"the character {quoted(character)} is not printable; remove it", column)
        name = re.match(rf" *({_ATOM})?", self._text)
        if name is None or not name[1]:
            self.fail("expected a name; write NAME or NAME[key=value]", 1)
        following = self._text[name.end() :]
        if following.strip() and following[0] not in "[(":
            self.fail(f"expected [ after {quoted(name[1])}; write NAME or NAME[key=value]", name.end() + 1)
        masked = self._masked()
        for pattern, fault in _MISTAKES:
            mistake = re.search(pattern, masked)
            if mistake:
                key = quoted(f"{self._text[slice(*mistake.span(1))]}=") if mistake.re.groups else ""
                self.fail(fault.format(key=key), mistake.end() + 1)
        if masked.count(")(") > DEEPEST_NESTING:
            self.fail(_NO_COMMA, masked.index(")(") + 2)
        try:
            # The parenthesis allows leading spaces, and turns offsets from 0 into columns from 1.
            return self._selector(ast.parse(f"({masked})", mode="eval").body)
        except SyntaxError as error:
            self.fail("expected NAME[key=value, key=[value, …], …]", (error.offset or 2) - 1)

    def fail(self, fault: str, column: int) -> NoReturn:
        """Raise the error for a fault at a column."""
        raise UsageError(f"selector {quoted(self._text)}, column {column}: {fault}")

    def _masked(self) -> str:
        """Return Python source of the same length: `sgd[rate=[0.1]]` becomes `___(____=[___])`.

        Names, numbers and strings become underscores, and the brackets of a selector parentheses, so that `ast` finds
        calls, lists and tuples only. The text of a name or value is read from the same columns of the selector.
        """
        source = ""
        # For each open bracket, its closing bracket in the selector and in the source.
        closing: list[tuple[str, str]] = []
        for token in _TOKEN.finditer(self._text):
            symbol, column = token.group(), token.start() + 1
            if symbol in ("[", "("):
                if len(closing) > DEEPEST_NESTING:
                    self.fail(f"brackets are nested deeper than {DEEPEST_NESTING}", column)
                is_list = symbol == "[" and not source.endswith(("_", ")"))
                closing.append(("]" if symbol == "[" else ")", "]" if is_list else ")"))
                source += "[" if is_list else "("
            elif symbol in ("]", ")"):
                if not closing:
                    self.fail(f"unexpected {symbol}", column)
                if closing[-1][0] != symbol:
                    self.fail(f"unexpected {symbol}; expected {closing[-1][0]}", column)
                source += closing.pop()[1]
            elif symbol in ("{", "}"):
                self.fail("a table cannot be a value; write a number, a word or a list", column)
            elif symbol in ('"', "'"):
                self.fail(f"the quotation mark {symbol} is not closed", column)
            else:
                source += symbol if symbol in "=, " else "_" * len(symbol)
        if closing:
            self.fail(f"the closing bracket {closing[-1][0]} is missing", len(self._text) + 1)
        return source

    def _selector(self, node: ast.expr) -> SelectorTree:
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
            wrapped = self._selector(node.func)
            if wrapped.further or not wrapped.arguments or node.args:
                self.fail(_NO_COMMA, node.func.end_col_offset or 0)
            return wrapped._replace(further=self._parameters(node.keywords))
        name = node.func if isinstance(node, ast.Call) else node
        if not isinstance(name, ast.Name):
            self.fail("expected key=value", node.col_offset)
        if not isinstance(node, ast.Call):
            return SelectorTree(self._slice(name), name.col_offset, (), {}, {})
        arguments = tuple(map(self._selector, node.args))
        return SelectorTree(
            self._slice(name), name.col_offset, arguments, self._parameters(node.keywords), {}
        )

    def _parameters(self, keywords: list[ast.keyword]) -> dict[str, object]:
        parameters: dict[str, object] = {}
        for keyword in keywords:
            column = keyword.col_offset
            key = self._text[column - 1 :][: len(keyword.arg or "")]
            if not _KEY.fullmatch(key):
                self.fail(f"{quoted(key)} is not the name of a parameter; write key=value", column)
            if key in parameters:
                self.fail(f"{quoted(key)} is given twice; give it once, or a list", column)
            parameters[key] = self._value(keyword.value)
        return parameters

    def _value(self, node: ast.expr) -> object:
        if isinstance(node, ast.List | ast.Tuple):
            return [self._value(item) for item in node.elts]
        if isinstance(node, ast.Call):
            self._selector(node)  # raises for a mistake inside
            return self._slice(node)
        if not isinstance(node, ast.Name):
            self.fail("expected a number, a word or a list", node.col_offset)
        text = self._slice(node)
        if text in ("true", "false"):
            return text == "true"
        if NOT_FINITE.fullmatch(text):
            self.fail(f"{text} is not a finite number; write a number such as 0.01", node.col_offset)
        if BARE_WORD.fullmatch(text):
            return text
        value = _literal(text)
        if value is None:
            self.fail(
                f"{quoted(text)} is not a value; write a number such as 0.01 or 1e-2, or a string in quotes",
                node.col_offset,
            )
        return value

    def _slice(self, node: ast.expr) -> str:
        return self._text[node.col_offset - 1 : (node.end_col_offset or 0) - 1]


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
