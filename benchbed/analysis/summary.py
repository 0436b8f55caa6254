"""Summarize every row of a study: one a problem × optimizer × track."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import calls_interval, score_interval, success_interval
from benchbed.interfaces import Note, TrialStatus
from benchbed.plan import Pairing, Plan, ProblemPlan
from benchbed.tuning.scheduling import Placement
from benchbed.tuning.scores import lower_median

STATUSES = [status.value for status in TrialStatus]
COLUMNS = [
    "problem", "optimizer", "track", "hyperparameters", "settings_tried", "trials", "score", "score_low", "score_high",
    "target", "success_rate", "success_low", "success_high", "median_calls", "calls_low", "calls_high", "gap",
    *STATUSES, "notes",
]  # fmt: skip


def summary_of(
    plan: Plan, placed: Iterable[tuple[Pairing, Placement]], outcomes: pd.DataFrame
) -> pd.DataFrame:
    """Give the columns of `summary.csv`; intervals are those of 95 %, medians are lower medians and may be +inf.

    A deterministic row has one trial and no interval (NaN); nor have score and calls of any row with a single seed.
    """
    grouped = dict(iter(outcomes.groupby(["problem", "optimizer", "track"], sort=False)))
    rows = []
    for pairing, placement in placed:
        key = (pairing.problem.label, placement.entrant.label, placement.track)
        trials = grouped.get(key, outcomes.iloc[:0])
        rows.append({**dict(zip(COLUMNS, key, strict=False)), **_row(pairing.problem, placement, trials)})
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(problem: ProblemPlan, placement: Placement, trials: pd.DataFrame) -> dict[str, Any]:
    counts = trials["status"].value_counts()
    row: dict[str, Any] = {
        "hyperparameters": json.dumps(placement.hyperparameters),
        "settings_tried": placement.settings_tried,
        "trials": len(trials),
        "score": float(trials["score"].mean()) if problem.has_optimum and len(trials) else math.nan,
        "gap": lower_median(trials["gap"].to_numpy(dtype=float)),
        **{status: int(counts.get(status, 0)) for status in STATUSES},
        "notes": placement.notes,
    }
    if problem.has_optimum and len(trials):
        row |= _success(problem, trials)
        if not problem.is_deterministic_for(placement.entrant):
            row |= _success_limits(problem, trials) | _score_limits(placement, trials)
    return row


def _success(problem: ProblemPlan, trials: pd.DataFrame) -> dict[str, float]:
    calls = _success_calls(problem, trials)
    return {
        "target": problem.targets[success_position(problem.targets, problem.success_target)],
        "success_rate": float(np.isfinite(calls).mean()),
        "median_calls": lower_median(calls),
    }


def _success_limits(problem: ProblemPlan, trials: pd.DataFrame) -> dict[str, float]:
    calls = _success_calls(problem, trials)
    low, high = success_interval(int(np.isfinite(calls).sum()), len(calls))
    limits = calls_interval(calls)
    return {"success_low": low, "success_high": high, "calls_low": limits.low, "calls_high": limits.high}


def _success_calls(problem: ProblemPlan, trials: pd.DataFrame) -> np.ndarray:
    """Give the calls to the success target, `[seeds]`, +inf where it was not reached."""
    position = success_position(problem.targets, problem.success_target)
    return np.array([reached[position] for reached in trials["calls_to_target"]], dtype=float)


def _score_limits(placement: Placement, trials: pd.DataFrame) -> dict[str, Any]:
    interval = score_interval(trials["score"].to_numpy(dtype=float))
    notes = (*placement.notes, *([Note.INDICATIVE_INTERVAL] if interval.is_indicative else []))
    return {"score_low": interval.low, "score_high": interval.high, "notes": notes}


def success_position(targets: Sequence[float], success_target: float) -> int:
    """Return the position of the success target among the targets, or of the nearest one on a logarithmic scale."""
    distances = [abs(math.log(target / success_target)) for target in targets]
    return distances.index(min(distances))
