"""Optimizers in one table, as findings describe them."""

import math
from collections import Counter
from typing import NamedTuple

import pandas as pd

from benchbed.analysis.aggregate import has_note
from benchbed.formatting import plural
from benchbed.interfaces import Exclusion, Note
from benchbed.interfaces.notes import describe_missing_score

_EDGES = {Note.BEST_AT_LOWER_EDGE: "lower", Note.BEST_AT_UPPER_EDGE: "upper"}
_LIMITS = ["score", "score_low", "score_high"]


class TableEntry(NamedTuple):
    """An optimizer in one table."""

    score: float
    low: float
    high: float
    is_indicative: bool
    exclusion: str
    """Reason why it is not compared; empty if only its number of seeds can be the reason."""
    caution: str = ""


def problem_entries(rows: pd.DataFrame) -> dict[str, TableEntry]:
    """Return the optimizers of the table of a problem; `rows` are those of the summary."""
    entries = {}
    columns = rows[["optimizer", *_LIMITS, "skipped", "notes"]]
    for name, score, low, high, skipped, notes in columns.itertuples(index=False):
        exclusions = {
            Exclusion.EXACT_ORACLE: Note.EXACT_ORACLE in notes,
            Exclusion.SKIPPED: bool(skipped),
            Exclusion.NO_SCORE: math.isnan(score),
        }
        exclusion = next((reason.value for reason, applies in exclusions.items() if applies), "")
        edge = next((edge for note, edge in _EDGES.items() if note in notes), "")
        caution = f"with its best learning rate at the {edge} edge of the grid" if edge else ""
        is_indicative = Note.INDICATIVE_INTERVAL in notes
        entries[str(name)] = TableEntry(score, low, high, is_indicative, exclusion, caution)
    return entries


def overall_entries(summary: pd.DataFrame, overall: pd.DataFrame) -> dict[str, TableEntry]:
    """Return the optimizers of the table of a mean over problems; `summary` are the rows of these problems."""
    # A row with a single trial, which does not depend on its seed, has no part in the interval of the mean.
    sampled = summary[summary["trials"] > 1]
    indicative = set(sampled["optimizer"][has_note(sampled, Note.INDICATIVE_INTERVAL)])
    at_edge = Counter(
        str(name)
        for name, notes in zip(summary["optimizer"], summary["notes"], strict=True)
        if not _EDGES.keys().isdisjoint(notes)
    )
    return {
        str(name): TableEntry(
            score,
            low,
            high,
            name in indicative,
            describe_missing_score(reason),
            f"with its best learning rate at an edge of the grid on {plural(at_edge[name], 'problem')}"
            if at_edge[name]
            else "",
        )
        for name, score, low, high, reason in overall[["optimizer", *_LIMITS, "reason"]].itertuples(
            index=False
        )
    }
