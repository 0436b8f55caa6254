"""Results of a study as frames, and the interface of the reports that draw them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from benchbed.formatting import short
from benchbed.interfaces.references import ReferenceKind

if TYPE_CHECKING:  # `benchbed --version` must not import NumPy or pandas
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    from benchbed.interfaces.reference_studies import MatchedReference

Track = Literal["default", "tuned", "searched"]
"""Rule that chooses the settings of an optimizer: its defaults, the best rate of a grid, or the best of a search."""
ALL_PROBLEMS = ""
"""Stands for the problem in rows that average over all problems."""


def group_table(group: str) -> str:
    """Return the text that stands for the problem in rows that average over the problems of a group."""
    return f"[{group}]"  # no selector begins with a bracket


class ProblemFacts(NamedTuple):
    """Properties of a problem of the study; keyed by its canonical selector."""

    budget: int
    targets: tuple[float, ...]
    success_target: float
    dimension: int
    dtype: str
    has_optimum: bool
    lowest_gap: float | None = None
    """Lowest gap of any trial of the study if f* is a lower bound; None if f* is exact or unknown."""
    tolerance: float | None = None
    """Gradient norm at which trials stop as converged; None without a tolerance."""
    gradient: str = "reverse"
    """Method of differentiation."""
    gradient_price: float = 1.0
    """Calls that a loss and its gradient cost together, on one draw."""
    target_metric: str = ""
    """Metric whose values are the targets; "" if they are gaps."""
    score_start: float = 1e-4
    """Share of the budget at which the logarithmic axis of the score starts."""
    group: str = "other"
    """The group that the problem declares."""
    name: str = ""
    parameters: Mapping[str, object] = {}
    """The values of all parameters, JSON-plain."""
    reference: ReferenceKind | None = None
    """Kind of f* if it is a stored reference value; None if it is not."""

    @property
    def is_scored(self) -> bool:
        """Whether trials have a score."""
        return self.has_optimum or bool(self.target_metric)

    @property
    def success(self) -> str:
        """The condition of success, such as "gap ≤ 0.001"."""
        is_rising = self.target_metric and self.targets[-1] > self.targets[0]
        return f"{self.target_metric or 'gap'} {'≥' if is_rising else '≤'} {short(self.success_target)}"


class Surface(NamedTuple):
    """The objective of a two-dimensional problem on a grid, on the instance whose paths are drawn."""

    x: np.ndarray  # [columns]
    y: np.ndarray  # [rows]
    objective: np.ndarray  # [rows, columns]
    optimum: float | None
    minimizer: tuple[float, float] | None


class Share(NamedTuple):
    """A shard of a study, whose folder contains only some of its pairings."""

    number: int
    """Counted from 1."""
    shards: int
    pairings: int
    """Pairings of a problem and an optimizer in the shard."""
    all_pairings: int

    @property
    def sentence(self) -> str:
        """The sentence above tables that show only the shard."""
        return (
            f"This is shard {self.number} of {self.shards}, with {self.pairings} of {self.all_pairings} pairings of a "
            "problem and an optimizer; benchbed merge joins the shards."
        )


class Provenance(NamedTuple):
    """Where the results of a study come from, as text."""

    study: str = ""
    """Name of the study."""
    suite: str = ""
    """The suite in TOML, which repeats the study."""
    facts: Mapping[str, str] = {}
    """Rules, versions and machine, by a label for people."""


class Results(NamedTuple):
    """The frames of a study. `problem` and `optimizer` are canonical selectors, in the order of the plan.

    A status is the text of a `TrialStatus`. A gap is +inf for every trial that diverged or did not finish.
    """

    problems: Mapping[str, ProblemFacts]
    surfaces: Mapping[str, Surface]
    """For each two-dimensional problem: the objective around the paths of the lowest evaluation seed."""
    optimizers: tuple[str, ...]
    tracks: tuple[str, ...]
    outcomes: pd.DataFrame
    """One row an evaluation trial in a track: problem, optimizer, track, hyperparameters (JSON), learning_rate
    (NaN without one), seed, trial_key, status, calls, final_objective, objective (the same, +inf unless
    it is a result), gap (NaN without an optimum), score, calls_to_target (list, +inf where not reached; empty without a
    score), oracle (deterministic, stochastic, full, exact), and error (the traceback or reason of a trial without a
    result; empty otherwise)."""
    tuning: pd.DataFrame
    """One row a tuning trial of the track `tuned`: problem, optimizer, hyperparameters, learning_rate, seed, trial_key,
    status, calls, final_objective, objective, gap, score, calls_to_target and error (as in `outcomes`)."""
    curves: pd.DataFrame
    """One row a checkpoint of an evaluation trial: trial_key, calls, objective, gap, gradient_norm (NaN where not
    measured), theta_0 and theta_1 (NaN unless the problem has two dimensions), and a column for each metric that was
    measured at checkpoints. In reports, the trials are those of the 24 optimizers that charts contain at most."""
    best_of_k: pd.DataFrame
    """One row a problem × optimizer × k of the track `searched`: problem, optimizer, k, score (the expected score of
    the best of k settings, each scored on a tuning seed that was not used to choose it)."""
    summary: pd.DataFrame
    """The columns of `summary.csv`, one row a problem × optimizer × track; `notes` is a tuple of `RowNote`."""
    measures: pd.DataFrame
    """Secondary metrics, one row a problem × optimizer × track (`benchbed.analysis.secondary_metrics`)."""
    metrics: pd.DataFrame
    """Metrics at final points, one row a problem × optimizer × track × metric: the number of trials with a value, their
    lower median, and its interval (low, high)."""
    overall: pd.DataFrame
    """One row an optimizer × track × group, and one over all problems (group `ALL_PROBLEMS`): the mean score over the
    problems with its interval, or the `Exclusion` (column `reason`) that explains why it is missing."""
    influence: pd.DataFrame
    """One row a problem in a track with means over problems: its share in the variance of these means among optimizers,
    and the optimizers that lead without it (tuple)."""
    comparisons: pd.DataFrame
    """One row a pair of optimizers in a table: problem (`ALL_PROBLEMS` or a `group_table` for means), track, measure
    ("score", or "objective" on a problem without scores), and the test results."""
    groups: pd.DataFrame
    """One row a compared optimizer in a table: problem, track, measure, optimizer, group (1 contains the best)."""
    shifts: Mapping[tuple[str, str, str], np.ndarray]
    """For each problem, optimizer and track whose setting was chosen: how much its mean score varies with the choice,
    `[draws]` (`benchbed.analysis.selection_shifts`)."""
    selection: Mapping[tuple[str, str, str], np.ndarray] = {}
    """The scores of the tuning trials that chose these settings, `[settings, seeds]`, the chosen setting first."""
    provenance: Provenance = Provenance()
    """Suite, versions and machine; empty in results that are not those of a study folder."""
    share: Share | None = None
    """The shard whose pairings these are; None if all pairings of the study are planned."""
    references: tuple[MatchedReference, ...] = ()
    """Reference studies with the same rules, for the page."""
    reference_remarks: tuple[str, ...] = ()
    """Why reference studies are left out, a sentence each."""
    reference_comparisons: pd.DataFrame | None = None
    """One row a pair of an optimizer and one of a reference study, with the columns of `comparisons`; None without."""
    without_gaps: frozenset[str] = frozenset()
    """Problems whose optimum does not hold in some trial, so that the gaps of their curves are NaN."""


class Report(Protocol):
    """A kind of table or plot; its functions are pure, so pieces can be drawn in any process.

    A report with an attribute `optional = True` is drawn only by `benchbed report DIR --only NAME`.
    """

    @property
    def name(self) -> str:
        """Name for `--only`."""

    def pieces(self, results: Results) -> list[str]:
        """Return the names of the parts that can be drawn independently; none if the report does not apply."""

    def draw(self, results: Results, piece: str) -> dict[str, bytes]:
        """Return the contents of the files of one piece, by file name relative to the study folder."""
