"""Gather what stands beside the score (protocol, rule 9): one row a problem × optimizer × track."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.basin import basin_shares
from benchbed.analysis.robustness import UNKNOWN, Robustness
from benchbed.interfaces.results import ProblemFacts
from benchbed.tuning.scores import lower_median

_LABELS = ["problem", "optimizer", "track"]
COLUMNS = [
    *_LABELS, "target", "success_rate", "success_baseline", "median_calls", "hardest_target", "hardest_calls",
    "hardest_low", "hardest_high", "hardest_level", "gap", "robustness_decades", "share_diverged",
    "microseconds_per_step", "state_bytes_per_parameter",
]  # fmt: skip


def measures_of(
    summary: pd.DataFrame,
    outcomes: pd.DataFrame,
    problems: Mapping[str, ProblemFacts],
    stored: Mapping[str, Mapping[str, Any]],
    robustness: Mapping[tuple[str, str], Robustness],
) -> pd.DataFrame:
    """Give the measures of every row of `summary`, in its order; `stored` holds the trials of `outcomes` by key.

    - `target`, `success_rate`, `median_calls`, `gap`: as in `summary`; without a known optimum `gap` is the objective.
    - `success_baseline`: the share of the problem's starts that lie in the basin of the optimum, the same for all who
      start there; NaN where there is no such thing, or unknown.
    - `hardest_target`: the smallest gap that at least half of the trials reach, NaN if there is none; `hardest_calls`,
      the lower median of the calls to it, is then +inf. `hardest_low` and `hardest_high` bound it by order statistics
      that attain the level `hardest_level`; they may be +inf, and are NaN for a single trial.
    - `robustness_decades`, `share_diverged`: see `Robustness`; the same in every track of an optimizer.
    - `microseconds_per_step`: the seconds spent on steps over the steps taken, all trials together. Trials step
      together, and the time goes on for those that ended while others of their batch ran on. Comparable only between
      rows with equal jobs and threads.
    - `state_bytes_per_parameter`: what one trial keeps beside its parameters, per parameter.
    """
    grouped = dict(iter(outcomes.groupby(_LABELS, sort=False)))
    baselines = basin_shares(outcomes, stored)
    rows = []
    for row in summary.to_dict("records"):
        problem, optimizer, track = (str(row[label]) for label in _LABELS)
        trials, facts = grouped.get((problem, optimizer, track), outcomes.iloc[:0]), problems[problem]
        own = robustness.get((problem, optimizer), UNKNOWN)
        taken = {name: row[name] for name in (*_LABELS, "target", "success_rate", "median_calls", "gap")}
        steady = {
            "success_baseline": baselines.get(problem, math.nan),
            "robustness_decades": own.decades,
            "share_diverged": own.share_diverged,
        }
        # A trial may stand for several seeds; what was spent on it was spent once.
        spent = _spent([stored[key] for key in dict.fromkeys(trials["trial_key"])], facts.dimension)
        rows.append(taken | steady | _hardest(trials, facts) | spent)
    return pd.DataFrame(rows, columns=COLUMNS)


def _hardest(trials: pd.DataFrame, facts: ProblemFacts) -> dict[str, float]:
    from benchbed.analysis.intervals import calls_interval  # SciPy's statistics take a second to import

    if not facts.has_optimum or trials.empty:
        return {}
    calls = np.array(trials["calls_to_target"].to_list(), dtype=float)  # [seeds, targets]
    medians = {target: lower_median(calls[:, place]) for place, target in enumerate(facts.targets)}
    reached = [target for target, median in medians.items() if math.isfinite(median)]
    if not reached:
        return {"hardest_calls": math.inf}
    hardest = min(reached)
    limits = calls_interval(calls[:, facts.targets.index(hardest)])
    return {
        "hardest_target": hardest,
        "hardest_calls": medians[hardest],
        "hardest_low": limits.low,
        "hardest_high": limits.high,
        "hardest_level": limits.level,
    }


def _spent(trials: Sequence[Mapping[str, Any]], dimension: int) -> dict[str, float]:
    timed = [trial for trial in trials if trial["wall_seconds"] is not None]
    seconds, steps = (math.fsum(trial[name] for trial in timed) for name in ("wall_seconds", "steps"))
    held = max(
        (trial["state_bytes"] for trial in trials if trial["state_bytes"] is not None), default=math.nan
    )
    return {
        "microseconds_per_step": 1e6 * seconds / steps if steps else math.nan,
        "state_bytes_per_parameter": held / dimension,
    }
