"""Reference results on the page: grey lines behind those of the study, and marked rows below its rows."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.formatting import fixed, plural
from benchbed.interfaces import ALL_PROBLEMS, ProblemFacts, Results, TrialStatus
from benchbed.interfaces.reference_studies import MatchedReference, ReferenceCurve
from benchbed.plotting.style import line_styles
from benchbed.reports.ecdf import first_calls, mean_curve
from benchbed.reports.page.charts import ChartLine, ValueAxis, call_positions, polyline
from benchbed.reports.tables.summary import summary_tables
from benchbed.reports.tables.table import TextTable

COLOR = "#8c929c"
FIRST_NUMBER = 100_000
"""Number of the first optimizer of reference results, more than a study has optimizers."""
MARK = "reference"
"""Note on the rows of reference results."""
_COUNTS = ["settings_tried", "trials", *(status.value for status in TrialStatus)]
_LIMITS = ["score_low", "score", "score_high"]
_NO_MEAN = (np.nan, np.nan, np.nan)


class ReferenceMeans(NamedTuple):
    """Mean scores of reference results over the problems of the study."""

    cells: pd.DataFrame
    """Text by header, as in the table of mean scores."""
    scores: pd.DataFrame
    """Optimizer, track, and mean over all problems with its interval."""


def reference_numbers(results: Results) -> dict[str, int]:
    """Return the number of each optimizer of reference results, beyond those of a study."""
    labels = [
        reference.study.label(name) for reference in results.references for name in reference.optimizers
    ]
    return {label: index for index, label in enumerate(labels, start=FIRST_NUMBER)}


def reference_dashes(results: Results) -> dict[str, str]:
    """Return the dashes of the lines of each optimizer of reference results, as `stroke-dasharray`."""
    styles = line_styles([*reference_numbers(results)])
    return {
        label: " ".join(f"{length:g}" for length in style.dashes[1]) or "none"
        for label, style in styles.items()
    }


def gap_lines(results: Results, problem: str, track: str, axis: ValueAxis) -> list[ChartLine]:
    """Return the lines of the median gap, or objective, against calls."""
    numbers, budget = reference_numbers(results), results.problems[problem].budget
    return [
        ChartLine(
            numbers[label],
            label,
            polyline(call_positions(curve.calls, budget), axis.heights(_medians(curve))),
        )
        for label, curve in _curves(results, problem, track).items()
    ]


def reference_medians(results: Results, problem: str) -> np.ndarray:
    """Return all values of the lines on a problem."""
    values = [
        _medians(curve) for track in results.tracks for curve in _curves(results, problem, track).values()
    ]
    return np.concatenate([np.empty(0), *values])


def with_target_curves(
    results: Results, problems: Sequence[str], track: str, curves: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Add the share of targets reached by reference results on `problems` before `curves`, unless these are none.

    The curves are those of `reached_curves`. Over several problems, an optimizer needs a mean score.
    """
    if not curves:
        return {}
    of_problems = [_curves(results, problem, track) for problem in problems]
    means = [
        reference.study.label(name)
        for reference in results.references
        for name in _with_mean(reference, track)
    ]
    added = {
        label: mean_curve(
            [
                _positions(results.problems[problem], of_problem[label])
                for problem, of_problem in zip(problems, of_problems, strict=True)
            ]
        )
        for label in (means if len(problems) > 1 else of_problems[0])
        if all(label in of_problem and of_problem[label].reached for of_problem in of_problems)
    }
    return {**added, **curves}


def reference_summary(results: Results) -> pd.DataFrame:
    """Return the rows of the summary of reference results, with the columns of that of the study."""
    records = [
        {
            **{column: float("inf") if value == "inf" else value for column, value in row.items()},
            "optimizer": reference.study.label(row["optimizer"]),
        }
        for reference in results.references
        for row in reference.study.summary
        if row["problem"] in reference.problems and row["optimizer"] in reference.optimizers
    ]
    frame = pd.DataFrame(records).reindex(columns=results.summary.columns)
    frame[_COUNTS] = frame[_COUNTS].fillna(0).astype(int)
    return frame.assign(notes=pd.Series([()] * len(frame)))


def problem_rows(results: Results) -> dict[str, pd.DataFrame]:
    """Return the cells of the table of each problem by header."""
    if not results.references:
        return {}
    tables = summary_tables(results._replace(summary=reference_summary(results)))
    return {table.problem: table.cells.assign(notes=MARK) for table in tables}


