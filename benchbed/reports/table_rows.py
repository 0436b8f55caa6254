"""Choose and word the columns of the summary that people read."""

import json
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import TIE
from benchbed.formatting import short
from benchbed.interfaces import ALL_PROBLEMS, MEASURED_STATUSES, ProblemFacts, Results, TrialStatus
from benchbed.interfaces.notes import describe_missing_score, describe_note
from benchbed.reports.ranking import leading_rows, ranked
from benchbed.tuning.scores import lower_median

UNREMARKABLE = (TrialStatus.SOLVED, TrialStatus.EXHAUSTED)


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

    def cells(self) -> list[str]:
        """Give the columns from the optimizer to the trials, in order."""
        return [str(cell) for cell in self[:9]]


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


UNICODE = Symbols()
ASCII = Symbols("-", "inf", "<=")


def sections(results: Results, symbols: Symbols) -> list[Section]:
    """Give the readable table of every problem, best scores first within a track.

    Where no optimum is known, the median of the final objective stands in place of the gap.
    """
    summary, facts = results.summary, results.problems
    marked = summary.assign(is_best=leading_rows(summary, results.groups), gap=_compared(results))
    # Whoever takes part, all start at the same points.
    in_basin = results.measures.groupby("problem", sort=False)["success_baseline"].first()
    return [
        Section(
            str(problem),
            _title(str(problem), facts[str(problem)], symbols) + _basin(in_basin.get(problem)),
            _lines(rows, facts[str(problem)], symbols),
        )
        for problem, rows in marked.groupby("problem", sort=False)
    ]


def overall(results: Results, symbols: Symbols) -> list[Section]:
    """Give the table of mean scores over all problems; none for a single problem, whose own table says the same."""
    problems = len(results.problems)
    scores = results.overall
    if problems < 2 or scores["score"].isna().all():
        return []
    groups = results.groups[(results.groups["problem"] == ALL_PROBLEMS) & (results.groups["group"] == 1)]
    leading = set(zip(groups["track"], groups["optimizer"], strict=True))
    lines = [line for track in results.tracks for line in _overall_lines(scores, track, leading, symbols)]
    return [Section("", f"all {problems} problems: mean of the scores", tuple(lines))]


def _overall_lines(
    scores: pd.DataFrame, track: str, leading: set[tuple[str, str]], symbols: Symbols
) -> list[Line]:
    rows = scores[scores["track"] == track].sort_values("score", ascending=False, kind="stable")
    highest = float(rows["score"].max())
    records: list[dict[str, Any]] = [
        {str(key): value for key, value in row.items()} for row in rows.to_dict("records")
    ]
    return [
        _overall_line(
            record, record["score"] >= highest - TIE or (track, record["optimizer"]) in leading, symbols
        )
        for record in records
    ]


def _overall_line(row: Mapping[str, Any], leads: bool, symbols: Symbols) -> Line:
    nothing = dict.fromkeys(("setting", "success", "calls", "gap", "trials"), "")
    score = row["score"]
    return Line(
        optimizer=row["optimizer"],
        track=row["track"],
        score=symbols.missing if math.isnan(score) else f"{score:.3f}",
        remarks=(describe_missing_score(row["reason"]),) if row["reason"] else (),
        interval=_interval(row["score_low"], row["score_high"]),
        is_best=leads and score > 0,
        **nothing,
    )


def statuses(row: Mapping[str, Any]) -> dict[str, int]:
    """Count the trials of a row that ended in no ordinary way, by status."""
    counts = {status.value: int(row[status]) for status in TrialStatus if status not in UNREMARKABLE}
    return {status: count for status, count in counts.items() if count}


def setting(hyperparameters: object, missing: str = "–") -> str:
    """Give the learning rate of a setting written as JSON, or the whole setting where it has none."""
    values = json.loads(hyperparameters) if isinstance(hyperparameters, str) and hyperparameters else {}
    if "learning_rate" in values:
        return _number(values["learning_rate"])
    return ", ".join(f"{key}={_number(value)}" for key, value in values.items()) or missing


def _compared(results: Results) -> "pd.Series[float]":
    """Give for each row of the summary its gap, or the lower median of its final objectives."""
    keys = ["problem", "optimizer", "track"]
    outcomes, rows = results.outcomes, pd.MultiIndex.from_frame(results.summary[keys])
    objective = (
        outcomes["final_objective"].astype(float).where(outcomes["status"].isin(MEASURED_STATUSES), math.inf)
    )
    medians = (
        objective.fillna(math.inf).groupby([outcomes[key] for key in keys]).agg(lower_median).reindex(rows)
    )
    known = np.array(
        [results.problems[problem].has_optimum for problem in results.summary["problem"]], dtype=bool
    )
    gaps = results.summary["gap"].to_numpy(dtype=float)
    return pd.Series(np.where(known, gaps, medians.to_numpy(dtype=float)), results.summary.index)


def _title(problem: str, facts: ProblemFacts, symbols: Symbols) -> str:
    stops = (
        ""
        if facts.tolerance is None
        else f"; stops at gradient norm {symbols.at_most} {short(facts.tolerance)}"
    )
    calls = f"{facts.budget} calls{_gradients(facts)}"
    if not facts.has_optimum:
        return f"{problem}: {calls}; no known optimum: no score, objective for gap{stops}"
    target = f"success at gap {symbols.at_most} {short(facts.success_target)}"
    bound = (
        ""
        if facts.lowest_gap is None
        else f"; f* is a lower bound, lowest gap reached {short(facts.lowest_gap)}"
    )
    return f"{problem}: {calls}; {target}{bound}{stops}"


def _gradients(facts: ProblemFacts) -> str:
    """Say what was not differentiated as usual, and at what price."""
    if facts.gradient == "reverse":
        return ""
    calls = "call" if facts.gradient_price == 1 else "calls"
    return f"; {facts.gradient} gradients at {short(facts.gradient_price)} {calls}"


def _basin(share: float | None) -> str:
    if share is None or math.isnan(share):
        return ""
    return f"; {100 * share:.3g}% start in the optimum's basin"


def _lines(rows: pd.DataFrame, facts: ProblemFacts, symbols: Symbols) -> tuple[Line, ...]:
    digits = 2 if facts.has_optimum else 5  # a gap is told by its power of ten, an objective is not
    records = [
        {str(key): value for key, value in row.items()} for row in ranked(rows).to_dict(orient="records")
    ]
    return tuple(_line(record, short(record["gap"], digits, *symbols[:2]), symbols) for record in records)


def _line(row: Mapping[str, Any], gap: str, symbols: Symbols) -> Line:
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
        gap=gap,
        trials=_trials(row),
        remarks=tuple(map(describe_note, row["notes"])),
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
