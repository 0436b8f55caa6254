"""Text of names and numbers, safe for the format in which it is written."""

import hashlib
import math
import os
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from benchbed.errors import UsageError

_LONGEST_SLUG = 80
_LONGEST_FOLDER_NAME = 100
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])", re.IGNORECASE)
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_INTRAWORD_UNDERSCORE = re.compile(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")

_AFTER_FRAMES = re.compile(r"^(?:[ \t].*\n)+(\S.*)$", re.MULTILINE)
"""The line of a traceback below the lines of its frames."""
_OF_GROUP = re.compile(r"^  \| (\S.*)$", re.MULTILINE)
"""The line of the traceback of an exception group that describes the group."""


def printable(text: str) -> str:
    """Return `text` on one line, with control, direction and other invisible characters escaped."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def on_one_line(text: str, characters: int = 300) -> str:
    """Return at most `characters` of `text` on one line, for a terminal."""
    line = printable(" ".join(text[: 4 * characters].split()))
    return line if len(line) <= characters else f"{line[: characters - 1]}…"


def exception_line(traceback: str) -> str:
    """Return type and first line of the message of a traceback's last exception; of other text the last line."""
    if "+ Exception Group Traceback" in traceback and (groups := _OF_GROUP.findall(traceback)):
        return str(groups[-1])
    return (_AFTER_FRAMES.findall(traceback) or traceback.strip().splitlines() or [""])[-1]


def shortened(text: str, characters: int = 20_000) -> str:
    """Return `text`, cut in its middle if it is longer than `characters`."""
    if len(text) <= characters:
        return text
    half = characters // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters ...]\n{text[-half:]}"


def csv_cell(text: str) -> str:
    """Return `text` with an apostrophe before = + - @, so that a spreadsheet does not compute it."""
    cell = printable(text)
    return f"'{cell}" if cell.lstrip()[:1] in tuple("=+-@") else cell


def markdown_cell(text: str) -> str:
    """Escape `text` for Markdown; underscores within a word need no escape."""
    escaped = re.sub(r"([\\`*|<>&~$])", r"\\\1", printable(text))
    # A bracket alone is plain text; only the character after it could make it a link.
    escaped = re.sub(r"\](?=[(\[:])", r"]\\", escaped)
    return _INTRAWORD_UNDERSCORE.sub(r"\\_", escaped)


def short(value: float, digits: int = 3) -> str:
    """Format `value` with `digits` significant digits, without an exponent from 1 up to a million."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    text = f"{value:.{digits}g}"
    return f"{value:.0f}" if "e" in text and 1 <= abs(value) < 1e6 else text


def fixed(value: float, digits: int = 2) -> str:
    """Format `value` with `digits` decimals, without a minus sign before zero."""
    if math.isnan(value):
        return "–"
    text = f"{value:.{digits}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def comparable(values: Sequence[float], digits: int) -> list[str]:
    """Format values with equally many decimals: `digits` significant ones in the first value that is finite and not 0.

    More, at most 10, tell the values apart; very small and large ones have equally many before an exponent.
    """
    scale = next((abs(value) for value in values if value and math.isfinite(value)), 1.0)
    power, texts = math.floor(math.log10(scale)), [short(value) for value in values]
    for precision in range(digits, 11):
        style = f".{max(0, precision - 1 - power)}f" if -4 < power < 6 else f".{precision - 1}e"
        texts = [f"{value:{style}}" if math.isfinite(value) else short(value) for value in values]
        if len(set(texts)) == len(set(values)):
            break
    return texts


def percentage(share: float) -> str:
    """Format a share with three significant digits: 0.333 as 33.3%."""
    return "–" if math.isnan(share) else f"{100 * share:.3g}%"


def count(value: float) -> str:
    """Format an integer with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\N{THIN SPACE}")


def plural(number: float, noun: str) -> str:
    """Format a number with its noun: `1 call`, `2 calls`."""
    text = f"{number}" if isinstance(number, int) else f"{number:g}"
    return f"{text} {noun}{'' if number == 1 else 's'}"


def format_bytes(number: float) -> str:
    """Format a number of bytes: 1 GiB = 2³⁰ bytes, as operating systems count memory."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20)):
        if number >= size:
            return f"{short(number / size, 4)} {unit}"
    return f"{number:.0f} bytes"


def power_of_ten(value: float) -> str:
    """Format a power of ten with superscript digits, 0.001 as 10⁻³; other values as `short` does."""
    if not _is_power(value):
        return short(value)
    return f"{'−' if value < 0 else ''}10{_superscript(round(math.log10(abs(value))))}"


def tick_labels(ticks: Sequence[float]) -> list[str]:
    """Format the ticks of an axis: powers of ten as such, others with the decimals that tell them apart."""
    if all(tick == 0 or _is_power(tick) for tick in ticks):
        return [power_of_ten(tick) for tick in ticks]
    power = math.floor(math.log10(max(map(abs, ticks))))
    power = 0 if -4 < power < 6 else power
    values = [tick / 10.0**power for tick in ticks]
    precision = 1e-3 * min(abs(second - first) for first, second in pairwise(values))
    decimals = next(
        n for n in range(18) if all(abs(round(value, n) - value) <= precision for value in values)
    )
    unit = f"·10{_superscript(power)}" if power else ""
    return [f"{fixed(value, decimals)}{unit}".replace("-", "−") if value else "0" for value in values]


def _is_power(value: float) -> bool:
    exponent = round(math.log10(abs(value))) if value and math.isfinite(value) else 0
    return math.isclose(abs(value), 10.0**exponent, rel_tol=1e-9)


def _superscript(power: int) -> str:
    return str(power).translate(_SUPERSCRIPT)


def is_device(name: str) -> bool:
    """Return whether Windows reserves a file name for a device, with or without a suffix."""
    return _WINDOWS_DEVICE.fullmatch(name.partition(".")[0].rstrip()) is not None


def folder_name_fault(name: str) -> str | None:
    """Return the reason why a name cannot be that of a folder on every system, None if it can."""
    if name.strip(".") == "":
        return "it is empty or stands for another folder"
    if len(name.encode("utf-8", "surrogatepass")) > _LONGEST_FOLDER_NAME:
        return f"it has more than {_LONGEST_FOLDER_NAME} bytes"
    if name[0] in "-. " or name[-1] in ". ":
        return "it begins with a hyphen, a dot or a space, or ends with a dot or a space"
    if not name.isprintable() or set(name) & set('<>:"/\\|?*'):
        return "it contains a slash or another character that file names cannot have"
    return "Windows reserves it for a device" if is_device(name) else None


def check_text(path: str) -> None:
    """Check that a path is text, as plans and tasks contain it. Raises: UsageError with its bytes if it is not."""
    try:
        path.encode()
    except UnicodeEncodeError as error:
        shown = printable(os.fsencode(path).decode("utf-8", "backslashreplace"))
        raise UsageError(f"'{shown}' is not text in UTF-8; rename that file or folder") from error


def absolute_path(path: Path) -> str:
    """Return a path without links as text. Raises: UsageError if it is not text in UTF-8."""
    absolute = str(path.resolve())
    check_text(absolute)
    return absolute


def slugs(selectors: Iterable[str], reserved: Iterable[str] = ()) -> dict[str, str]:
    """Return a distinct file name for each selector, also where upper and lower case are not distinguished.

    A digest is added only where the readable name is taken or too long.
    """
    names: dict[str, str] = {}
    unavailable = set(reserved)
    for selector in selectors:
        name = re.sub(r"[^a-z0-9.-]+", "-", selector.lower()).strip("-.") or "unnamed"
        if name in unavailable or len(name) > _LONGEST_SLUG:
            digest = hashlib.sha256(selector.encode("utf-8", "surrogatepass")).hexdigest()[:8]
            name = f"{name[:_LONGEST_SLUG]}-{digest}"
        unavailable.add(name)
        names[selector] = name
    return names
