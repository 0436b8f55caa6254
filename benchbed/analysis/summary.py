"""Summary of a study: one row a problem × optimizer × track."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import RowLabels
from benchbed.analysis.intervals import median_interval, overall_interval, success_interval
from benchbed.analysis.strata import Sampling
from benchbed.interfaces import Note, TrialStatus
from benchbed.interfaces.notes import TargetsLost
from benchbed.plan import ProblemPlan
from benchbed.seeds import original_name
from benchbed.tuning.outcomes import lower_median
from benchbed.tuning.scheduling import EvaluatedSetting

STATUSES = [status.value for status in TrialStatus]
_LABELS = ["problem", "optimizer", "track"]
COLUMNS = [
    *_LABELS, "hyperparameters", "settings_tried", "trials", "score", "score_low", "score_high",
    "target", "success_rate", "success_low", "success_high", "median_calls", "calls_low", "calls_high", "gap",
    "objective", "objective_low", "objective_high",
    *STATUSES, "notes",
]  # fmt: skip


def summary_of(
    rows: Iterable[tuple[ProblemPlan, EvaluatedSetting]],
    outcomes: pd.DataFrame,
    shifts: Mapping[RowLabels, np.ndarray] = MappingProxyType({}),
) -> pd.DataFrame:
    """Compute the columns of `summary.csv`; intervals are those of 95 %, medians are lower medians and may be +inf.

    `shifts` are those of the rows whose setting was chosen, see `selection_shifts`.

    A deterministic row has one trial and no intervals (NaN); a row with a single seed has none of score and calls.
    """
    grouped = dict(iter(outcomes.groupby(_LABELS, sort=False)))
    records = []
    for problem, row in rows:
        labels = (problem.label, row.entrant.label, row.track)
        trials = grouped.get(labels, outcomes.iloc[:0])
        records.append(
            {
                **dict(zip(_LABELS, labels, strict=True)),
                **_summarize(problem, row, trials, shifts.get(labels)),
            }
        )
    return pd.DataFrame(records, columns=COLUMNS)


def success_position(targets: Sequence[float], success_target: float) -> int:
    """Return the position of the success target among the targets, or of the nearest one on a logarithmic scale."""
    if success_target in targets:
        return list(targets).index(success_target)
    distances = [abs(math.log(target / success_target)) for target in targets]
    return distances.index(min(distances))


def _summarize(
    problem: ProblemPlan, row: EvaluatedSetting, trials: pd.DataFrame, shift: np.ndarray | None
) -> dict[str, Any]:
    counts, objectives = trials["status"].value_counts(), trials["objective"].to_numpy(dtype=float)
    summary: dict[str, Any] = {
        "hyperparameters": json.dumps(row.hyperparameters),
        "settings_tried": row.settings_tried,
        "trials": len(trials),
        "gap": lower_median(trials["gap"].to_numpy(dtype=float)),
        "objective": lower_median(objectives),
        **{status: int(counts.get(status, 0)) for status in STATUSES},
        "notes": row.notes,
    }
    if Note.DETERMINISTIC not in row.notes:
        limits = median_interval(objectives)
        summary |= {"objective_low": limits.low, "objective_high": limits.high}
    if not problem.is_scored or trials.empty:
        return summary
    position = success_position(problem.targets, problem.success_target)
    calls = np.array([reached[position] for reached in trials["calls_to_target"]], dtype=float)  # [seeds]
    successes = int(np.isfinite(calls).sum())
    summary |= {
        "score": float(trials["score"].mean()),
        "target": problem.targets[position],
        "success_rate": float(np.isfinite(calls).mean()),
        "median_calls": lower_median(calls),
    }
    if problem.has_optimum and not problem.target_metric:
        summary["notes"] = (*row.notes, *_lost_targets(trials, problem.targets))
    if Note.DETERMINISTIC in row.notes:
        return summary
    score_limits = overall_interval(
        [trials["score"].to_numpy(dtype=float)],
        [Sampling(original_name(problem.name), problem.start_strata)],
        shift,
    )
    calls_limits = median_interval(calls)
    success_low, success_high = success_interval(successes, len(calls))
    indicative = (Note.INDICATIVE_INTERVAL,) if score_limits.is_indicative else ()
    return summary | {
        "score_low": score_limits.low,
        "score_high": score_limits.high,
        "success_low": success_low,
        "success_high": success_high,
        "calls_low": calls_limits.low,
        "calls_high": calls_limits.high,
        "notes": (*summary["notes"], *indicative),
    }


def _lost_targets(trials: pd.DataFrame, targets: Sequence[float]) -> tuple[TargetsLost, ...]:
    """Return a note if a trial reached a target, and ended above it: it was luck, or the rate is too large."""
    reached = np.isfinite(np.array(trials["calls_to_target"].to_list(), dtype=float))  # [seeds, targets]
    lost = reached & (trials["gap"].to_numpy(dtype=float)[:, None] > np.array(targets))
    return (TargetsLost(int(lost.sum()), int(reached.sum())),) if lost.any() else ()
