"""Reference results on the page: marked rows below those of the study, and sentences."""

import json
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import has_note
from benchbed.analysis.findings import format_p
from benchbed.formatting import fixed, plural
from benchbed.interfaces import ALL_PROBLEMS, Note, Results
from benchbed.interfaces.reference_studies import MatchedReference, ReferenceRow
from benchbed.reports.page.reference_lines import optimizers_with_mean
from benchbed.reports.tables.summary import summary_tables
from benchbed.reports.tables.table import TextTable

_NO_TEST = (
    "A test needs the same two or more evaluation seeds, trials that depend on them, and no exact oracle."
)
MARK = "reference"
"""Note on the rows of reference results."""
_NUMBERS = [field.name for field in msgspec.structs.fields(ReferenceRow) if field.default is None]
"""Columns of numbers that may be missing."""
_LIMITS = ["score_low", "score", "score_high"]
_NO_MEAN = (np.nan, np.nan, np.nan)


class ReferenceMeans(NamedTuple):
    """Mean scores of reference results over the problems of the study."""

    cells: pd.DataFrame
    """Text by header, as in the table of mean scores."""
    scores: pd.DataFrame
    """Optimizer, track, and mean over all problems with its interval."""


def reference_summary(results: Results) -> pd.DataFrame:
    """Return the rows of the summary of reference results, with the columns of that of the study."""
    rows = [
        msgspec.structs.replace(row, optimizer=reference.study.label(row.optimizer))
        for reference in results.references
        for row in reference.study.summary
        if row.problem in reference.problems and row.optimizer in reference.optimizers
    ]
    frame = pd.DataFrame([msgspec.structs.asdict(row) for row in rows], columns=results.summary.columns)
    numbers = frame[_NUMBERS].astype(float)  # None is NaN, and "inf" is +∞
    settings = frame["hyperparameters"].map(json.dumps)
    return frame.assign(**numbers, hyperparameters=settings, notes=pd.Series([()] * len(frame)))


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
    compare on one of them. Results without any mean are left out.
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
            for name in optimizers_with_mean(reference, track):
                row = {"optimizer": reference.study.label(name), "track": track, "notes": MARK}
                means = {
                    header: _mean(reference, members[group], group, name, track)
                    for header, group in headers.items()
                    if header in columns
                }
                overall = _mean(reference, [*results.problems], ALL_PROBLEMS, name, track)
                if np.isnan([overall[1], *(mean for _, mean, _ in means.values())]).all():
                    continue  # the tables of problems have its scores
                cells.append(row | {header: _format(mean) for header, mean in means.items()})
                scores.append((row["optimizer"], track, *overall))
    frame = pd.DataFrame(scores, columns=["optimizer", "track", *_LIMITS])
    ranked = frame.sort_values("score", ascending=False, kind="stable")
    order = [index for track in tracks for index in ranked.index[ranked["track"] == track]]
    return ReferenceMeans(
        pd.DataFrame(cells, columns=list(columns)).fillna("").iloc[order], frame.iloc[order]
    )


def describe_references(results: Results) -> list[str]:
    """Return sentences on the grey lines and on reference results that are left out."""
    sentences = []
    for reference in results.references:
        versions = ", ".join(f"{name} {version}" for name, version in reference.study.versions.items())
        sentences.append(
            f"Grey lines, and rows with the note “{MARK}”: the results {reference.study.title}"
            f"{f' ({versions})' if versions else ''} on {plural(len(reference.problems), 'problem')} of this study; "
            "they are never bold. Against seconds they are not drawn, because they ran at another time or on another "
            "machine."
        )
    if results.reference_comparisons is not None and len(results.reference_comparisons):
        sentences.append("Tests against them are adjusted apart from those between optimizers of the study.")
    return [*sentences, *results.reference_remarks]


def positions_among_references(results: Results) -> list[str]:
    """Return a sentence for each track: from how many reference scores the highest of the study differs significantly.

    The scores are means over all problems, or those on the only problem. Scores without a test are counted apart; if
    none has one, those that are lower are counted. A last sentence states the conditions of a test.
    """
    tracks = [*dict.fromkeys(results.summary["track"])]
    table = ALL_PROBLEMS
    if len(results.problems) == 1:
        (table,) = results.problems
        own = results.summary[~has_note(results.summary, Note.EXACT_ORACLE)]
        others = reference_summary(results)
    else:
        own = results.overall[results.overall["group"] == ALL_PROBLEMS]
        others = mean_rows(results, [], tracks).scores
    pairs = results.reference_comparisons
    pairs = results.comparisons.iloc[:0] if pairs is None else pairs[pairs["problem"] == table]
    sentences, untested = [], 0
    for track in tracks:
        scores = own[(own["track"] == track) & own["score"].notna()]
        of_references = others[(others["track"] == track) & others["score"].notna()]
        if scores.empty or of_references.empty:
            continue
        best = scores.loc[scores["score"].idxmax()]
        name, heading = f"{best['optimizer']} ({fixed(best['score'], 3)})", f"{track.capitalize()} track"
        is_of_best = (pairs["track"] == track) & (pairs["first"] == best["optimizer"])
        tests = pairs.loc[is_of_best, ["second", "difference", "p_value", "adjusted_p", "is_apart"]]
        compared = of_references[["optimizer", "score"]].merge(tests, left_on="optimizer", right_on="second")
        tested = compared[compared["p_value"].notna()]
        further = len(of_references) - len(tested)
        untested += further
        if tested.empty:
            lower = int((of_references["score"] < best["score"]).sum())
            count = plural(len(of_references), "reference score")
            sentences.append(f"{heading}, without a test: {name} is above {lower} of {count}.")
            continue
        differences = tested["difference"][tested["is_apart"].astype(bool)]
        highest = tested.loc[tested["score"].idxmax()]
        rest = f"; {plural(further, 'further score')} cannot be tested" if further else ""
        sentences.append(
            f"{heading}: {name} is significantly above {(differences > 0).sum()} and below {(differences < 0).sum()} "
            f"of {plural(len(tested), 'tested reference score')}, of which the highest is that of "
            f"{highest['optimizer']}, {fixed(highest['score'], 3)} (adjusted p {format_p(highest['adjusted_p'])})"
            f"{rest}."
        )
    return [*sentences, _NO_TEST] if untested else sentences


def _mean(
    reference: MatchedReference, problems: Sequence[str], group: str, optimizer: str, track: str
) -> tuple[float, float, float]:
    """Return low limit, mean and high limit."""
    scores = {
        row.problem: row.score
        for row in reference.study.summary
        if (row.optimizer, row.track) == (optimizer, track) and row.score is not None
    }
    if not all(problem in reference.problems and problem in scores for problem in problems):
        return _NO_MEAN
    low = high = np.nan
    if set(problems) == {p.label for p in reference.study.problems if group in (ALL_PROBLEMS, p.group)}:
        for row in reference.study.overall:
            if (row.group, row.optimizer, row.track) == (group, optimizer, track):
                low, high = (np.nan if limit is None else limit for limit in (row.score_low, row.score_high))
    return low, float(np.mean([scores[problem] for problem in problems])), high


def _format(mean: tuple[float, float, float]) -> str:
    low, score, high = mean
    return f"{fixed(score, 3)} [{fixed(low)}, {fixed(high)}]" if not np.isnan(low) else fixed(score, 3)
