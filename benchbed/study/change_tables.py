"""Tables of the changes between two studies, for people and for programs."""

import json
from collections.abc import Sequence
from math import isnan

import msgspec
import pandas as pd

from benchbed.analysis.intervals import TIE
from benchbed.analysis.pairwise_tests import SIGNIFICANT
from benchbed.formatting import fixed, markdown_cell, plural, short
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.reports.tables.table import TextTable, markdown
from benchbed.reports.tables.terminal import format_tables, wrap
from benchbed.study.compare import Change


def describe_problem(problem: str) -> str:
    """Return a problem, or the wording of `ALL_PROBLEMS`."""
    return "(mean over problems)" if problem == ALL_PROBLEMS else problem


def is_significant(change: Change) -> bool:
    """Return whether the adjusted p of a change is below 0.05, or an exact score differs, which needs no test."""
    return abs(change.difference) >= TIE if change.is_exact else change.adjusted_p < SIGNIFICANT


def change_tables(changes: Sequence[Change]) -> list[TextTable]:
    """Build the table of the means over problems, and one for each problem; a star marks significant changes."""
    by_problem: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda change: change.problem != ALL_PROBLEMS):
        by_problem.setdefault(change.problem, []).append(change)
    tables = []
    for problem, rows in by_problem.items():
        cells = pd.DataFrame(
            {
                "optimizer": [change.optimizer for change in rows],
                "track": [change.track for change in rows],
                "before": [fixed(change.before, 3) for change in rows],
                "after": [fixed(change.after, 3) for change in rows],
                "difference": [
                    f"{signed(change.difference)}{'*' if is_significant(change) else ''}" for change in rows
                ],
                "95%": [describe_interval(change) for change in rows],
                "adjusted p": [short(change.adjusted_p, 2) for change in rows],
            }
        )
        title = "mean over problems" if problem == ALL_PROBLEMS else problem
        tables.append(TextTable(problem, title, cells, [False] * len(rows), [()] * len(rows)))
    return tables


def render_changes(
    changes: Sequence[Change],
    format: str,  # noqa: A002 - the word of the command line
    notes: Sequence[str],
    width: int,
    color: bool,
    encoding: str,
) -> str:
    """Format the changes as text in `encoding`: `table`, `markdown`, `csv` or `json`.

    `width` (in cells) and `color` are used for tables only. `notes` are part of `markdown` and `json`, which are kept.
    """
    unicode = encoding.lower().replace("_", "-").startswith(("utf", "cp65001"))
    if format == "csv":
        rows = [change._replace(problem=describe_problem(change.problem)) for change in changes]
        text = pd.DataFrame(rows, columns=Change._fields).to_csv(index=False, lineterminator="\n")
    elif format == "json":
        records = [{**change._asdict(), "is_significant": is_significant(change)} for change in changes]
        # msgspec writes null for NaN.
        plain = json.loads(msgspec.json.encode({"changes": records, "notes": notes}))
        text = json.dumps(plain, indent=2) + "\n"
    else:
        tables = change_tables(changes)
        tables = tables if unicode else [table.to_ascii() for table in tables]
        if format == "markdown":
            paragraphs = map(markdown_cell, [footnote(changes), *notes])
            text = "\n".join([markdown(tables), *(f"{paragraph}\n" for paragraph in paragraphs)])
        else:
            text = format_tables(tables, width, color, unicode) + "\n".join(wrap(footnote(changes), width))
    return text.encode(encoding, "backslashreplace").decode(encoding)


def signed(difference: float) -> str:
    """Format a difference of scores with its sign."""
    return f"{difference:+.3f}".replace("-0.000", "+0.000")


def describe_interval(change: Change) -> str:
    """Format the limits of a change, or why it has none."""
    if change.is_exact:
        return "exact"
    return "one seed" if isnan(change.low) else f"[{signed(change.low)}, {signed(change.high)}]"


def footnote(changes: Sequence[Change], mark: str = "* ") -> str:
    """Describe significance, which `mark` stands for, and the changes that a comparison of such studies notices."""
    tests = sum(not isnan(change.adjusted_p) for change in changes)
    is_exact = any(change.is_exact for change in changes)
    if not tests:
        reason = "no row has a test, because no difference is sampled with two seeds or more"
        return f"{mark}different: the scores are exact; {reason}" if is_exact else reason
    noticeable = [change.noticeable for change in changes if not isnan(change.noticeable)]
    power = "which changes are noticed is unknown, because no difference varies between seeds"
    if noticeable:
        limits = f"{min(noticeable):.3f} to {max(noticeable):.3f}"
        power = f"80 % of such comparisons notice changes of at least {limits}"
    rule = f"Holm's adjusted p over {plural(tests, 'row')} is below {SIGNIFICANT}"
    rule += ", or exact scores differ" if is_exact else ""
    return f"{mark}significant: {rule}; {power}"
