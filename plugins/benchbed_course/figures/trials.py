"""Give the trials of a study as figures want them: typed, named by their selectors, in the order of the suite."""

import json
from typing import Any, NamedTuple

import numpy as np

from benchbed import Study

DRAWN = ("solved", "converged", "exhausted", "diverged")
"""Statuses of trials that have curves; one that was skipped has its start alone."""


class Trial(NamedTuple):
    """One evaluation trial; its curves begin at the start and have one entry a checkpoint."""

    problem: str
    """Canonical selector."""
    optimizer: str
    """Canonical selector."""
    seed: int
    setting: dict[str, Any]
    """All hyperparameters."""
    status: str
    steps: int
    calls: np.ndarray  # [checkpoints]
    loss: np.ndarray  # [checkpoints], the noise-free objective
    gradient_norm: np.ndarray  # [checkpoints], NaN where it was not measured
    path: np.ndarray  # [checkpoints, dimension]; no columns beyond 16 dimensions
    theta: np.ndarray  # [dimension], where it ended
    metrics: dict[str, float]
    wall_seconds: float
    """Of its own steps, as its share of its batch's."""

    @property
    def name(self) -> str:
        """The optimizer without the values that were fixed."""
        return self.optimizer.partition("[")[0]


def trials_of(study: Study) -> list[Trial]:
    """List the evaluation trials of a study by problem, optimizer (both in the suite's order) and seed.

    Raises: ValueError if one of them has no result: a figure must not leave it out in silence.
    """
    outcomes = study.results.outcomes
    stored = {row["trial_key"]: row for row in study.trials.to_dict("records")}
    trials = []
    for outcome in outcomes.itertuples():
        row = stored.get(str(outcome.trial_key))
        if row is None or row["status"] not in DRAWN:
            raise ValueError(
                f"{outcome.problem} × {outcome.optimizer}, seed {outcome.seed}, has no result to draw"
            )
        trials.append(_trial(str(outcome.problem), str(outcome.optimizer), row))
    problems, optimizers = list(study.results.problems), list(study.results.optimizers)
    return sorted(
        trials,
        key=lambda trial: (problems.index(trial.problem), optimizers.index(trial.optimizer), trial.seed),
    )


def typical(trials: list[Trial]) -> Trial:
    """Choose the trial whose loss at the end is the lower median of all; what is not finite comes last."""
    ordered = sorted(trials, key=lambda trial: np.nan_to_num(trial.loss[-1], nan=np.inf))
    return ordered[(len(ordered) - 1) // 2]


def _trial(problem: str, optimizer: str, row: dict[Any, Any]) -> Trial:
    path = row["curve_theta"]
    return Trial(
        problem,
        optimizer,
        int(row["seed"]),
        json.loads(row["hyperparameters"]),
        str(row["status"]),
        int(row["steps"]),
        np.asarray(row["curve_calls"], dtype=float),
        np.asarray(row["curve_objective"], dtype=float),
        np.asarray(row["curve_gradient_norm"], dtype=float),
        np.empty((len(row["curve_calls"]), 0)) if path is None else np.stack(list(path)),
        np.asarray(row["final_theta"], dtype=float),
        dict(row["metrics"]),
        float(row["wall_seconds"]),
    )
