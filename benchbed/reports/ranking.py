"""Order of the rows of a table, marks for the best, and the limit of the number of optimizers in one plot."""

import math

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import has_note
from benchbed.analysis.intervals import TIE
from benchbed.interfaces import ALL_PROBLEMS, LOST_STATUSES, Note, Results

MOST = 24
"""Largest number of optimizers in one plot."""


def limit_optimizers(results: Results) -> tuple[Results, str]:
    """Return the results of the best `MOST` optimizers in the order of the plan, and a note if some were left out.

    The best have the highest mean score over problems and tracks, then the smallest median gap or objective. Tables
    contain all.
    """
    if len(results.optimizers) <= MOST:
        return results, ""
    rows = results.summary.groupby("optimizer", sort=False)
    means = rows.agg(score=("score", "mean"), gap=("gap", "median"), objective=("objective", "median"))
    ranked = means.sort_values(["score", "gap", "objective"], ascending=[False, True, True], kind="stable")
    best = set(ranked.index[:MOST])
    frames = {
        name: frame[frame["optimizer"].isin(best)]
        for name, frame in results._asdict().items()
        if name in ("outcomes", "tuning", "summary", "best_of_k")
    }
    limited = results._replace(
        optimizers=tuple(name for name in results.optimizers if name in best), **frames
    )
    return limited, (
        f"Only the {MOST} best of {len(results.optimizers)} optimizers by mean score; the tables contain all of them."
    )


def main_table(results: Results) -> str:
    """Return the table that compares optimizers on the whole study: over all problems, or of the only one."""
    return ALL_PROBLEMS if len(results.problems) > 1 else next(iter(results.problems))


def best_rows(summary: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows have the highest score of their problem and track: all tied rows, none with a score of 0."""
    compared = summary["score"].where(~has_note(summary, Note.EXACT_ORACLE))
    highest = compared.groupby([summary["problem"], summary["track"]], sort=False).transform("max")
    return (compared > 0) & (compared >= highest - TIE)


def leading_rows(summary: pd.DataFrame, groups: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows have the highest score of their table or are not significantly different from it.

    These are the rows of the first group, also those with a score of 0, except rows of which all trials diverged or
    failed. There are none if the highest score is 0. In a table without compared rows they are those with the highest
    score. A row of a mean over problems has the numbers of trials of all of them.
    """
    first = groups[groups["group"] == 1]
    leading = set(zip(first["problem"], first["track"], first["optimizer"], strict=True))
    rows = zip(summary["problem"], summary["track"], summary["optimizer"], strict=True)
    leads = pd.Series([row in leading for row in rows], index=summary.index, dtype=bool)
    tables = [summary["problem"], summary["track"]]
    is_compared = leads.groupby(tables, sort=False).transform("any")
    highest = summary["score"].where(leads).groupby(tables, sort=False).transform("max")
    is_lost = summary[list(LOST_STATUSES)].sum(axis=1) >= summary["trials"]
    # Without scores, the groups are those of the final objective.
    return (leads & ~(highest <= 0) & ~is_lost) | (best_rows(summary) & ~is_compared)


def rank_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows of one problem by track, compared rows first, then by score, gap and objective."""
    keys = [
        rows["objective"].fillna(math.inf).to_numpy(dtype=float),
        rows["gap"].fillna(math.inf).to_numpy(dtype=float),
        -rows["score"].fillna(-math.inf).to_numpy(dtype=float),
        has_note(rows, Note.EXACT_ORACLE).to_numpy(),
        pd.factorize(rows["track"])[0],
    ]
    return rows.iloc[np.lexsort(keys)]
