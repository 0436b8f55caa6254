"""Pairwise comparisons and groups of the optimizers in every table of a study (protocol, rule 11)."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import (
    NO_MEAN_TRACK,
    RowLabels,
    comparable_values,
    deterministic_rows,
    mean_shift,
)
from benchbed.analysis.pairwise_tests import Comparison, checkpoint_positions, compare, group_by_significance
from benchbed.analysis.strata import Sampling
from benchbed.checkpoints import checkpoint_calls
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.interfaces.results import group_table
from benchbed.plan import Plan
from benchbed.seeds import original_name

COMPARISON_COLUMNS = ["problem", "track", "measure", *Comparison._fields]
GROUP_COLUMNS = ["problem", "track", "measure", "optimizer", "group"]
INFLUENCE_COLUMNS = ["track", "problem", "share", "leaders"]


class ComparedProblem(NamedTuple):
    """The properties of a problem by which its trials are compared."""

    checkpoints: np.ndarray
    """Calls at which its trials are measured."""
    sampling: Sampling
    group: str = "other"
    tuning_seeds: int = 1


class TableComparison(NamedTuple):
    """The comparison of the optimizers of one table, and their means; higher means are better."""

    comparisons: list[Comparison]
    means: dict[str, float]
    measure: str = "score"

    @property
    def leaders(self) -> tuple[str, ...]:
        """The best optimizer, and all that do not differ significantly from it."""
        return next(iter(group_by_significance(self.means, self.comparisons)), ())


class ComparedStudy(NamedTuple):
    """The rows and trials of a study, and its problems, of which some optimizers can be compared."""

    summary: pd.DataFrame
    outcomes: pd.DataFrame
    problems: Mapping[str, ComparedProblem]
    shifts: Mapping[RowLabels, np.ndarray] = MappingProxyType({})
    """See `selection_shifts`."""

    def tables(self) -> Iterator[tuple[str, str, list[str]]]:
        """Yield track, name and problems of each table: one of every problem, of every group of several, and of all.

        The track `default` has no means over problems.
        """
        problems = list(dict.fromkeys(self.summary["problem"]))
        tables = {problem: [problem] for problem in problems}
        if len(problems) > 1:
            tables[ALL_PROBLEMS] = problems
        groups = list(dict.fromkeys(self.problems[problem].group for problem in problems))
        if len(groups) > 1:
            for group in groups:
                tables[group_table(group)] = [p for p in problems if self.problems[p].group == group]
        for track, (name, of_table) in itertools.product(
            dict.fromkeys(self.summary["track"]), tables.items()
        ):
            if track != NO_MEAN_TRACK or name in self.problems:
                yield track, name, of_table

    def compare(self, track: str, problems: Sequence[str]) -> TableComparison:
        """Compare the mean scores over some problems.

        Rows of the exact oracle, rows without a score and rows with fewer seeds than others are not compared. The
        single trial of a deterministic row represents every seed, and two deterministic rows are compared directly.
        """
        return self.compare_scores(
            track, problems, comparable_values(self.summary, self.outcomes, track, problems)
        )

    def compare_scores(
        self,
        track: str,
        problems: Sequence[str],
        scores: Mapping[str, list[np.ndarray]],
        with_intervals: bool = True,
        pairs: Sequence[tuple[str, str]] | None = None,
    ) -> TableComparison:
        """Compare the mean scores of optimizers, of which `scores` contains a vector `[seeds]` for each problem.

        All `pairs` are compared by default.
        """
        deterministic = deterministic_rows(self.summary)
        trials = self.outcomes[self.outcomes["track"] == track]
        positions = {}  # the checkpoints at which deterministic optimizers reach all targets of the table
        for name in scores:
            if all((problem, name, track) in deterministic for problem in problems):
                rows = trials[trials["optimizer"] == name]
                calls = dict(zip(rows["problem"], rows["calls_to_target"], strict=True))
                of_problems = [
                    checkpoint_positions(np.array(calls[problem]), self.problems[problem].checkpoints)
                    for problem in problems
                ]
                positions[name] = np.concatenate(of_problems)
        shifts = {name: mean_shift(self.shifts, problems, name, track) for name in scores}
        laws = [self.problems[problem].sampling for problem in problems]
        tuning_seeds = min(self.problems[problem].tuning_seeds for problem in problems)
        comparisons = compare(scores, positions, laws, shifts, tuning_seeds, with_intervals, pairs)
        means = {
            name: float(np.mean([of_problem.mean() for of_problem in vectors]))
            for name, vectors in scores.items()
        }
        return TableComparison(comparisons, means)

    def compare_objectives(self, track: str, problem: str) -> TableComparison:
        """Compare the final objectives on a problem; the means have the opposite sign."""
        objectives = comparable_values(self.summary, self.outcomes, track, [problem], "objective")
        if not objectives:
            return TableComparison([], {}, "objective")
        deterministic = deterministic_rows(self.summary)
        values = np.concatenate([vector for (vector,) in objectives.values()])
        # The tests take differences below a fixed size for ties.
        unit = float(np.median(np.abs(values))) or 1.0
        scores = {name: [-vector / unit] for name, (vector,) in objectives.items()}
        ordered = np.unique(values)
        positions = {  # two apart, so that different values are different
            name: 2 * np.searchsorted(ordered, vector)
            for name, (vector,) in objectives.items()
            if (problem, name, track) in deterministic
        }
        comparisons = [
            pair._replace(difference=-unit * pair.difference, low=-unit * pair.high, high=-unit * pair.low)
            for pair in compare(scores, positions, [self.problems[problem].sampling])
        ]
        means = {name: float(vector.mean()) for name, (vector,) in scores.items()}
        return TableComparison(comparisons, means, "objective")


def comparisons_of(study: ComparedStudy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every pairwise comparison, and the group of every compared row, counted from 1 for the best.

    On a problem without scores, the final objectives are compared; lower ones are better.
    """
    pairs: list[dict[str, Any]] = []
    grouped: list[dict[str, Any]] = []
    for track, label, problems in study.tables():
        scores = study.summary["score"][study.summary["problem"] == label]
        if label in study.problems and scores.isna().all():
            compared = study.compare_objectives(track, label)
        else:
            compared = study.compare(track, problems)
        table = {"problem": label, "track": track, "measure": compared.measure}
        pairs += [{**table, **comparison._asdict()} for comparison in compared.comparisons]
        grouped += [
            {**table, "optimizer": name, "group": number}
            for number, names in enumerate(
                group_by_significance(compared.means, compared.comparisons), start=1
            )
            for name in names
        ]
    return pd.DataFrame(pairs, columns=COMPARISON_COLUMNS), pd.DataFrame(grouped, columns=GROUP_COLUMNS)