def add_rows(table: TextTable, cells: pd.DataFrame | None) -> TextTable:
    """Add rows of text below a table; None adds none. Columns that the table lacks are left out."""
    if cells is None or cells.empty:
        return table
    added = cells.reindex(columns=table.cells.columns, fill_value="")
    plain = [False] * len(added)
    return table._replace(
        cells=pd.concat([table.cells, added], ignore_index=True),
        is_best=[*table.is_best, *plain],
        notes=[*table.notes, *[(MARK,)] * len(added)],
        leads={header: [*is_best, *plain] for header, is_best in table.leads.items()},
    )


def mean_rows(results: Results, columns: Sequence[str], tracks: Sequence[str]) -> ReferenceMeans:
    """Return the mean scores over all problems, and over those of each group that has a column.

    A mean has an interval if the problems are all of those of the reference study; it is missing if the results do not
    compare on one of them.
    """
    members = {ALL_PROBLEMS: list(results.problems)}
    for label, facts in results.problems.items():
        members.setdefault(facts.group, []).append(label)
    headers = {
        f"{group} ({plural(len(labels), 'problem')})"
        if group
        else f"all {plural(len(labels), 'problem')}": group
        for group, labels in members.items()
    }
    cells, scores = [], []
    for reference in results.references:
        for track in tracks:
            for name in _with_mean(reference, track):
                row = {"optimizer": reference.study.label(name), "track": track, "notes": MARK}
                means = {
                    header: _mean(reference, members[group], group, name, track)
                    for header, group in headers.items()
                    if header in columns
                }
                cells.append(row | {header: _format(mean) for header, mean in means.items()})
                overall = means.get(f"all {plural(len(results.problems), 'problem')}", _NO_MEAN)
                scores.append((row["optimizer"], track, *overall))
    return ReferenceMeans(
        pd.DataFrame(cells, columns=list(columns)).fillna(""),
        pd.DataFrame(scores, columns=["optimizer", "track", *_LIMITS]),
    )


def describe_references(results: Results) -> list[str]:
    """Return sentences on the grey lines and on reference results that are left out."""
    sentences = []
    for reference in results.references:
        versions = ", ".join(f"{name} {version}" for name, version in reference.study.versions.items())
        sentences.append(
            f"Grey lines, and rows with the note “{MARK}”: the results {reference.study.title}"
            f"{f' ({versions})' if versions else ''} on {plural(len(reference.problems), 'problem')} of this study, "
            "which are not part of its comparisons."
        )
    return [*sentences, *results.reference_remarks]


def _curves(results: Results, problem: str, track: str) -> dict[str, ReferenceCurve]:
    return {
        reference.study.label(curve.optimizer): curve
        for reference in results.references
        if problem in reference.problems
        for curve in reference.study.curves
        if (curve.problem, curve.track) == (problem, track) and curve.optimizer in reference.optimizers
    }


def _medians(curve: ReferenceCurve) -> np.ndarray:
    return np.array([np.inf if value is None else value for value in curve.median])


def _positions(facts: ProblemFacts, curve: ReferenceCurve) -> pd.DataFrame:
    lowest = first_calls(facts)
    span = np.log(facts.budget / lowest) or 1.0
    positions = np.log(np.maximum(curve.calls, lowest) / lowest) / span
    return pd.DataFrame({"position": np.minimum(positions, 1.0), "share": curve.reached})


def _with_mean(reference: MatchedReference, track: str) -> Iterator[str]:
    """Yield the optimizers that have a mean score over the problems of the reference study."""
    for row in reference.study.overall:
        if (row["group"], row["track"]) == (ALL_PROBLEMS, track) and row["optimizer"] in reference.optimizers:
            yield row["optimizer"]


def _mean(
    reference: MatchedReference, problems: Sequence[str], group: str, optimizer: str, track: str
) -> tuple[float, float, float]:
    """Return low limit, mean and high limit."""
    scores = {
        row["problem"]: row["score"]
        for row in reference.study.summary
        if (row["optimizer"], row["track"]) == (optimizer, track) and "score" in row
    }
    if not all(problem in reference.problems and problem in scores for problem in problems):
        return _NO_MEAN
    low = high = np.nan
    if set(problems) == {p.label for p in reference.study.problems if group in (ALL_PROBLEMS, p.group)}:
        for row in reference.study.overall:
            if (row["group"], row["optimizer"], row["track"]) == (group, optimizer, track):
                low, high = row.get("score_low", np.nan), row.get("score_high", np.nan)
    return low, float(np.mean([scores[problem] for problem in problems])), high


def _format(mean: tuple[float, float, float]) -> str:
    low, score, high = mean
    return f"{fixed(score, 3)} [{fixed(low)}, {fixed(high)}]" if not np.isnan(low) else fixed(score, 3)
