"""Tables of the summary: a readable selection of its columns, for each problem and over all."""

import json
import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchbed.formatting import comparable, fixed, percentage, plural, short
from benchbed.interfaces import ALL_PROBLEMS, Exclusion, ProblemFacts, Results, TrialStatus
from benchbed.interfaces.notes import describe_kind, describe_missing_score
from benchbed.interfaces.results import group_table
from benchbed.reports.ranking import leading_rows, rank_rows
from benchbed.reports.tables.table import TextTable

_HEADERS = (
    "optimizer", "track", "learning rate", "score", "95%", "success", "median calls", "gap", "objective", "trials",
    "notes",
)  # fmt: skip
_USUAL = (TrialStatus.SOLVED, TrialStatus.EXHAUSTED)  # all other statuses are counted in the column "trials"


def summary_tables(results: Results) -> list[TextTable]:
    """Build a table for each problem, highest scores first within a track.

    Without a known optimum, the gap is replaced by the median of the final objective with its interval.
    """
    marked = results.summary.assign(is_best=leading_rows(results.summary, results.groups))
    # All optimizers start at the same points.
    basin_shares = results.measures.groupby("problem", sort=False)["success_baseline"].first()
    tables = []
    for problem, rows in marked.groupby("problem", sort=False):
        facts = results.problems[str(problem)]
        ranked = rank_rows(rows)
        title = _title(str(problem), facts)
        share = basin_shares.get(problem, math.nan)
        if not math.isnan(share):
            title += f"; {percentage(share)} start in the optimum's basin"
        cells = [_cells(row, facts.has_optimum) for row in ranked.to_dict("records")]
        notes = [tuple(map(describe_kind, row_notes)) for row_notes in ranked["notes"]]
        tables.append(_table(str(problem), title, pd.DataFrame(cells), ranked["is_best"].tolist(), notes))
    return tables


def group_tables(results: Results) -> list[TextTable]:
    """Build the table of mean scores by group, a column a group; none for a single group.

    Notes explain missing means.
    """
    scores = results.overall[results.overall["group"] != ALL_PROBLEMS]
    if scores["score"].isna().all():
        return []
    scores = scores[scores["reason"] != Exclusion.DEFAULT_TRACK]
    names = list(dict.fromkeys(scores["group"]))
    problems = Counter(facts.group for facts in results.problems.values())
    order = {name: position for position, name in enumerate(results.optimizers)}
    # Optimizers have the order of the plan: their order by score differs from group to group.
    rows = scores[["track", "optimizer"]].drop_duplicates()
    rows = rows.sort_values(
        ["track", "optimizer"], key=lambda column: column.map(order).fillna(0), kind="stable"
    )
    rows = pd.concat([rows[rows["track"] == track] for track in results.tracks], ignore_index=True)
    cells, leads = rows[["optimizer", "track"]].copy(), {}
    reasons: list[dict[str, None]] = [{} for _ in range(len(rows))]
    for name in names:
        of_group = rows.merge(_with_trials(scores[scores["group"] == name], results), how="left")
        header = f"{name} ({plural(problems[name], 'problem')})"
        cells[header] = [
            f"{fixed(row['score'], 3)} {_interval(row)}".strip() for row in of_group.to_dict("records")
        ]
        of_table = of_group.assign(problem=group_table(name), notes=pd.Series([()] * len(rows)))
        leads[header] = leading_rows(of_table, results.groups).tolist()
        for of_row, reason in zip(reasons, of_group["reason"], strict=True):
            if isinstance(reason, Exclusion):
                of_row[f"{name}: {describe_missing_score(reason)}"] = None
    notes = [tuple(of_row) for of_row in reasons]
    cells["notes"] = ["; ".join(row_notes) for row_notes in notes]
    return [TextTable("", "mean scores by group", cells, [False] * len(rows), notes, leads)]


def overall_tables(results: Results) -> list[TextTable]:
    """Build the table of mean scores over all problems; none for a single problem."""
    scores = results.overall[results.overall["group"] == ALL_PROBLEMS]
    if len(results.problems) < 2 or scores["score"].isna().all():
        return []
    scores = scores[scores["reason"] != Exclusion.DEFAULT_TRACK]
    scores = _with_trials(scores.sort_values("score", ascending=False, kind="stable"), results)
    scores = pd.concat([scores[scores["track"] == track] for track in results.tracks], ignore_index=True)
    notes: list[tuple[str, ...]]
    notes = [(describe_missing_score(reason),) if reason else () for reason in scores["reason"]]
    cells = scores[["optimizer", "track"]].assign(
        **{
            "score": [fixed(score, 3) for score in scores["score"]],
            "95%": [_interval(row) for row in scores.to_dict("records")],
        }
    )
    title = f"all {len(results.problems)} problems: mean of the scores"
    is_best = leading_rows(
        scores.assign(problem=ALL_PROBLEMS, notes=pd.Series(notes)), results.groups
    ).tolist()
    return [_table(ALL_PROBLEMS, title, cells, is_best, notes)]


