"""Order of the rows of a table, and marks for the best."""

import math

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import has_note
from benchbed.analysis.intervals import TIE
from benchbed.interfaces import Note

EXACT_MARK = "†"
"""Marks optimizers that used the exact oracle."""


def best_rows(summary: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows have the highest score of their problem and track: all tied rows, none with a score of 0."""
    compared = summary["score"].where(~has_note(summary, Note.EXACT_ORACLE))
    highest = compared.groupby([summary["problem"], summary["track"]], sort=False).transform("max")
    return (compared > 0) & (compared >= highest - TIE)


def leading_rows(summary: pd.DataFrame, groups: pd.DataFrame) -> "pd.Series[bool]":
    """Return which rows have the highest score of their table or are not significantly different from it."""
    first = groups[groups["group"] == 1]
    leading = set(zip(first["problem"], first["track"], first["optimizer"], strict=True))
    rows = zip(summary["problem"], summary["track"], summary["optimizer"], strict=True)
    is_grouped = pd.Series([row in leading for row in rows], index=summary.index, dtype=bool)
    return (is_grouped & (summary["score"] > 0)) | best_rows(summary)


def rank_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort the rows of one problem by track, compared rows first, then by falling score, then by growing gap."""
    keys = [
        rows["gap"].fillna(math.inf).to_numpy(dtype=float),
        -rows["score"].fillna(-math.inf).to_numpy(dtype=float),
        has_note(rows, Note.EXACT_ORACLE).to_numpy(),
        pd.factorize(rows["track"])[0],
    ]
    return rows.iloc[np.lexsort(keys)]