def influence_of(study: ComparedStudy) -> pd.DataFrame:
    """Compute how much each problem decides the mean over all problems, one row a track and problem.

    `share` is cov(sₚ / N, s̄) / var(s̄) over the compared optimizers, with sₚ their scores on the problem and s̄ their
    means over all N: the shares sum to 1, and a problem that ranks them against the others has a negative one.
    `leaders` lead the mean over the other problems: the best of these optimizers, and all that are not significantly
    different. An optimizer that is not compared over all problems may be so without one; it cannot take the lead.
    """
    rows = []
    problems = list(dict.fromkeys(study.summary["problem"]))
    for track in dict.fromkeys(study.summary["track"]):
        scores = comparable_values(study.summary, study.outcomes, track, problems)
        if track == NO_MEAN_TRACK or len(problems) < 2 or len(scores) < 2:
            continue
        means = np.array([[vector.mean() for vector in vectors] for vectors in scores.values()])
        shares = shares_of_variance(means)
        for position, (problem, share) in enumerate(zip(problems, shares, strict=True)):
            others = [other for other in problems if other != problem]
            of_others = {name: [*v[:position], *v[position + 1 :]] for name, v in scores.items()}
            compared = study.compare_scores(track, others, of_others, with_intervals=False)
            rows.append((track, problem, share, compared.leaders))
    return pd.DataFrame(rows, columns=INFLUENCE_COLUMNS)


def shares_of_variance(means: np.ndarray) -> np.ndarray:
    """Compute the share `[problems]` of the variance of the overall score that each problem carries.

    `means: [optimizers, problems]`; NaN if all overall scores are equal.
    """
    centered = means - means.mean(axis=0)
    overall = centered.mean(axis=1)
    total = means.shape[1] * (overall @ overall)
    return np.asarray(centered.T @ overall / total if total > 0 else np.full(means.shape[1], np.nan))


def compared_problems(plan: Plan) -> dict[str, ComparedProblem]:
    """Return the properties of the problems of a plan, by label."""
    every_call = plan.checkpoints == "all"
    return {
        problem.label: ComparedProblem(
            np.array(range(1, problem.budget + 1) if every_call else checkpoint_calls(problem.budget)),
            Sampling(original_name(problem.name), problem.start_strata),
            problem.group,
            plan.tuning_seeds_of(problem),
        )
        for problem in plan.problems
    }
