"""Tidy frames of a study for pandas and seaborn: names, seeds and hyperparameters as columns, one value a row."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from benchbed.analysis.carried import carried_checkpoints
from benchbed.interfaces import Results, TrialStatus

_LABELS = ["problem", "optimizer", "track", "seed", "trial_key", "status"]
_MEASURED = ["objective", "gap"]


def tidy_curves(results: Results) -> pd.DataFrame:
    """Return the curves of the evaluation trials, one row a trial × track × number of calls.

    All trials of an optimizer on a problem in a track have rows at the same calls, from 0 to the budget, so that a
    median over seeds at one number of calls is that of all trials. A trial that ended keeps its last values. From the
    call at which a trial diverged or failed, `objective` and `gap` are +inf and all other values NaN, as for a trial
    that was never measured. They are +inf, too, where they are not finite, and NaN if the trial was skipped.

    Columns: problem, optimizer, track, seed, trial_key, status, calls, then those of `Results.curves`, and the
    hyperparameters.
    """
    outcomes, curves = results.outcomes.reset_index(drop=True), results.curves
    calls = curves["calls"].to_numpy(dtype=float)
    positions_by_trial = curves.groupby("trial_key", observed=True).indices
    rows, grids, positions = [], [], []
    for (problem, *_), trials in outcomes.groupby(["problem", "optimizer", "track"], sort=False):
        budget = results.problems[str(problem)].budget
        carried = carried_checkpoints(trials, calls, positions_by_trial, budget)
        rows.append(np.repeat(trials.index.to_numpy(), len(carried.calls)))
        grids.append(np.tile(carried.calls, len(trials)))
        positions.append(carried.positions.ravel())
    trial, position = _concatenate(rows, int), _concatenate(positions, int)
    frame = outcomes[_LABELS].take(trial).reset_index(drop=True)
    frame["trial_key"] = frame["trial_key"].astype("category")
    frame["calls"] = _concatenate(grids, float)
    for name in curves.columns.drop(["trial_key", "calls"]):
        frame[_unused(str(name), "metric", _LABELS)] = np.append(curves[name].to_numpy(float), np.nan)[
            position
        ]
    has_optimum = [facts.has_optimum for facts in results.problems.values()]
    is_gap = frame["problem"].isin(np.array([*results.problems], dtype=object)[has_optimum])
    frame["objective"] = frame["objective"].where(np.isfinite, math.inf)
    frame["gap"] = frame["gap"].mask(is_gap & ~np.isfinite(frame["gap"]), math.inf)
    frame[_MEASURED] = frame[_MEASURED].mask(frame["status"] == TrialStatus.SKIPPED)
    return _with_hyperparameters(frame, outcomes["hyperparameters"].take(trial))


def tidy_targets(results: Results) -> pd.DataFrame:
    """Return the calls to each target, one row an evaluation trial × track × target; +inf where not reached.

    Columns: problem, optimizer, track, seed, trial_key, status, budget, target (a gap, or a value of the problem's
    target metric), calls, and the hyperparameters. Problems without scores have no rows. A trial that diverged or
    failed did not reach any target.
    """
    outcomes = results.outcomes.reset_index(drop=True)
    counts = outcomes["calls_to_target"].map(len).to_numpy(dtype=int)
    trial = np.repeat(np.arange(len(outcomes)), counts)
    frame = outcomes[_LABELS].take(trial).reset_index(drop=True)
    facts = [results.problems[problem] for problem in outcomes["problem"]]
    frame["budget"] = np.array([of_problem.budget for of_problem in facts], dtype=float)[trial]
    targets = [np.array(of_problem.targets[:count]) for of_problem, count in zip(facts, counts, strict=True)]
    frame["target"] = _concatenate(targets, float)
    frame["calls"] = _concatenate([np.array(calls) for calls in outcomes["calls_to_target"]], float)
    return _with_hyperparameters(frame, outcomes["hyperparameters"].take(trial))


def tidy_tuning(results: Results) -> pd.DataFrame:
    """Return the results of the trials that chose the settings of the track `tuned`, one row a tuning trial.

    Columns: problem, optimizer, seed, trial_key, status, calls, objective and gap (+inf if the trial diverged or
    failed, NaN if it was skipped), score, and the hyperparameters.
    """
    columns = [*(name for name in _LABELS if name != "track"), "calls", "objective", "gap", "score"]
    frame = results.tuning[columns].reset_index(drop=True)
    frame[_MEASURED] = frame[_MEASURED].mask(frame["status"] == TrialStatus.SKIPPED)
    return _with_hyperparameters(frame, results.tuning["hyperparameters"])


def _with_hyperparameters(frame: pd.DataFrame, settings: "pd.Series[str]") -> pd.DataFrame:
    """Add a column for each hyperparameter, NaN where an optimizer does not have it; `settings` are JSON."""
    codes, texts = pd.factorize(settings)
    values = pd.DataFrame([json.loads(text) for text in texts])
    values.columns = [_unused(str(name), "hyperparameter", frame.columns) for name in values]
    return pd.concat([frame, values.take(codes).reset_index(drop=True)], axis=1)


def _unused(name: str, kind: str, columns: Sequence[str] | pd.Index) -> str:
    """Return the name of a further column, with its kind before it if the name is in use: `metric:status`."""
    return f"{kind}:{name}" if name in columns else name


def _concatenate(arrays: Sequence[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.array([], dtype=dtype), *arrays]).astype(dtype)
