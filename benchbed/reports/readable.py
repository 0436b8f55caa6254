"""Choose and word the columns of the summary that people read."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from benchbed.analysis.results import ProblemFacts
from benchbed.reports.ranking import best_rows, ranked, remarks
from benchbed.reports.text import short

UNREMARKABLE = ("solved", "exhausted")
STATUSES = (
    *UNREMARKABLE,
    "converged",
    "diverged",
    "failed",
    "crashed",
    "timed_out",
    "out_of_memory",
    "skipped",
)


class Line(NamedTuple):
    """One row of a readable table, as text that is not yet escaped for where it is going."""

    optimizer: str
    track: str
    setting: str
    score: str
    interval: str
    success: str
    calls: str
    gap: str
    trials: str
    remarks: tuple[str, ...]
    is_best: bool


class Section(NamedTuple):
    """The readable table of one problem."""

    problem: str
    title: str
    lines: tuple[Line, ...]


class Symbols(NamedTuple):
    """How the table writes what is no number, and what lies outside ASCII."""

    missing: str = "–"
    infinite: str = "∞"
    at_most: str = "≤"


ASCII = Symbols("-", "inf", "<=")


def sections(
    summary: pd.DataFrame, problems: Mapping[str, ProblemFacts], symbols: Symbols = Symbols()
) -> list[Section]:
    """Give the readable table of every problem, best scores first within a track."""
    marked = summary.assign(is_best=best_rows(summary))
    return [
        Section(str(problem), _title(str(problem), problems[str(problem)], symbols), _lines(rows, symbols))
        for problem, rows in marked.groupby("problem", sort=False)
    ]


def statuses(row: Mapping[str, Any]) -> dict[str, int]:
    """Count the trials of a row that ended in no ordinary way, by status."""
    counts = {status: int(row[status]) for status in STATUSES if status not in UNREMARKABLE}
    return {status: count for status, count in counts.items() if count}


def setting(hyperparameters: object, missing: str = "–") -> str:
    """Give the learning rate of a setting written as JSON, or the whole setting where it has none."""
    values = json.loads(hyperparameters) if isinstance(hyperparameters, str) and hyperparameters else {}
    if "learning_rate" in values:
        return _number(values["learning_rate"])
    return ", ".join(f"{key}={_number(value)}" for key, value in values.items()) or missing


def _title(problem: str, facts: ProblemFacts, symbols: Symbols) -> str:
    if not facts.has_optimum:
        return f"{problem}: {facts.budget} calls; no known optimum, so no score"
    return f"{problem}: {facts.budget} calls; success is gap {symbols.at_most} {short(facts.success_target)}"


def _lines(rows: pd.DataFrame, symbols: Symbols) -> tuple[Line, ...]:
    records = ranked(rows).to_dict(orient="records")
    return tuple(_line({str(key): value for key, value in record.items()}, symbols) for record in records)


def _line(row: Mapping[str, Any], symbols: Symbols) -> Line:
    missing, infinite = symbols.missing, symbols.infinite
    rate = row["success_rate"]
    return Line(
        optimizer=row["optimizer"],
        track=row["track"],
        setting=setting(row["hyperparameters"], missing),
        score=missing if math.isnan(row["score"]) else f"{row['score']:.3f}",
        interval=_interval(row["score_low"], row["score_high"]),
        success=missing if math.isnan(rate) else f"{100 * rate:.3g}%",
        calls=short(row["median_calls"], 3, missing, infinite),
        gap=short(row["gap"], 2, missing, infinite),
        trials=_trials(row),
        remarks=tuple(remarks(row["notes"])),
        is_best=bool(row["is_best"]),
    )


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f"[{low:.2f}, {high:.2f}]"


def _trials(row: Mapping[str, Any]) -> str:
    counts = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in statuses(row).items())
    return f"{row['trials']}: {counts}" if counts else f"{row['trials']}"


def _number(value: object) -> str:
    return (
        short(float(value)) if isinstance(value, int | float) and not isinstance(value, bool) else str(value)
    )
