"""Secondary metrics beside the score (protocol, rule 9), among them the robustness to the learning rate."""

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import median_interval
from benchbed.analysis.stored import StoredTrials
from benchbed.analysis.summary import success_position
from benchbed.interfaces import START_IN_BASIN, ProblemFacts, TrialStatus
from benchbed.plan import EntrantPlan
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import lower_median

FACTOR = 2.0
"""A rate is good if it needs at most this many times the calls of the best one."""
_LABELS = ["problem", "optimizer", "track"]
_FROM_SUMMARY = [*_LABELS, "target", "success_rate", "median_calls", "gap", "objective"]
COLUMNS = [
    *_LABELS, "target", "success_rate", "success_baseline", "median_calls", "hardest_target", "hardest_calls",
    "hardest_low", "hardest_high", "hardest_level", "gap", "objective", "robustness_decades", "share_diverged",
    "microseconds_per_step", "calls_per_step", "state_bytes_per_parameter",
]  # fmt: skip


class Robustness(NamedTuple):
    """Share of the shared learning-rate grid on which an optimizer works."""

    decades: float
    """Decades of good rates, see `good_decades`; NaN without a target that defines good rates."""
    share_diverged: float
    """Share of the trials on the grid, in [0, 1], that diverged; NaN where no learning rate was tuned."""


_UNKNOWN = Robustness(math.nan, math.nan)


def measures_of(
    summary: pd.DataFrame,
    outcomes: pd.DataFrame,
    problems: Mapping[str, ProblemFacts],
    stored: StoredTrials,
    robustness: Mapping[tuple[str, str], Robustness],
) -> pd.DataFrame:
    """Compute the secondary metrics of every row of `summary`, in its order.

    - `target`, `success_rate`, `median_calls`, `gap`: as in `summary`; without a known optimum `gap` is the objective.
    - `success_baseline`: the share of the problem's starts in the basin of the optimum, the same for all optimizers;
      NaN if the problem does not define basins.
    - `hardest_target`: the smallest gap that at least half of the trials reach, NaN if there is none; `hardest_calls`,
      the lower median of the calls to it, is then +inf. `hardest_low` and `hardest_high` bound it by order statistics
      that attain the level `hardest_level`; they may be +inf, and are NaN for a single trial.
    - `robustness_decades`, `share_diverged`: see `Robustness`; the same in every track of an optimizer.
    - `microseconds_per_step`: the seconds spent on steps over the number of steps, of all trials together. The trials
      of a batch step together, and the time of a trial includes the steps of others after its end. Comparable only
      between rows with equal jobs and threads.
    - `calls_per_step`: the calls over the number of steps, of the same trials together.
    - `state_bytes_per_parameter`: the memory of the state of one trial, per parameter.
    """
    grouped = dict(iter(outcomes.groupby(_LABELS, sort=False)))
    baselines = basin_shares(outcomes, stored)
    rows = []
    for row in summary.to_dict("records"):
        problem, optimizer, track = (str(row[label]) for label in _LABELS)
        trials = grouped.get((problem, optimizer, track), outcomes.iloc[:0])
        of_optimizer = robustness.get((problem, optimizer), _UNKNOWN)
        # A trial may represent several seeds; its costs count once.
        unique = stored.rows([*dict.fromkeys(trials["trial_key"])])
        is_timed = ~np.isnan(stored.numbers("wall_seconds", unique))
        seconds, steps, calls = (
            math.fsum(stored.numbers(name, unique[is_timed])) for name in ("wall_seconds", "steps", "calls")
        )
        state_bytes = stored.numbers("state_bytes", unique)
        state_bytes = state_bytes[~np.isnan(state_bytes)]
        rows.append(
            {
                **{name: row[name] for name in _FROM_SUMMARY},
                "success_baseline": baselines.get(problem, math.nan),
                "robustness_decades": of_optimizer.decades,
                "share_diverged": of_optimizer.share_diverged,
                **_hardest_target(trials, problems[problem]),
                "microseconds_per_step": 1e6 * seconds / steps if steps else math.nan,
                "calls_per_step": calls / steps if steps else math.nan,
                "state_bytes_per_parameter": max(state_bytes, default=math.nan) / problems[problem].dimension,
            }
        )
    return pd.DataFrame(rows, columns=COLUMNS)


