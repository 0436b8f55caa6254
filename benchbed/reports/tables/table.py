"""A table of text, and its writers: CSV, Markdown and LaTeX."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import pandas as pd
from tabulate import tabulate

from benchbed.formatting import csv_cell, markdown_cell, printable
from benchbed.interfaces.notes import format_notes

_ASCII = str.maketrans({"–": "-", "∞": "inf", "≤": "<=", "×": "x", "µ": "u", "…": "..."})


class TableColumn(NamedTuple):
    """Header and layout of a column."""

    header: str
    align: str = "right"
    is_folded: bool = False
    """Whether a narrow terminal may break the cells; numbers are never broken."""


class TableRow(NamedTuple):
    """Cells of a row, not yet escaped for any format."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()
    is_best: bool = False
    """Whether the score is marked."""


class TextTable(NamedTuple):
    """A titled table; the first column contains names, a column "notes" the joined notes of the rows."""

    problem: str
    title: str
    columns: tuple[TableColumn, ...]
    rows: tuple[TableRow, ...]

    def position(self, header: str) -> int | None:
        """Return the position of a column, None if there is no such column."""
        headers = [column.header for column in self.columns]
        return headers.index(header) if header in headers else None

    def keep(self, positions: Iterable[int]) -> "TextTable":
        """Return the table with only these columns."""
        indices = list(positions)
        rows = [row._replace(cells=tuple(row.cells[i] for i in indices)) for row in self.rows]
        return self._replace(columns=tuple(self.columns[i] for i in indices), rows=tuple(rows))

    def without_empty_columns(self, empty: str = "", headers: Iterable[str] | None = None) -> "TextTable":
        """Return the table without the columns in which every cell is `empty`; if given, only of these headers."""
        return self.keep(
            i
            for i, column in enumerate(self.columns)
            if (headers is not None and column.header not in headers)
            or any(row.cells[i] != empty for row in self.rows)
        )

    def to_ascii(self) -> "TextTable":
        """Return the table with ASCII symbols; names are unchanged."""
        columns = [column._replace(header=column.header.translate(_ASCII)) for column in self.columns]
        rows = [
            row._replace(
                cells=(*row.cells[:1], *(cell.translate(_ASCII) for cell in row.cells[1:])),
                notes=tuple(note.translate(_ASCII) for note in row.notes),
            )
            for row in self.rows
        ]
        return TextTable(self.problem, self.title.translate(_ASCII), tuple(columns), tuple(rows))


def csv(frame: pd.DataFrame) -> str:
    """Return the frame as CSV: numbers to the last digit (NaN empty, `inf`), text guarded against spreadsheets."""
    if "notes" in frame:
        frame = frame.assign(notes=frame["notes"].map(format_notes))
    guarded = frame.map(lambda cell: csv_cell(cell) if isinstance(cell, str) else cell)
    return str(guarded.to_csv(index=False, lineterminator="\n"))


def markdown(tables: Sequence[TextTable]) -> str:
    """Return a heading and a table for each; marked scores are bold."""
    return "\n".join(
        f"### {markdown_cell(table.title)}\n\n{_tabulate(table, 'github', markdown_cell, '**{}**')}\n"
        for table in tables
    )


def latex(tables: Sequence[TextTable]) -> str:
    """Return a booktabs table for each, in ASCII; marked scores have a star."""
    # tabulate escapes the cells; the title is a comment, and printable text has no line break that would end it.
    return "\n".join(
        f"% {printable(table.title)}\n{_tabulate(table, 'latex_booktabs', printable, '{}*')}\n"
        for table in (table.to_ascii() for table in tables)
    )


def _tabulate(table: TextTable, style: str, escape: Callable[[str], str], mark: str) -> str:
    score = table.position("score")
    body = []
    for row in table.rows:
        cells = [escape(cell) for cell in row.cells]
        if row.is_best and score is not None:
            cells[score] = mark.format(cells[score])
        body.append(cells)
    return tabulate(
        body,
        headers=[column.header for column in table.columns],
        colalign=[column.align for column in table.columns] if body else None,
        tablefmt=style,
        disable_numparse=True,  # cells are formatted already: 0.500 must not become 0.5
    )
