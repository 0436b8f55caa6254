"""Tables of the summary: a readable selection of its columns, for each problem and over all."""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import TIE
from benchbed.formatting import fixed, plural, short
from benchbed.interfaces import ALL_PROBLEMS, MEASURED_STATUSES, ProblemFacts, Results, TrialStatus
from benchbed.interfaces.notes import describe_missing_score, describe_note
from benchbed.reports.ranking import leading_rows, rank_rows
from benchbed.reports.tables.table import TableColumn, TableRow, TextTable
from benchbed.tuning.outcomes import lower_median

COLUMNS = (
    TableColumn("optimizer", "left", is_folded=True),
    TableColumn("track", "left"),
    TableColumn("learning rate"),
    TableColumn("score"),
    TableColumn("95%"),
    TableColumn("success"),
    TableColumn("median calls"),
    TableColumn("gap"),
    TableColumn("trials", "left", is_folded=True),
    TableColumn("notes", "left", is_folded=True),
)
_USUAL = (TrialStatus.SOLVED, TrialStatus.EXHAUSTED)  # all other statuses are counted in the column "trials"


def summary_tables(results: Results) -> list[TextTable]:
    """Build a table for each problem, highest scores first within a track.

    Without a known optimum, the gap is replaced by the median of the final objective.
    """
    summary = results.summary
    marked = summary.assign(is_best=leading_rows(summary, results.groups), gap=_gaps(results))
    # All optimizers start at the same points.
    basin_shares = results.measures.groupby("problem", sort=False)["success_baseline"].first()
    tables = []
    for problem, rows in marked.groupby("problem", sort=False):
        facts = results.problems[str(problem)]
        title = _title(str(problem), facts)
        share = basin_shares.get(problem, math.nan)
        if not math.isnan(share):
            title += f"; {100 * share:.3g}% start in the optimum's basin"
        records = rank_rows(rows).to_dict("records")
        body = tuple(_problem_row(record, facts.has_optimum) for record in records)
        table = TextTable(str(problem), title, COLUMNS, body)
        tables.append(table.without_empty_columns(headers=["95%"]))
    return tables


def overall_tables(results: Results) -> list[TextTable]:
    """Build the table of mean scores over all problems; none for a single problem."""
    scores = results.overall
    if len(results.problems) < 2 or scores["score"].isna().all():
        return []
    groups = results.groups[(results.groups["problem"] == ALL_PROBLEMS) & (results.groups["group"] == 1)]
    leading = set(zip(groups["track"], groups["optimizer"], strict=True))
    rows = []
    for track in results.tracks:
        of_track = scores[scores["track"] == track].sort_values("score", ascending=False, kind="stable")
        highest = float(of_track["score"].max())
        for row in of_track.to_dict("records"):
            score = row["score"]
            notes = (describe_missing_score(row["reason"]),) if row["reason"] else ()
            is_best = score > 0 and (score >= highest - TIE or (track, row["optimizer"]) in leading)
            interval = _interval(row["score_low"], row["score_high"])
            cells = (row["optimizer"], track, "", _score(score), interval, "", "", "", "", "; ".join(notes))
            rows.append(TableRow(cells, notes, is_best))
    title = f"all {len(results.problems)} problems: mean of the scores"
    table = TextTable(ALL_PROBLEMS, title, COLUMNS, tuple(rows))
    return [table.without_empty_columns(headers=["95%"])]


def format_setting(hyperparameters: object) -> str:
    """Format the learning rate of a setting written as JSON, or the complete setting if it has none."""

    def number(value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return short(float(str(value))) if is_number else str(value)

    values = json.loads(hyperparameters) if isinstance(hyperparameters, str) and hyperparameters else {}
    if "learning_rate" in values:
        return number(values["learning_rate"])
    return ", ".join(f"{key}={number(value)}" for key, value in values.items()) or "–"


def _gaps(results: Results) -> "pd.Series[float]":
    """Return the gap of each row of the summary, or the lower median of its final objectives."""
    keys = ["problem", "optimizer", "track"]
    outcomes, rows = results.outcomes, pd.MultiIndex.from_frame(results.summary[keys])
    objective = outcomes["final_objective"].astype(float)
    objective = objective.where(outcomes["status"].isin(MEASURED_STATUSES), math.inf).fillna(math.inf)
    medians = objective.groupby([outcomes[key] for key in keys]).agg(lower_median).reindex(rows)
    has_optimum = [results.problems[problem].has_optimum for problem in results.summary["problem"]]
    gaps = results.summary["gap"].to_numpy(dtype=float)
    values = np.where(np.array(has_optimum, dtype=bool), gaps, medians.to_numpy(dtype=float))
    return pd.Series(values, results.summary.index)


def _title(problem: str, facts: ProblemFacts) -> str:
    phrases = [plural(facts.budget, "call")]
    if facts.gradient != "reverse":
        noun = "call" if facts.gradient_price == 1 else "calls"
        phrases.append(f"{facts.gradient} gradients at {short(facts.gradient_price)} {noun}")
    if facts.has_optimum:
        phrases.append(f"success at gap ≤ {short(facts.success_target)}")
    else:
        phrases.append("no known optimum: no score, objective for gap")
    if facts.lowest_gap is not None:
        phrases.append(f"f* is a lower bound, lowest gap reached {short(facts.lowest_gap)}")
    if facts.tolerance is not None:
        phrases.append(f"stops at gradient norm ≤ {short(facts.tolerance)}")
    return f"{problem}: {'; '.join(phrases)}"


def _problem_row(row: Mapping[Any, Any], has_optimum: bool) -> TableRow:
    counts = {status: int(row[status.value]) for status in TrialStatus if status not in _USUAL}
    unusual = [f"{count} {status.replace('_', ' ')}" for status, count in counts.items() if count]
    rate, notes = row["success_rate"], tuple(map(describe_note, row["notes"]))
    cells = (
        row["optimizer"],
        row["track"],
        format_setting(row["hyperparameters"]),
        _score(row["score"]),
        _interval(row["score_low"], row["score_high"]),
        "–" if math.isnan(rate) else f"{100 * rate:.3g}%",
        short(row["median_calls"]),
        short(row["gap"], 2 if has_optimum else 5),
        f"{row['trials']}: {', '.join(unusual)}" if unusual else f"{row['trials']}",
        "; ".join(notes),
    )
    return TableRow(cells, notes, bool(row["is_best"]))


def _score(score: float) -> str:
    return "–" if math.isnan(score) else f"{score:.3f}"


def _interval(low: float, high: float) -> str:
    return "" if math.isnan(low) or math.isnan(high) else f"[{fixed(low)}, {fixed(high)}]"
