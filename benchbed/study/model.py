"""A study: the plan, trials and results of a study folder."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa

from benchbed.analysis.results import CURVE_COLUMNS, RESULT_COLUMNS, build_results, with_curves
from benchbed.analysis.tidy import tidy_curves, tidy_targets, tidy_tuning
from benchbed.formatting import plural
from benchbed.interfaces import FINAL_STATUSES
from benchbed.interfaces.notes import format_notes
from benchbed.interfaces.results import Results
from benchbed.plan import Plan
from benchbed.store import TRIAL_SCHEMA, StudyFolder
from benchbed.study.losses import Losses, label_of, losses_of, planned_pairings
from benchbed.tuning.outcomes import Outcome, outcome_columns, outcomes_of

if TYPE_CHECKING:
    from seaborn import FacetGrid


class Study:
    """The plan, trials and results of a study folder."""

    def __init__(self, path: Path, plan: Plan, warnings: Sequence[str] = ()) -> None:
        self.path, self.plan = path, plan
        self._folder = folder = StudyFolder(path)
        self._table = folder.read_trials(plan, select=result_columns)
        self.warnings = [*warnings, *folder.warnings, *describe_mismatches(folder, plan, self._table)]

    def __repr__(self) -> str:
        """Name the folder and count optimizers, problems and trials."""
        sizes = (
            f"{plural(len(self.plan.entrants), 'optimizer')}, {plural(len(self.plan.problems), 'problem')}"
        )
        return f"<Study {self.path}: {sizes}, {plural(len(self._table), 'trial')}>"

    def _repr_html_(self) -> str:
        """Return the conclusion and the scores, which a notebook shows."""
        from benchbed.reports.notebook.html import study_html  # imports matplotlib

        page = self.path / "index.html"
        further = [f"page of the study: {page}" if page.exists() else f"study folder: {self.path}"]
        if self.lost:
            verb = "has" if self.lost == 1 else "have"
            losses = "; see study.losses" if self.lost > self.missing else ""
            further.append(f"{plural(self.lost, 'planned trial')} {verb} no result{losses}")
        if self.warnings:
            further.append(f"{plural(len(self.warnings), 'warning')}; see study.warnings")
        return study_html(self.results, further)

    @functools.cached_property
    def results(self) -> Results:
        """The frames behind tables and plots, computed at the first access."""
        return read_curves(self._folder, self.results_without_curves)

    @functools.cached_property
    def results_without_curves(self) -> Results:
        """`results` with an empty frame of curves, which take most of the memory and the time."""
        return build_results(self.plan, self._table, self._outcomes)

    @functools.cached_property
    def _outcomes(self) -> dict[str, Outcome]:
        return outcomes_of(self._table)

    @property
    def summary(self) -> pd.DataFrame:
        """One row for each problem × optimizer × track, with the columns of `summary.csv`."""
        summary = self.results_without_curves.summary
        return summary.assign(notes=summary["notes"].map(format_notes))

    @property
    def measures(self) -> pd.DataFrame:
        """Secondary metrics: one row for each problem × optimizer × track, with the columns of `measures.csv`."""
        return self.results_without_curves.measures

    @property
    def curves(self) -> pd.DataFrame:
        """Values against calls, one row an evaluation trial × track × number of calls (`tidy_curves`)."""
        return tidy_curves(self.results)

    @property
    def targets(self) -> pd.DataFrame:
        """Calls to each target, +inf where not reached, one row an evaluation trial × track × target."""
        return tidy_targets(self.results_without_curves)

    @property
    def tuning(self) -> pd.DataFrame:
        """Final values of the trials that chose the settings of the track `tuned`, one row a tuning trial."""
        return tidy_tuning(self.results_without_curves)

    def plot(
        self,
        kind: str,
        problem: str | None = None,
        optimizer: str | None = None,
        track: str | None = None,
        **arguments: Any,
    ) -> "FacetGrid":
        """Draw a plot and return its seaborn grid.

        Args:
            kind: "loss", "targets", "learning-rate", "scores", "metrics" or "best-of-k" (docs/notebook.md).
            problem: The only problem to draw, as `summary` names it; all by default.
            optimizer: The only optimizer to draw.
            track: The only track to draw.
            **arguments: Passed on to `seaborn.relplot`, or `displot` ("targets") or `heatmap` ("scores").

        Raises: UsageError if a name is unknown, or if the study has nothing to draw.
        """
        from benchbed.reports.notebook.plots import draw_plot  # imports matplotlib

        return draw_plot(self.results, kind, problem, optimizer, track, arguments)

    @property
    def trials(self) -> pd.DataFrame:
        """One row for each stored trial of the plan, with its `tracks`; trials of earlier plans are left out."""
        frame: pd.DataFrame = self._folder.read_columns(TRIAL_SCHEMA.names, self._planned).to_pandas()
        tracks: dict[str, list[str]] = {}
        outcomes = self.results_without_curves.outcomes
        for key, track in zip(outcomes["trial_key"], outcomes["track"], strict=True):
            tracks.setdefault(key, []).append(track)
        frame["tracks"] = [tracks.get(key, []) for key in frame["trial_key"]]
        return frame

    @functools.cached_property
    def _planned(self) -> dict[str, str]:
        return planned_pairings(self.plan, self._outcomes)

    @property
    def stored(self) -> int:
        """Planned trials that have a row: the length of `trials`, whose frame takes gigabytes for a million of them."""
        return len(self._planned.keys() & set(self._table["trial_key"].to_pylist()))

    @functools.cached_property
    def _lost(self) -> dict[str, str]:
        final_keys = {key for key, outcome in self._outcomes.items() if outcome.status in FINAL_STATUSES}
        return {key: label for key, label in self._planned.items() if key not in final_keys}

    @property
    def lost(self) -> int:
        """Planned trials that failed, crashed, timed out, ran out of memory or have no row."""
        return len(self._lost)

    @property
    def missing(self) -> int:
        """Planned trials that have no row, as far as stored trials determine the plan."""
        return len(self._lost.keys() - set(self._table["trial_key"].to_pylist()))

    @property
    def losses(self) -> list[Losses]:
        """The errors by which planned trials were lost, the most frequent first."""
        unplanned = {label_of(pairing) for pairing in self.plan.pairings() if pairing.fault is not None}
        return losses_of(self._table, self._lost, unplanned)


def result_columns(trials: pa.Table) -> pa.Table:
    """Return the columns of stored trials of which results without curves are built."""
    return outcome_columns(trials, RESULT_COLUMNS)


def read_curves(folder: StudyFolder, results: Results) -> Results:
    """Return results with the curves of their trials, from a folder whose trials have been read."""
    return with_curves(results, folder.read_columns(CURVE_COLUMNS, set(results.outcomes["trial_key"])))


def load(path: str | Path) -> Study:
    """Read a study folder. Raises: StudyFolderError if `path` is not one."""
    folder = StudyFolder(Path(path))
    return Study(folder.path, folder.read_plan())


def describe_mismatches(folder: StudyFolder, plan: Plan, trials: pa.Table) -> list[str]:
    """Return a warning if planned trials that are not among `trials` have rows with values of other trials."""
    if not folder.other_keys:
        return []
    lacking = set(folder.other_keys) - set(trials["trial_key"].to_pylist())
    count = len(lacking & planned_pairings(plan, outcomes_of(trials)).keys())
    if not count:
        return []
    rows = f"{plural(count, 'row')} in {folder.path}{os.sep}trials"
    return [f"{rows} do not match their trial_key; their trials count as not run"]
