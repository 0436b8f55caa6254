"""Turn names and numbers into text that is safe where it is going, and selectors into file names."""

import hashlib
import math
import re
from collections.abc import Iterable

_LONGEST_SLUG = 80
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_INTRAWORD_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def printable(text: str) -> str:
    """Give `text` with control, direction and other invisible characters written as escapes, on one line."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def csv_cell(text: str) -> str:
    """Give `text` so that a spreadsheet shows it and does not compute it: an apostrophe before = + - @."""
    shown = printable(text)
    return f"'{shown}" if shown.lstrip()[:1] in tuple("=+-@") else shown


def markdown_cell(text: str) -> str:
    """Give `text` so that Markdown shows it as it is; underscores within a word need no escape."""
    escaped = re.sub(r"([\\`*|<>&~$])", r"\\\1", printable(text))
    # A bracket alone is plain text; only what follows it could make a link of it.
    escaped = re.sub(r"\](?=[(\[:])", r"]\\", escaped)
    return _INTRAWORD_UNDERSCORE.sub(r"\\_", escaped)


def short(value: float, digits: int = 3, missing: str = "–", infinite: str = "∞") -> str:
    """Give `value` with `digits` significant digits, never an exponent below a million."""
    if math.isnan(value):
        return missing
    if math.isinf(value):
        return infinite if value > 0 else f"-{infinite}"
    shown = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in shown and 1 <= abs(value) < 1e6 else shown


def power_of_ten(value: float) -> str:
    """Give `value` as a power of ten in raised digits, 0.001 as 10⁻³, where it is one; else `short`."""
    exponent = round(math.log10(abs(value))) if value and math.isfinite(value) else 0
    if not math.isclose(abs(value), 10.0**exponent, rel_tol=1e-9):
        return short(value)
    return f"{'−' if value < 0 else ''}10{str(exponent).translate(_RAISED)}"


def slugs(selectors: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Give each selector a file name that no other has, also where upper and lower case are one.

    A digest is added only where the readable part is taken or too long, so most names stay readable.
    """
    given: dict[str, str] = {}
    taken = set(reserved)
    for selector in selectors:
        plain = re.sub(r"[^a-z0-9.-]+", "-", selector.lower()).strip("-.") or "unnamed"
        if plain in taken or len(plain) > _LONGEST_SLUG:
            digest = hashlib.sha256(selector.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            plain = f"{plain[:_LONGEST_SLUG]}-{digest}"
        taken.add(plain)
        given[selector] = plain
    return given
