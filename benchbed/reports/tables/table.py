"""A table of text, and its writers: CSV, Markdown and LaTeX."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from tabulate import tabulate

from benchbed.formatting import csv_cell, markdown_cell, printable
from benchbed.interfaces.notes import format_notes

LEFT_ALIGNED = frozenset({"optimizer", "track", "trials", "notes"})
"""Headers of the columns of text; columns of numbers are aligned to the right."""
_ASCII = str.maketrans({"–": "-", "∞": "inf", "≤": "<=", "×": "x", "µ": "u", "…": "..."})


class TextTable(NamedTuple):
    """A titled table of text that is not yet escaped for any format."""

    problem: str
    title: str
    cells: pd.DataFrame
    """Text by header; the column "optimizer" contains names, a column "notes" the joined notes of each row."""
    is_best: Sequence[bool]
    """Whether the score of each row is marked."""
    notes: Sequence[tuple[str, ...]]
    """The notes of each row."""
    leads: Mapping[str, Sequence[bool]] = MappingProxyType({})
    """Instead of `is_best`, for a table with several scores a row: whether each value of a column is marked."""

    @property
    def marked_column(self) -> str:
        """The column whose best values are marked: the score, or the objective if there is no score."""
        # Without a result, a problem with a known optimum has neither.
        has_objective = "objective" in self.cells and "score" in self.cells
        return "objective" if has_objective and self.cells["score"].isin(["–", "-"]).all() else "score"

    def mark(self, cells: pd.DataFrame, mark: str) -> pd.DataFrame:
        """Return `cells`, which are those of the table after escaping, with the best values put into `mark`."""
        leads = self.leads or {self.marked_column: self.is_best}
        marked = {
            column: cells[column].mask(np.array(is_best), cells[column].map(mark.format))
            for column, is_best in leads.items()
            if column in cells and len(is_best)
        }
        return cells.assign(**marked)

    def to_ascii(self) -> "TextTable":
        """Return the table with ASCII symbols; names are unchanged."""

        def ascii_text(text: str) -> str:
            return text.translate(_ASCII)

        cells = self.cells.map(ascii_text).rename(columns=ascii_text)
        notes = [tuple(map(ascii_text, notes)) for notes in self.notes]
        return self._replace(
            title=ascii_text(self.title), cells=cells.assign(optimizer=self.cells["optimizer"]), notes=notes
        )


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
    cells = table.cells.map(escape)
    cells = table.mark(cells, mark)
    headers = [str(header) for header in cells]
    return tabulate(
        cells.to_numpy().tolist(),
        headers=headers,
        colalign=["left" if header in LEFT_ALIGNED else "right" for header in headers]
        if len(cells)
        else None,
        tablefmt=style,
        disable_numparse=True,  # cells are formatted already: 0.500 must not become 0.5
    )
