"""The trials of a study as figures use them: typed, named by their selectors, in the order of the suite."""

import json
from typing import Any, NamedTuple

import numpy as np

from benchbed import Study
from benchbed.interfaces import MEASURED_STATUSES, TrialStatus

DRAWN_STATUSES = MEASURED_STATUSES | {TrialStatus.DIVERGED}
"""Statuses of trials that have curves; a trial that was skipped has only its start."""


class Trial(NamedTuple):
    """One evaluation trial; its curves begin at the start and have one entry for each checkpoint."""

    problem: str
    """Canonical selector."""
    optimizer: str
    """Canonical selector."""
    seed: int
    setting: dict[str, Any]
    """All hyperparameters."""
    status: TrialStatus
    steps: int
    calls: np.ndarray  # [checkpoints]
    loss: np.ndarray  # [checkpoints], the noise-free objective
    gradient_norm: np.ndarray  # [checkpoints], NaN where it was not measured
    path: np.ndarray  # [checkpoints, dimension]; no columns beyond 16 dimensions
    theta: np.ndarray  # [dimension], at the end
    gap: float
    """Distance of the final loss from the optimum, relative to the problem's scale; what targets are compared with."""
    metrics: dict[str, float]
    wall_seconds: float
    """Time of its own steps, as its share of its batch's time."""

    @property
    def name(self) -> str:
        """The optimizer without its fixed values."""
        return self.optimizer.partition("[")[0]


def trials_of(study: Study) -> list[Trial]:
    """Return the evaluation trials of a study by problem and optimizer, in the suite's order, and by seed.

    Trials without a result are left out; `optimizers.optimizer_sentences` names them in the caption.

    Raises: ValueError if no trial has a result.
    """
    rows = {row["trial_key"]: row for row in study.trials.to_dict("records")}
    trials = []
    for outcome in study.results.outcomes.itertuples():
        row = rows.get(str(outcome.trial_key))
        if row is None or row["status"] not in DRAWN_STATUSES:
            continue
        path = row["curve_theta"]
        trial = Trial(
            str(outcome.problem),
            str(outcome.optimizer),
            int(row["seed"]),
            json.loads(row["hyperparameters"]),
            TrialStatus(row["status"]),
            int(row["steps"]),
            np.asarray(row["curve_calls"], dtype=float),
            np.asarray(row["curve_objective"], dtype=float),
            np.asarray(row["curve_gradient_norm"], dtype=float),
            np.empty((len(row["curve_calls"]), 0)) if path is None else np.stack(list(path)),
            np.asarray(row["final_theta"], dtype=float),
            float(row["gap"]),
            dict(row["metrics"]),
            float(row["wall_seconds"]),
        )
        trials.append(trial)
    if not trials:
        raise ValueError(f"{study.plan.name} has no result to draw")
    problems, optimizers = list(study.results.problems), list(study.results.optimizers)
    return sorted(
        trials,
        key=lambda trial: (problems.index(trial.problem), optimizers.index(trial.optimizer), trial.seed),
    )


def typical(trials: list[Trial]) -> Trial:
    """Return the trial whose final loss is the lower median of all; losses that are not finite rank last."""
    ordered = sorted(trials, key=lambda trial: np.nan_to_num(trial.loss[-1], nan=np.inf))
    return ordered[(len(ordered) - 1) // 2]
