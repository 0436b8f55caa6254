"""Outcomes of stored trials: the part of a row that selection, scores and tables use."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from benchbed.interfaces import MEASURED_STATUSES, SkippedBecause, TrialStatus
from benchbed.tuning.scores import trial_scores

COLUMNS = [
    "trial_key", "status", "budget", "final_objective", "gap", "calls_to_target", "reads_progress", "error",
]  # fmt: skip


class Outcome(NamedTuple):
    """The result of a trial."""

    status: TrialStatus
    score: float
    """NaN without a known optimum."""
    gap: float
    """Final gap, or final objective without a known optimum; +inf unless the final point is a result."""
    reads_progress: bool = False
    """Whether the update read the share of the budget that is spent."""
    skipped_because: str = ""
    """Reason why the trial was skipped; empty if it was not."""


def outcomes_of(trials: pa.Table) -> dict[str, Outcome]:
    """Return the outcome of every trial by its key."""
    rows = trials.select(COLUMNS).to_pylist()
    # Trials of one budget and as many targets are scored together.
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for position, row in enumerate(rows):
        if row["calls_to_target"] is not None:  # null where nothing was measured: the score is 0
            groups[row["budget"], len(row["calls_to_target"])].append(position)
    scores = np.zeros(len(rows))
    for (budget, _), positions in groups.items():
        calls = np.array([rows[position]["calls_to_target"] for position in positions], dtype=float)
        scores[positions] = trial_scores(
            np.where(np.isnan(calls), np.inf, calls), budget
        )  # null: not reached
    outcomes = {}
    for row, score in zip(rows, scores.tolist(), strict=True):
        status = TrialStatus(row["status"])
        final = row["gap"] if row["gap"] is not None else row["final_objective"]
        is_result = status in MEASURED_STATUSES and final is not None and math.isfinite(final)
        outcomes[row["trial_key"]] = Outcome(
            status,
            score,
            gap=float(final) if is_result else math.inf,
            reads_progress=bool(row["reads_progress"]),
            skipped_because=str(row["error"] or "") if status is TrialStatus.SKIPPED else "",
        )
    return outcomes


def notes_on_skipping(outcomes: Iterable[Outcome]) -> list[SkippedBecause]:
    """Return a note for each reason why any of these trials were skipped."""
    reasons = dict.fromkeys(outcome.skipped_because for outcome in outcomes)
    return [SkippedBecause(reason) for reason in reasons if reason]
