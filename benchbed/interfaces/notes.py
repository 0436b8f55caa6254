"""Notes on the rows of a summary, reasons why a row is not compared, and the wording of both.

Code that decides something looks at the members; only tables, CSV and JSON contain the wording.
"""

import re
from collections.abc import Iterable
from enum import Enum
from typing import NamedTuple


class Note(Enum):
    """Note on a row of the summary; the value is its wording."""

    EXACT_ORACLE = "exact oracle"
    """The gradient lacks the noise of the other rows', so the row is not compared with them (protocol, rule 3)."""
    DETERMINISTIC = "deterministic"
    """No trial depends on its seed: a single trial runs and represents every seed."""
    NOTHING_TO_TUNE = "nothing to tune"
    """The optimizer has no learning rate to tune, or no search space."""
    BEST_AT_LOWER_EDGE = "best rate at the lower edge of the grid"
    """The lowest learning rate won, and the grid could not be extended further."""
    BEST_AT_UPPER_EDGE = "best rate at the upper edge of the grid"
    """The highest learning rate won, and the grid could not be extended further."""
    KNOWS_BUDGET = "knows the budget"
    """The update reads the share of the budget that is spent (protocol, rule 6)."""
    INDICATIVE_INTERVAL = "indicative interval"
    """Too few seeds, or too few different scores, for an interval of 95 % (protocol, rule 10)."""


class GridExtended(NamedTuple):
    """Note on a row whose grid of learning rates was extended."""

    lowest: float
    highest: float


class SkippedBecause(NamedTuple):
    """Note on a row of which trials were skipped."""

    reason: str


class MetricNotMeasured(NamedTuple):
    """Note on a row of which a metric has no value in some trial."""

    metric: str
    reason: str


class NoScoreBecause(NamedTuple):
    """Note on a row whose score is withheld, because the optimum or the scale of a trial is not known."""

    reason: str


class TargetsNotScored(NamedTuple):
    """Note on a row whose hardest targets are below the last digit of f*, so that rounding would decide about them."""

    targets: int
    dtype: str


class TargetsLost(NamedTuple):
    """Note on a row of which some trials ended above targets that they had reached."""

    lost: int
    reached: int


RowNote = (
    TargetsLost | Note | GridExtended | SkippedBecause | MetricNotMeasured | NoScoreBecause | TargetsNotScored
)


class Exclusion(Enum):
    """Reason why a row is not compared, or has no overall score; the value is its wording."""

    SKIPPED = "skipped"
    EXACT_ORACLE = "exact oracle"
    NO_SCORE = "no score"
    DEFAULT_TRACK = "default track"
    """Default rates measure the distance of the start over rate times budget, which no mean over problems means."""
    OTHER_SEEDS = "different seeds"
    NO_OBJECTIVE = "some trial has no final objective"


def describe_note(note: RowNote) -> str:  # noqa: PLR0911 - one return a kind of note
    """Return the wording of a note, without semicolons, which separate notes."""
    match note:
        case GridExtended(lowest, highest):
            return f"grid extended to {lowest:g}…{highest:g}"
        case SkippedBecause(reason):
            return f"skipped: {_on_one_line(reason)}"
        case MetricNotMeasured(metric, reason):
            return f"metric {metric} not measured: {_on_one_line(reason)}"
        case NoScoreBecause(reason):
            return f"no score: {_on_one_line(reason)}"
        case TargetsNotScored(targets, dtype):
            subject = "the hardest target is" if targets == 1 else f"the {targets} hardest targets are"
            return f"{subject} not scored: {dtype} cannot resolve them beside the optimum"
        case TargetsLost():
            return f"{note.lost} of {note.reached} reached targets lost again before the end"
        case _:
            return note.value


def describe_kind(note: RowNote) -> str:
    """Return the wording of a note without the counts of its row, so that rows share a footnote."""
    is_counted = isinstance(note, TargetsLost)
    return "some reached targets lost again before the end" if is_counted else describe_note(note)


def _on_one_line(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip()).replace(";", ",")


def format_notes(notes: Iterable[RowNote]) -> str:
    """Join the wordings of notes as in the column `notes` of `summary.csv`."""
    return "; ".join(map(describe_note, notes))


def describe_missing_score(exclusion: Exclusion | None) -> str:
    """Return why an overall score is missing; empty if it is not."""
    if exclusion is None:
        return ""
    return exclusion.value if exclusion is Exclusion.DEFAULT_TRACK else f"{exclusion.value} on some problem"
