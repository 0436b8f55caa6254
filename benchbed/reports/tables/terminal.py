"""Tables for a terminal of any width; a table that does not fit is printed as a list."""

import io
import string
import textwrap
from collections.abc import Sequence
from typing import Literal

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchbed.formatting import printable
from benchbed.reports.tables.table import TableRow, TextTable

_NARROWEST = 12  # smallest width of a folded column with longer words
_ASCII_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_UNICODE_BOX = box.Box("    \n    \n ── \n    \n    \n    \n    \n    \n")
_STAR = "* highest score of its track, and all not significantly different from it"


def format_tables(tables: Sequence[TextTable], width: int, color: bool, unicode: bool) -> str:
    """Format tables and their footnotes in lines of at most `width` cells, unless a single character is wider."""
    if not tables:
        return "no rows\n"
    width = max(width, 1)
    if not unicode:
        tables = [table.to_ascii() for table in tables]
    rows = [row for table in tables for row in table.rows]
    notes = dict.fromkeys(note for row in rows for note in row.notes)
    letters = {note: _letter(index) for index, note in enumerate(notes)}
    blocks = []
    for table in tables:
        marked = tuple(_mark(row, table, letters) for row in table.rows)
        compact = table._replace(rows=marked).without_empty_columns()
        needed = sum(_least_widths(compact)) + len(compact.columns) - 1
        if needed > width:
            blocks.append(_format_list(compact, width))
        else:
            blocks.append(_format_table(compact, width, color, unicode))
    footnotes = [_STAR] if any(row.is_best for row in rows) else []
    footnotes += [f"{letter} {printable(note)}" for note, letter in letters.items()]
    lines = [line for footnote in footnotes for line in wrap(footnote, width)]
    return "\n".join([*blocks, "".join(f"{line}\n" for line in lines)])


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines of at most `width` cells, all but the first indented."""
    indent = "  " if width > 4 else ""
    return textwrap.wrap(text, max(width, 1), subsequent_indent=indent, break_on_hyphens=False)


def _letter(index: int) -> str:
    """Return the letter of a footnote, in the order a … z, aa, ab …."""
    cycle, position = divmod(index, 26)
    return (_letter(cycle - 1) if cycle else "") + string.ascii_lowercase[position]


def _mark(row: TableRow, table: TextTable, letters: dict[str, str]) -> TableRow:
    """Add a star to a marked score and replace notes by their letters."""
    cells = [printable(cell) for cell in row.cells]
    score, notes = table.position("score"), table.position("notes")
    if score is not None and row.is_best:
        cells[score] += "*"
    if notes is not None:
        cells[notes] = " ".join(letters[note] for note in row.notes)
    return row._replace(cells=tuple(cells))


def _least_widths(table: TextTable) -> list[int]:
    """Return the smallest width of each column: complete numbers, and names folded at `_NARROWEST`."""
    widths = []
    for i, column in enumerate(table.columns):
        cells = [row.cells[i] for row in table.rows]
        longest = max(map(cell_len, cells))
        if column.is_folded:
            segments = [segment for cell in cells for segment in cell.split(" ")]
            longest = max(min(cell_len(segment), _NARROWEST) for segment in segments) or longest
        widths.append(max(longest, *map(cell_len, column.header.split(" "))))
    return widths


def _format_table(table: TextTable, width: int, color: bool, unicode: bool) -> str:
    output = io.StringIO()
    console = Console(
        file=output,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
        _environ={},  # the caller knows the terminal
    )
    widths = _least_widths(table)
    is_spacious = sum(widths) + 2 * (len(widths) - 1) <= width
    grid = Table(
        box=_UNICODE_BOX if unicode else _ASCII_BOX, show_edge=False, pad_edge=False,
        padding=(0, int(is_spacious), 0, 0), header_style="bold",
    )  # fmt: skip
    for column, least in zip(table.columns, widths, strict=True):
        justify: Literal["left", "right"] = "left" if column.align == "left" else "right"
        header = Text(column.header.replace(" ", "\n"))
        grid.add_column(
            header, justify=justify, no_wrap=not column.is_folded, overflow="fold", min_width=least
        )
    track = table.position("track")
    tracks = [row.cells[track] if track is not None else "" for row in table.rows]
    for row, name, following in zip(table.rows, tracks, [*tracks[1:], *tracks[-1:]], strict=True):
        style = "bold green" if row.is_best else ""
        grid.add_row(*map(Text, row.cells), style=style, end_section=name != following)
    console.print(Text(printable(table.title), style="bold", overflow="fold"))
    console.print(grid)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())


def _format_list(table: TextTable, width: int) -> str:
    entries = [printable(table.title)]
    for row in table.rows:
        cells = zip(table.columns, row.cells, strict=True)
        entries += ["", *(f"{column.header}: {cell}" for column, cell in cells if cell)]
    return "".join(f"{line}\n" for entry in entries for line in wrap(entry, width) or [""])
