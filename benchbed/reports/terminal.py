"""Draw readable tables for a terminal of any width; where a table does not fit, a list says the same."""

import io
import string
import textwrap
from collections.abc import Iterable, Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchbed.formatting import printable
from benchbed.reports.table_rows import Line, Section
from benchbed.reports.tables import HEADERS

_NARROWEST = 12  # columns for names and counts, which may be folded then; numbers never are
_FOLDED = ("optimizer", "trials", "notes")
_PLAIN = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_RULED = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")


def draw_sections(parts: Sequence[Section], width: int, color: bool, unicode: bool) -> str:
    """Give all sections as text at most `width` cells wide, except where one character is wider."""
    if not parts:
        return "no rows\n"
    letters = _letters(parts)
    blocks = [_section(part, letters, max(width, 1), color, unicode) for part in parts]
    return "\n".join([*blocks, _legend(parts, letters, max(width, 1))])


def _letters(parts: Iterable[Section]) -> dict[str, str]:
    """Give every different remark a letter of its own (a … z, aa, ab …), in the order of appearance."""
    found = dict.fromkeys(remark for part in parts for line in part.lines for remark in line.remarks)
    return {remark: _letter(number) for number, remark in enumerate(found)}


def _letter(number: int) -> str:
    tens, ones = divmod(number, 26)
    return (_letter(tens - 1) if tens else "") + string.ascii_lowercase[ones]


def _legend(parts: Sequence[Section], letters: dict[str, str], width: int) -> str:
    starred = any(line.is_best for part in parts for line in part.lines)
    entries = ["* highest score of its track, and all that are not told apart from it"] if starred else []
    entries += [f"{letter} {printable(remark)}" for remark, letter in letters.items()]
    return "".join(f"{line}\n" for entry in entries for line in _wrap(entry, width))


def _section(part: Section, letters: dict[str, str], width: int, color: bool, unicode: bool) -> str:
    rows = [_cells(line, letters) for line in part.lines]
    keep = [i for i in range(len(HEADERS)) if any(row[i] for row in rows)]
    headers, rows = [HEADERS[i] for i in keep], [[row[i] for i in keep] for row in rows]
    gaps, needed = len(headers) - 1, sum(_least(headers, rows))
    if needed + gaps > width:
        return _list(part, headers, rows, width)
    output = io.StringIO()
    console = _console(output, width, color)
    console.print(Text(printable(part.title), style="bold", overflow="fold"))
    console.print(_table(part, headers, rows, _RULED if unicode else _PLAIN, needed + 2 * gaps <= width))
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def _cells(line: Line, letters: dict[str, str]) -> list[str]:
    cells = [printable(cell) for cell in line.cells()]
    cells[HEADERS.index("score")] += "*" if line.is_best else ""
    return [*cells, " ".join(letters[remark] for remark in line.remarks)]


def _least(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> list[int]:
    """Give the width that each column cannot do without: its numbers whole, its names and words mostly."""
    return [_longest(header, [row[i] for row in rows]) for i, header in enumerate(headers)]


def _longest(header: str, cells: Sequence[str]) -> int:
    body = (
        max(min(cell_len(w), _NARROWEST) for cell in cells for w in cell.split(" "))
        if header in _FOLDED
        else 0
    )
    body = body or max(cell_len(cell) for cell in cells)
    return max(body, *(cell_len(word) for word in header.split(" ")))


def _table(
    part: Section, headers: Sequence[str], rows: Sequence[Sequence[str]], style: box.Box, airy: bool
) -> Table:
    table = Table(
        box=style, show_edge=False, pad_edge=False, padding=(0, int(airy), 0, 0), header_style="bold"
    )
    for header, least in zip(headers, _least(headers, rows), strict=True):
        folded = header in _FOLDED
        title = Text(header.replace(" ", "\n"))
        justify: Literal["left", "right"] = "left" if folded or header == "track" else "right"
        table.add_column(title, justify=justify, no_wrap=not folded, overflow="fold", min_width=least)
    tracks = [line.track for line in part.lines]
    for i, (line, row) in enumerate(zip(part.lines, rows, strict=True)):
        last = i + 1 < len(tracks) and tracks[i + 1] != line.track
        table.add_row(*map(Text, row), style="bold green" if line.is_best else "", end_section=last)
    return table


def _list(part: Section, headers: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> str:
    entries = [printable(part.title)]
    for row in rows:
        entries += ["", *(f"{header}: {cell}" for header, cell in zip(headers, row, strict=True) if cell)]
    return "".join(f"{line}\n" for entry in entries for line in _wrap(entry, width) or [""])


def _wrap(text: str, width: int) -> list[str]:
    indent = "  " if width > 4 else ""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_on_hyphens=False)


def _console(output: io.StringIO, width: int, color: bool) -> Console:
    return Console(
        file=output,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        _environ={},  # what the terminal can do was decided by the caller
    )
