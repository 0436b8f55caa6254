"""Summarize every row of a study: one a problem × optimizer × track."""

import json
import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.scores import lower_median
from benchbed.analysis.tracks import Placement
from benchbed.plan import Pairing, Plan, ProblemPlan

STATUSES = (
    "solved", "converged", "exhausted", "diverged", "failed", "crashed", "timed_out", "out_of_memory", "skipped",
)  # fmt: skip
COLUMNS = [
    "problem", "optimizer", "track", "hyperparameters", "settings_tried", "trials", "score", "score_low", "score_high",
    "target", "success_rate", "success_low", "success_high", "median_calls", "calls_low", "calls_high", "gap",
    *STATUSES, "notes",
]  # fmt: skip


def summary_of(
    plan: Plan, placed: Iterable[tuple[Pairing, Placement]], outcomes: pd.DataFrame
) -> pd.DataFrame:
    """Give the columns of `summary.csv`; intervals are those of 95 %, medians are lower medians and may be +inf."""
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
        "notes": "; ".join(placement.notes),
    }
    if problem.has_optimum and len(trials):
        row |= _success(problem, trials) | _score_limits(placement, trials)
    return row


def _success(problem: ProblemPlan, trials: pd.DataFrame) -> dict[str, float]:
    from benchbed.analysis.intervals import (  # imports SciPy, which takes a second
        calls_interval,
        success_interval,
    )

    position = success_position(problem)
    calls = np.array([reached[position] for reached in trials["calls_to_target"]], dtype=float)
    reached = np.isfinite(calls)
    low, high = success_interval(int(reached.sum()), len(calls))
    limits = calls_interval(calls)
    return {
        "target": problem.targets[position],
        "success_rate": float(reached.mean()),
        "success_low": low,
        "success_high": high,
        "median_calls": lower_median(calls),
        "calls_low": limits.low,
        "calls_high": limits.high,
    }


def _score_limits(placement: Placement, trials: pd.DataFrame) -> dict[str, Any]:
    from benchbed.analysis.intervals import score_interval  # imports SciPy, which takes a second

    interval = score_interval(trials["score"].to_numpy(dtype=float))
    notes = (*placement.notes, *(["indicative interval"] if interval.is_indicative else []))
    return {"score_low": interval.low, "score_high": interval.high, "notes": "; ".join(notes)}


def success_position(problem: ProblemPlan) -> int:
    """Find the success target among the targets: the nearest one, where a problem does not list it itself."""
    distances = [abs(math.log(target / problem.success_target)) for target in problem.targets]
    return distances.index(min(distances))
