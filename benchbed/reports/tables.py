"""Write summary and measures as CSV, Markdown and LaTeX: the summary also for each problem."""

from collections.abc import Callable, Sequence

import pandas as pd
from tabulate import tabulate

from benchbed.formatting import csv_cell, markdown_cell, printable, slugs
from benchbed.interfaces.notes import format_notes
from benchbed.interfaces.results import Results
from benchbed.reports.secondary_metrics import grid
from benchbed.reports.table_rows import ASCII, UNICODE, Line, Section, Symbols, overall, sections

HEADERS = (
    "optimizer",
    "track",
    "learning rate",
    "score",
    "95%",
    "success",
    "median calls",
    "gap",
    "trials",
    "notes",
)
_ALIGN = ("left", "left", *["right"] * 6, "left", "left")
_INTERVAL = HEADERS.index("95%")
MEASURES, COMPARISONS = "measures", "comparisons"
_RESERVED = ("summary", MEASURES, COMPARISONS, "findings")
"""Names of files in `tables/` that no problem may take."""


def pieces(results: Results) -> list[str]:
    """Name the single piece: all tables together cost less than handing them out would."""
    return ["summary"] if len(results.summary) else []


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `tables/summary.*`, one table a problem and `tables/measures.*`; the CSV have every column.

    Markdown and LaTeX hold a readable choice of them.
    """
    names = slugs(results.problems, reserved=_RESERVED)
    unicode, ascii_only = sections(results, UNICODE), sections(results, ASCII)
    whole = [*unicode, *overall(results, UNICODE)], [*ascii_only, *overall(results, ASCII)]
    files = _formats(piece, results.summary, *whole)
    for part, same in zip(unicode, ascii_only, strict=True):
        rows = results.summary[results.summary["problem"] == part.problem]
        files |= _formats(names[part.problem], rows, [part], [same])
    files |= _measures(results, unicode, ascii_only)
    if len(results.comparisons):
        files[f"tables/{COMPARISONS}.csv"] = csv(results.comparisons)
    return {name: text.encode("utf-8") for name, text in files.items()}


def csv(summary: pd.DataFrame) -> str:
    """Give every column with numbers as they are (NaN empty, `inf`) and text that no spreadsheet computes."""
    if "notes" in summary:
        summary = summary.assign(notes=summary["notes"].map(format_notes))
    guarded = summary.map(lambda cell: csv_cell(cell) if isinstance(cell, str) else cell)
    return str(guarded.to_csv(index=False, lineterminator="\n"))


def markdown(parts: Sequence[Section]) -> str:
    """Give one heading and one table a problem; the highest score of each track is bold."""
    return _markdown([(part.title, _table(part, "github", markdown_cell, "**{}**")) for part in parts])


def latex(parts: Sequence[Section]) -> str:
    """Give one booktabs table a problem, in ASCII; the highest score of each track has a star."""
    return _latex([(part.title, _table(part, "latex_booktabs", printable, "{}*")) for part in parts])


def _markdown(titled: Sequence[tuple[str, str]]) -> str:
    return "\n".join(f"### {markdown_cell(title)}\n\n{table}\n" for title, table in titled)


def _latex(titled: Sequence[tuple[str, str]]) -> str:
    # The library escapes every cell; the title is a comment, which printable text cannot leave.
    return "\n".join(f"% {printable(title)}\n{table}\n" for title, table in titled)


def _measures(results: Results, unicode: Sequence[Section], ascii_only: Sequence[Section]) -> dict[str, str]:
    shown = [(part.title, _measured(results, part, UNICODE, "github", markdown_cell)) for part in unicode]
    plain = [
        (part.title, _measured(results, part, ASCII, "latex_booktabs", printable)) for part in ascii_only
    ]
    return {
        f"tables/{MEASURES}.csv": csv(results.measures),
        f"tables/{MEASURES}.md": _markdown(shown),
        f"tables/{MEASURES}.tex": _latex(plain),
    }


def _measured(
    results: Results, part: Section, symbols: Symbols, style: str, escape: Callable[[str], str]
) -> str:
    rows = results.measures[results.measures["problem"] == part.problem]
    found = grid(rows, results.problems[part.problem].has_optimum, symbols)
    body = [[escape(cell) for cell in line] for line in found.body]
    return _tabulate(body, found.headers, found.aligns, style)


def _formats(
    name: str, rows: pd.DataFrame, unicode: Sequence[Section], ascii_only: Sequence[Section]
) -> dict[str, str]:
    return {
        f"tables/{name}.csv": csv(rows),
        f"tables/{name}.md": markdown(unicode),
        f"tables/{name}.tex": latex(ascii_only),
    }


def _table(part: Section, style: str, escape: Callable[[str], str], best: str) -> str:
    keep = [i for i in range(len(HEADERS)) if i != _INTERVAL or any(line.interval for line in part.lines)]
    body = [[_cells(line, escape, best)[i] for i in keep] for line in part.lines]
    return _tabulate(body, [HEADERS[i] for i in keep], [_ALIGN[i] for i in keep], style)


def _tabulate(body: Sequence[Sequence[str]], headers: Sequence[str], align: Sequence[str], style: str) -> str:
    return tabulate(
        body,
        headers=headers,
        colalign=align,
        tablefmt=style,
        disable_numparse=True,  # the numbers are worded already: 0.500 must not become 0.5
    )


def _cells(line: Line, escape: Callable[[str], str], best: str) -> list[str]:
    cells = [escape(cell) for cell in line.cells()]
    score = HEADERS.index("score")
    cells[score] = best.format(cells[score]) if line.is_best else cells[score]
    return [*cells, escape("; ".join(line.remarks))]