def basin_shares(outcomes: pd.DataFrame, stored: StoredTrials) -> dict[str, float]:
    """Compute, for each problem, the share of its starts in the basin of the optimum.

    A seed is one start, however many optimizers ran from it. Trials without this metric (the plugin raised, the process
    died, the trial was skipped) are left out, and so is a problem without such trials: it has a single minimum, or
    its basins are not known.
    """
    metrics = stored.metrics(stored.rows(outcomes["trial_key"].tolist()))
    if START_IN_BASIN not in metrics:
        return {}
    starts = outcomes[["problem", "seed"]].assign(is_in_basin=metrics[START_IN_BASIN]).dropna()
    starts = starts.drop_duplicates(["problem", "seed"], keep="last")
    shares = starts.groupby("problem", sort=False)["is_in_basin"].mean()
    return {str(problem): float(share) for problem, share in shares.items()}


def _hardest_target(trials: pd.DataFrame, facts: ProblemFacts) -> dict[str, float]:
    if not facts.is_scored or trials.empty:
        return {}
    calls = np.array(trials["calls_to_target"].to_list(), dtype=float)  # [seeds, targets]
    medians = {target: lower_median(calls[:, index]) for index, target in enumerate(facts.targets)}
    reached = [target for target, median in medians.items() if math.isfinite(median)]
    if not reached:
        return {"hardest_calls": math.inf}
    hardest = reached[-1]
    limits = median_interval(calls[:, facts.targets.index(hardest)])
    return {
        "hardest_target": hardest,
        "hardest_calls": medians[hardest],
        "hardest_low": limits.low,
        "hardest_high": limits.high,
        "hardest_level": limits.level,
    }


def robustness_of(states: Iterable[PairingState], tuning: pd.DataFrame) -> dict[tuple[str, str], Robustness]:
    """Compute the robustness of every optimizer on every problem, by the labels of problem and optimizer.

    Only the grid that all optimizers share counts, without its extensions for single optimizers, so that the numbers
    are comparable. An optimizer is left out if it has no learning rate to tune, or lacks a trial on that grid.
    """
    grouped = dict(iter(tuning.groupby(["problem", "optimizer"], sort=False)))
    robustness = {}
    for state in states:
        for entrant in state.pairing.entrants:
            labels = (state.pairing.problem.label, entrant.label)
            if entrant.tunable and "tuned" in state.plan.tracks:
                trials = grouped.get(labels, tuning.iloc[:0])
                if (on_grid := _on_shared_grid(state, entrant, trials)) is not None:
                    robustness[labels] = on_grid
    return robustness


def good_decades(calls: np.ndarray, rates_per_decade: int) -> float:
    """Compute the decades of good rates from `calls: [rates, seeds]` to the success target, +inf where not reached.

    A rate is good if its lower-median calls are at most twice those of the best rate. Every point of the grid
    represents the 1 / `rates_per_decade` decades around it, so the result is the number of good points times the
    spacing; 0 if no rate reaches the target in half of its trials. The good rates need not be neighbours: the result
    measures how much of the axis works, and with a few tuning seeds a single unlucky point must not discard all good
    points beyond it.
    """
    medians = np.array([lower_median(of_rate) for of_rate in calls])
    is_good = np.isfinite(medians) & (medians <= FACTOR * medians.min(initial=math.inf))
    return float(is_good.sum() / rates_per_decade)


def _on_shared_grid(state: PairingState, entrant: EntrantPlan, trials: pd.DataFrame) -> Robustness | None:
    plan, problem = state.plan, state.pairing.problem
    keys = [state.trial_keys(entrant, entrant.at(rate), "tuning") for rate in plan.rates]
    if not set(trials["trial_key"]).issuperset(key for of_rate in keys for key in of_rate):
        return None
    status = dict(zip(trials["trial_key"], trials["status"], strict=True))
    # The share of trials, not of rates: it has smaller steps with few seeds, and needs no majority of seeds.
    diverged = float(np.mean([status[key] == TrialStatus.DIVERGED for of_rate in keys for key in of_rate]))
    if not problem.is_scored:
        return Robustness(math.nan, diverged)
    calls_to_target = dict(zip(trials["trial_key"], trials["calls_to_target"], strict=True))
    position = success_position(problem.targets, problem.success_target)
    calls = np.array([[calls_to_target[key][position] for key in of_rate] for of_rate in keys], dtype=float)
    return Robustness(good_decades(calls, plan.rates_per_decade), diverged)
