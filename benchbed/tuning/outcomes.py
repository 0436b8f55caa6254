"""Reduce a stored trial to what selection, scores and tables need of it."""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchbed.tuning.scores import trial_scores

MEASURED = frozenset({"solved", "converged", "exhausted"})
"""Statuses of a trial whose final point is a result; any other counts as +∞."""

COLUMNS = [
    "trial_key", "status", "budget", "final_objective", "gap", "calls_to_target", "reads_progress", "error",
]  # fmt: skip

KNOWS_BUDGET = "knows the budget"
"""Remark on an optimizer whose update asks for the share of the budget that is spent (protocol, rule 6)."""


class Outcome(NamedTuple):
    """A trial's ending."""

    status: str
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
    status = str(row["status"])
    final = row["gap"] if row["gap"] is not None else row["final_objective"]
    measured = status in MEASURED and final is not None and math.isfinite(final)
    reason = str(row["error"] or "") if status == "skipped" else ""
    gap = float(final) if measured else math.inf
    return Outcome(status, score, gap, bool(row["reads_progress"]), reason)


def knows_budget(keys: Iterable[str], known: Mapping[str, Outcome]) -> bool:
    """Tell whether any of the trials `keys` that are known asked for the share of the budget spent."""
    return any(known[key].reads_progress for key in keys if key in known)


def reasons_for_skipping(keys: Iterable[str], known: Mapping[str, Outcome]) -> list[str]:
    """Remark on why any of the trials `keys` were skipped, each reason once; remarks are joined by semicolons."""
    reasons = (known[key].skipped_because for key in keys if key in known)
    return list(dict.fromkeys(f"skipped: {reason.replace(';', ',')}" for reason in reasons if reason))


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
