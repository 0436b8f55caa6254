"""Say which rows of the summary are compared, which of them is the best, and in what order they stand."""

import math

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import EXACT_ORACLE

TIE = 1e-9  # protocol, rule 11
EXACT_MARK = "†"
"""Stands beside what saw the exact oracle."""


def remarks(notes: object) -> list[str]:
    """Give the separate remarks of a cell of `notes`, which joins them by a semicolon."""
    return [part.strip() for part in notes.split(";") if part.strip()] if isinstance(notes, str) else []


def is_exact(notes: object) -> bool:
    """Tell whether a row was run with the exact oracle, and so is not compared with the others."""
    return EXACT_ORACLE in remarks(notes)


def best_rows(summary: pd.DataFrame) -> "pd.Series[bool]":
    """Mark the highest score of each problem and track; ties share the mark, a score of 0 never has it."""
    compared = summary["score"].where(~summary["notes"].map(is_exact).astype(bool))
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
            "exact": rows["notes"].map(is_exact).astype(bool).to_numpy(),
            "score": -rows["score"].fillna(-math.inf).to_numpy(dtype=float),
            "gap": rows["gap"].fillna(math.inf).to_numpy(dtype=float),
        }
    )
    columns = ["gap", "score", "exact", "track"]
    return rows.iloc[np.lexsort([order[column].to_numpy() for column in columns])]