def format_setting(hyperparameters: object) -> str:
    """Format the learning rate of a setting written as JSON, or the complete setting if it has none."""

    def number(value: object) -> str:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return short(float(str(value))) if is_number else str(value)

    values = json.loads(hyperparameters) if isinstance(hyperparameters, str) and hyperparameters else {}
    if "learning_rate" in values:
        return number(values["learning_rate"])
    return ", ".join(f"{key}={number(value)}" for key, value in values.items()) or "–"


def _with_trials(scores: pd.DataFrame, results: Results) -> pd.DataFrame:
    """Add the number of trials, and of those with each status, to means over the problems of a group or over all."""
    columns = ["trials", *(status.value for status in TrialStatus)]
    group = results.summary["problem"].map({name: facts.group for name, facts in results.problems.items()})
    by_group = results.summary.assign(group=group).groupby(["group", "optimizer", "track"])[columns].sum()
    overall = results.summary.groupby(["optimizer", "track"])[columns].sum().assign(group=ALL_PROBLEMS)
    counts = pd.concat([by_group.reset_index(), overall.reset_index()])
    return scores.merge(counts, on=["group", "optimizer", "track"], how="left")


def _title(problem: str, facts: ProblemFacts) -> str:
    phrases = [plural(facts.budget, "call")]
    if facts.gradient != "reverse":
        noun = "call" if facts.gradient_price == 1 else "calls"
        phrases.append(f"{facts.gradient} gradients at {short(facts.gradient_price)} {noun}")
    if facts.is_scored:
        phrases.append(f"success at {facts.success}")
    else:
        phrases.append("no known optimum and no score; final objectives are compared")
    if facts.lowest_gap is not None:
        phrases.append(f"f* is a lower bound, lowest gap reached {short(facts.lowest_gap)}")
    if facts.reference is not None:
        phrases.append(f"f* is a reference value ({facts.reference.value})")
    if facts.tolerance is not None:
        phrases.append(f"stops at gradient norm ≤ {short(facts.tolerance)}")
    return f"{problem}: {'; '.join(phrases)}"


def _cells(row: Mapping[Any, Any], has_optimum: bool) -> dict[str, str]:
    """Return the cells of one row of the summary by header, without its notes."""
    counts = {status: int(row[status.value]) for status in TrialStatus if status not in _USUAL}
    unusual = [f"{count} {status.replace('_', ' ')}" for status, count in counts.items() if count]
    return {
        "optimizer": row["optimizer"],
        "track": row["track"],
        "learning rate": format_setting(row["hyperparameters"]),
        "score": fixed(row["score"], 3),
        "95%": _interval(row),
        "success": percentage(row["success_rate"]),
        "median calls": short(row["median_calls"]),
        "gap": short(row["gap"], 2) if has_optimum else "",
        "objective": "" if has_optimum else _objective(row),
        "trials": f"{row['trials']}: {', '.join(unusual)}" if unusual else f"{row['trials']}",
    }


def _objective(row: Mapping[Any, Any]) -> str:
    estimate, low, high = (float(row[column]) for column in ("objective", "objective_low", "objective_high"))
    if not math.isfinite(low):
        return short(estimate, 5)
    texts = comparable([estimate, low, high], 5)
    return f"{texts[0]} [{texts[1]}, {texts[2]}]"


def _interval(row: Mapping[Any, Any]) -> str:
    low, high = row["score_low"], row["score_high"]
    return "" if math.isnan(low) or math.isnan(high) else f"[{fixed(low)}, {fixed(high)}]"


def _table(
    problem: str, title: str, cells: pd.DataFrame, is_best: list[bool], notes: list[tuple[str, ...]]
) -> TextTable:
    """Add the notes and the missing columns, and leave the intervals out if there are none."""
    cells = cells.assign(notes=["; ".join(row_notes) for row_notes in notes])
    cells = cells.reindex(columns=list(_HEADERS), fill_value="")
    for header in ("95%", "gap", "objective"):
        if (cells[header] == "").all():
            cells = cells.drop(columns=header)
    return TextTable(problem, title, cells, is_best, notes)
