"""Tables for a terminal of any width; a table that does not fit is printed in parts, or as a list."""

import io
import string
import textwrap
from collections.abc import Sequence
from itertools import chain, count, product

import pandas as pd
from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from benchbed.formatting import printable
from benchbed.reports.tables.table import LEFT_ALIGNED, TextTable

# Columns that a narrow terminal may break; never numbers.
_FOLDED = frozenset({"optimizer", "trials", "notes"})
_NARROWEST = 12  # smallest width of a folded column with longer words
_ASCII_BOX = box.Box("    \n    \n -- \n    \n    \n    \n    \n    \n", ascii=True)
_BEST = {"score": "highest score", "objective": "lowest objective"}


def format_tables(tables: Sequence[TextTable], width: int, color: bool, unicode: bool) -> str:
    """Format tables and their footnotes in lines of at most `width` cells, unless a single character is wider."""
    if not tables:
        return "no rows\n"
    width = max(width, 1)
    if not unicode:
        tables = [table.to_ascii() for table in tables]
    notes = dict.fromkeys(note for table in tables for row_notes in table.notes for note in row_notes)
    alphabet = chain.from_iterable(product(string.ascii_lowercase, repeat=length) for length in count(1))
    letters = dict(zip(notes, map("".join, alphabet), strict=False))  # a … z, aa, ab …
    blocks = []
    for table in tables:
        cells = table.mark(table.cells.map(printable), "{}*")
        cells["notes"] = [" ".join(letters[note] for note in row_notes) for row_notes in table.notes]
        marked = table._replace(cells=cells.loc[:, (cells != "").any()])
        for part in _parts(marked, width):
            if _needed(part.cells) > width:
                entries = [printable(part.title)]
                for row in part.cells.to_dict("records"):
                    entries += ["", *(f"{header}: {cell}" for header, cell in row.items() if cell)]
                blocks.append(
                    "".join(f"{line}\n" for entry in entries for line in wrap(entry, width) or [""])
                )
            else:
                blocks.append(_format_table(part, width, color, unicode))
    has_stars = [table for table in tables if any(map(any, [table.is_best, *table.leads.values()]))]
    marked_columns = dict.fromkeys(table.marked_column for table in has_stars)
    best = " or ".join(_BEST[column] for column in marked_columns)
    footnotes = [f"* {best} of its track, and all not significantly different from it"] if best else []
    footnotes += [f"{letter} {printable(note)}" for note, letter in letters.items()]
    lines = [line for footnote in footnotes for line in wrap(footnote, width)]
    return "\n".join([*blocks, "".join(f"{line}\n" for line in lines)])


def wrap(text: str, width: int) -> list[str]:
    """Break text into lines of at most `width` cells, all but the first indented."""
    indent = "  " if width > 4 else ""
    return textwrap.wrap(text, max(width, 1), subsequent_indent=indent, break_on_hyphens=False)


def _parts(table: TextTable, width: int) -> list[TextTable]:
    """Return the table, or if it is too wide and has several scores a row, tables with as many of them as fit."""
    scores = [str(header) for header in table.cells if header in table.leads]
    if _needed(table.cells) <= width or len(scores) < 2:
        return [table]
    parts: list[list[str]] = [[]]
    for header in scores:
        columns = [column for column in table.cells if column not in scores or column in [*parts[-1], header]]
        if parts[-1] and _needed(table.cells[columns]) > width:
            parts.append([])
        parts[-1].append(header)
    return [
        table._replace(
            title=table.title if position == 0 else f"{table.title}, continued",
            cells=table.cells[[column for column in table.cells if column not in scores or column in part]],
        )
        for position, part in enumerate(parts)
    ]


def _needed(cells: pd.DataFrame) -> int:
    return sum(_least_widths(cells)) + cells.shape[1] - 1


def _least_widths(cells: pd.DataFrame) -> list[int]:
    """Return the smallest width of each column: complete numbers, and names folded at `_NARROWEST`."""
    widths = []
    for header, column in cells.items():
        longest = max(map(cell_len, column))
        if header in _FOLDED:
            segments = [segment for cell in column for segment in cell.split(" ")]
            longest = max(min(cell_len(segment), _NARROWEST) for segment in segments) or longest
        widths.append(max(longest, *map(cell_len, str(header).split(" ", 1))))
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
    widths = _least_widths(table.cells)
    is_spacious = sum(widths) + 2 * (len(widths) - 1) <= width
    grid = Table(
        box=box.SIMPLE_HEAD if unicode else _ASCII_BOX, show_edge=False, pad_edge=False,
        padding=(0, int(is_spacious), 0, 0), header_style="bold",
    )  # fmt: skip
    for header, least in zip(map(str, table.cells), widths, strict=True):
        grid.add_column(
            Text(header.replace(" ", "\n", 1)), justify="left" if header in LEFT_ALIGNED else "right",
            no_wrap=header not in _FOLDED, overflow="fold", min_width=least,
        )  # fmt: skip
    tracks = table.cells["track"]
    is_last = tracks != tracks.shift(-1, fill_value=tracks.iloc[-1])
    for row, is_best, ends_track in zip(table.cells.to_numpy(), table.is_best, is_last, strict=True):
        grid.add_row(*map(Text, row), style="bold green" if is_best else "", end_section=ends_track)
    console.print(Text(printable(table.title), style="bold", overflow="fold"))
    console.print(grid)
    return "".join(f"{line.rstrip()}\n" for line in output.getvalue().splitlines())
