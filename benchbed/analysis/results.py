"""Hold what the analysis of a study gives, as frames that tables and plots are made from."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd


class ProblemFacts(NamedTuple):
    """What a reader must know about a problem of the study; keyed by its canonical selector."""

    budget: int
    targets: tuple[float, ...]
    success_target: float
    dimension: int
    dtype: str
    has_optimum: bool
    lowest_gap: float | None = None
    """What any trial of the study came down to, where f* is a lower bound; None where it is exact or unknown."""
    tolerance: float | None = None
    """Gradient norm at which a trial stopped as converged; None where none was asked for."""
    gradient: str = "reverse"
    """How losses were differentiated."""
    gradient_price: float = 1.0
    """Calls that a loss and its gradient cost, on a draw."""


class Surface(NamedTuple):
    """The objective of a two-dimensional problem over a grid, on the instance whose paths are shown."""

    x: np.ndarray  # [columns]
    y: np.ndarray  # [rows]
    objective: np.ndarray  # [rows, columns]
    optimum: float | None
    minimizer: tuple[float, float] | None


class Results(NamedTuple):
    """The frames of a study. `problem` and `optimizer` are canonical selectors, in the order of the plan.

    Statuses are those of the protocol, rule 5. A gap is +inf for every trial that diverged or did not finish.
    """

    problems: Mapping[str, ProblemFacts]
    surfaces: Mapping[str, Surface]
    """For each two-dimensional problem: the objective around the paths of the lowest evaluation seed."""
    optimizers: tuple[str, ...]
    tracks: tuple[str, ...]
    outcomes: pd.DataFrame
    """One row an evaluation trial in a track: problem, optimizer, track, hyperparameters (JSON), learning_rate
    (NaN if there is none), seed, trial_key, status, calls, final_objective, gap, score, calls_to_target (list,
    +inf where not reached; empty without an optimum), and oracle (deterministic, stochastic, full, exact)."""
    tuning: pd.DataFrame
    """One row a tuning trial: problem, optimizer, learning_rate, seed, trial_key, status, final_objective, gap,
    score, calls_to_target (as in `outcomes`)."""
    curves: pd.DataFrame
    """One row an evaluation trial's checkpoint: trial_key, calls, objective, gap, gradient_norm (NaN where not
    measured), theta_0 and theta_1 (NaN unless the problem has two dimensions)."""
    best_of_k: pd.DataFrame
    """One row a problem × optimizer × k of the track `searched`: problem, optimizer, k, score (the expected best of k
    settings, each scored on a tuning seed that its choice has not seen)."""
    summary: pd.DataFrame
    """The columns of `summary.csv`, one row a problem × optimizer × track."""
    measures: pd.DataFrame
    """What stands beside the score, one row a problem × optimizer × track (`benchbed.analysis.secondary_metrics`)."""
    overall: pd.DataFrame
    """One row an optimizer × track: the mean score over problems with its interval, or the reason why there is none."""
    comparisons: pd.DataFrame
    """One row a pair of optimizers in a table: problem (empty for the mean over all), track, and what compares them."""
    groups: pd.DataFrame
    """One row a compared optimizer in a table: problem, track, optimizer, group (1 has the best)."""
