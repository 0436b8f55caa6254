"""Render the results of a study for standard output: a table for people, other formats for programs."""

import json
import math
from collections.abc import Callable
from typing import Any

from benchbed.errors import UsageError
from benchbed.interfaces.notes import describe_missing_score, format_notes
from benchbed.interfaces.results import Results
from benchbed.reports.findings import headlines
from benchbed.reports.table_rows import ASCII, UNICODE, Section, overall, sections
from benchbed.reports.tables import csv, markdown
from benchbed.reports.terminal import draw_sections

FORMATS = ("table", "json", "csv", "markdown")


def render(
    results: Results,
    format: str,  # noqa: A002 - the word of the command line
    width: int = 80,
    color: bool = False,
    encoding: str = "utf-8",
) -> str:
    """Give the summary as text that fits `encoding`; `width` (in cells) and `color` concern tables only.

    Raises:
        UsageError: the format is none of `FORMATS`.
    """
    unicode = encoding.lower().replace("_", "-").startswith(("utf", "cp65001"))
    writers: dict[str, Callable[[], str]] = {
        "table": lambda: _table(results, width, color, unicode),
        "json": lambda: _json(results),
        "csv": lambda: csv(results.summary),
        "markdown": lambda: markdown(_parts(results, unicode)),
    }
    if format not in writers:
        raise UsageError(f"unknown format '{format}'; choose one of {', '.join(FORMATS)}")
    return writers[format]().encode(encoding, "backslashreplace").decode(encoding)


def _table(results: Results, width: int, color: bool, unicode: bool) -> str:
    """Give the tables, and beneath them what they show."""
    drawn = draw_sections(_parts(results, unicode), width, color, unicode)
    shown = headlines(results, width)
    return f"{drawn}\n{shown}" if shown else drawn


def _parts(results: Results, unicode: bool) -> list[Section]:
    symbols = UNICODE if unicode else ASCII
    return [*sections(results, symbols), *overall(results, symbols)]


def _json(results: Results) -> str:
    """Give `{"summary": [records], "overall": [records]}`, strictly JSON.

    NaN (not known) and +inf (not reached, or lost) are both null; each record's `infinite` names the columns
    whose null stands for +inf, so that nothing is lost. Hyperparameters are an object.
    """
    summary = results.summary.assign(notes=results.summary["notes"].map(format_notes))
    scores = results.overall.assign(reason=results.overall["reason"].map(describe_missing_score))
    records = [_record(dict(row)) for row in summary.to_dict(orient="records")]
    overall = [_finite(dict(row)) for row in scores.to_dict(orient="records")]
    return json.dumps({"summary": records, "overall": overall}, indent=2, allow_nan=False) + "\n"


def _record(row: dict[Any, Any]) -> dict[str, Any]:
    plain = {str(key): _plain(value) for key, value in row.items()}
    hyperparameters = json.loads(plain["hyperparameters"]) if plain["hyperparameters"] else {}
    infinite = [str(key) for key, value in row.items() if isinstance(value, float) and math.isinf(value)]
    return plain | {"hyperparameters": _finite(hyperparameters), "infinite": infinite}


def _plain(value: Any) -> Any:
    """Give a cell as JSON can say it; pandas hands out NumPy scalars."""
    value = value.item() if hasattr(value, "item") else value
    return _finite(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
