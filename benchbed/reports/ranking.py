"""Say which rows of the summary are compared, which of them is the best, and in what order they stand."""

import math

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import has_note
from benchbed.analysis.intervals import TIE
from benchbed.interfaces import Note

EXACT_MARK = "†"
"""Stands beside what saw the exact oracle."""


def best_rows(summary: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the highest score of each problem and track; ties share the mark, a score of 0 never has it."""
    compared = summary["score"].where(~has_note(summary, Note.EXACT_ORACLE))
    highest = compared.groupby([summary["problem"], summary["track"]], sort=False).transform("max")
    return (compared > 0) & (compared >= highest - TIE)


def leading_rows(summary: pd.DataFrame, groups: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the rows of each table's first group: the highest score and all that are not told apart from it."""
    first = groups[groups["group"] == 1]
    leading = set(zip(first["problem"], first["track"], first["optimizer"], strict=True))
    rows = zip(summary["problem"], summary["track"], summary["optimizer"], strict=True)
    grouped = pd.Series([row in leading for row in rows], index=summary.index, dtype=bool)
    return (grouped & (summary["score"] > 0)) | best_rows(summary)


def ranked(rows: pd.DataFrame) -> pd.DataFrame:
    """Order one problem's rows by track, compared rows first, then by falling score, then by growing gap."""
    order = pd.DataFrame(
        {
            "track": pd.factorize(rows["track"])[0],
            "exact": has_note(rows, Note.EXACT_ORACLE).to_numpy(),
            "score": -rows["score"].fillna(-math.inf).to_numpy(dtype=float),
            "gap": rows["gap"].fillna(math.inf).to_numpy(dtype=float),
        }
    )
    columns = ["gap", "score", "exact", "track"]
    return rows.iloc[np.lexsort([order[column].to_numpy() for column in columns])]
