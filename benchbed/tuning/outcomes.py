"""Reduce a stored trial to what selection, scores and tables need of it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchbed.interfaces.notes import SkippedBecause
from benchbed.interfaces.statuses import MEASURED_STATUSES, TrialStatus
from benchbed.tuning.scores import trial_scores

COLUMNS = [
    "trial_key", "status", "budget", "final_objective", "gap", "calls_to_target", "reads_progress", "error",
]  # fmt: skip


class Outcome(NamedTuple):
    """A trial's ending."""

    status: TrialStatus
    score: float
    """NaN without a known optimum."""
    gap: float
    """Gap at the end, or the final objective without a known optimum; +inf unless the trial ended well."""
    reads_progress: bool = False
    """The harness saw its update ask for the share of the budget that is spent."""
    skipped_because: str = ""
    """Why it was skipped; empty where it was not."""


def outcomes_of(trials: pa.Table) -> dict[str, Outcome]:
    """Give the outcome of every trial by its key."""
    rows = trials.select(COLUMNS).to_pylist()
    scores = _scores(rows).tolist()
    return {row["trial_key"]: _outcome(row, score) for row, score in zip(rows, scores, strict=True)}


def _outcome(row: Mapping[str, Any], score: float) -> Outcome:
    status = TrialStatus(row["status"])
    final = row["gap"] if row["gap"] is not None else row["final_objective"]
    measured = status in MEASURED_STATUSES and final is not None and math.isfinite(final)
    reason = str(row["error"] or "") if status == TrialStatus.SKIPPED else ""
    gap = float(final) if measured else math.inf
    return Outcome(status, score, gap, bool(row["reads_progress"]), reason)


def knows_budget(keys: Iterable[str], known: Mapping[str, Outcome]) -> bool:
    """Tell whether any of the trials `keys` that are known asked for the share of the budget spent."""
    return any(known[key].reads_progress for key in keys if key in known)


def reasons_for_skipping(keys: Iterable[str], known: Mapping[str, Outcome]) -> list[SkippedBecause]:
    """Return a note for each reason why any of the trials `keys` were skipped."""
    reasons = (known[key].skipped_because for key in keys if key in known)
    return [SkippedBecause(reason) for reason in dict.fromkeys(reasons) if reason]


def _scores(rows: Sequence[Mapping[str, Any]]) -> np.ndarray:
    """Give the score of each row, all of one budget and as many targets at once."""
    alike: dict[tuple[int, int], list[int]] = defaultdict(list)
    for place, row in enumerate(rows):
        # Where nothing was measured, no target was reached. Whether there are targets is for the plan to say.
        if row["calls_to_target"] is not None:
            alike[row["budget"], len(row["calls_to_target"])].append(place)
    scores = np.zeros(len(rows))
    for (budget, _), places in alike.items():
        # What was not reached is null in the store, and NaN here.
        calls = np.array([rows[place]["calls_to_target"] for place in places], dtype=float)
        scores[places] = trial_scores(np.where(np.isnan(calls), np.inf, calls), budget)
    return scores
