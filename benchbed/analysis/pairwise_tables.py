"""Pairwise comparisons and groups of the optimizers in every table of a study (protocol, rule 11)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import RowLabels, comparable_values, deterministic_rows
from benchbed.analysis.pairwise_tests import Comparison, checkpoint_positions, compare, group_by_significance
from benchbed.analysis.strata import Sampling
from benchbed.checkpoints import checkpoint_calls
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.plan import Plan

COMPARISON_COLUMNS = ["problem", "track", "measure", *Comparison._fields]
GROUP_COLUMNS = ["problem", "track", "measure", "optimizer", "group"]


def comparisons_of(
    summary: pd.DataFrame,
    outcomes: pd.DataFrame,
    checkpoints: Mapping[str, np.ndarray],
    samplings: Mapping[str, Sampling] = MappingProxyType({}),
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every paired comparison, and the group of every compared row, counted from 1 for the best.

    A table is a problem and a track, or a track over all problems. Rows of the exact oracle, rows without a score and
    rows with fewer seeds than others are not compared. The single trial of a deterministic row represents every seed,
    and two deterministic rows are compared directly. `checkpoints` are those of each problem, see `checkpoints_of`, and
    `samplings` the laws of its instances; by default all problems are independent.

    On a problem without scores, the final objectives are compared; lower ones are better.
    """
    problems = list(dict.fromkeys(summary["problem"]))
    tables = {problem: [problem] for problem in problems}
    if len(problems) > 1:
        tables[ALL_PROBLEMS] = problems
    deterministic = deterministic_rows(summary)
    pairs: list[dict[str, Any]] = []
    grouped: list[dict[str, Any]] = []
    for track in dict.fromkeys(summary["track"]):
        trials = outcomes[outcomes["track"] == track]
        for label, of_table in tables.items():
            if label != ALL_PROBLEMS and summary["score"][summary["problem"] == label].isna().all():
                comparisons, means = _compare_objectives(summary, outcomes, track, label, deterministic)
                table = {"problem": label, "track": track, "measure": "objective"}
                pairs += [{**table, **comparison._asdict()} for comparison in comparisons]
                grouped += _groups(table, means, comparisons)
                continue
            scores = comparable_values(summary, outcomes, track, of_table)
            positions = {}  # the checkpoints at which deterministic optimizers reach all targets of the table
            for name in scores:
                if all((problem, name, track) in deterministic for problem in of_table):
                    rows = trials[trials["optimizer"] == name]
                    calls = dict(zip(rows["problem"], rows["calls_to_target"], strict=True))
                    of_problems = [
                        checkpoint_positions(np.array(calls[problem]), checkpoints[problem])
                        for problem in of_table
                    ]
                    positions[name] = np.concatenate(of_problems)
            laws = [samplings.get(problem, Sampling(problem)) for problem in of_table]
            comparisons = compare(scores, positions, laws)
            table = {"problem": label, "track": track, "measure": "score"}
            pairs += [{**table, **comparison._asdict()} for comparison in comparisons]
            means = {
                name: float(np.mean([of_problem.mean() for of_problem in vectors]))
                for name, vectors in scores.items()
            }
            grouped += _groups(table, means, comparisons)
    return pd.DataFrame(pairs, columns=COMPARISON_COLUMNS), pd.DataFrame(grouped, columns=GROUP_COLUMNS)


def _groups(
    table: Mapping[str, str], means: Mapping[str, float], comparisons: Sequence[Comparison]
) -> list[dict[str, Any]]:
    return [
        {**table, "optimizer": name, "group": number}
        for number, names in enumerate(group_by_significance(means, comparisons), start=1)
        for name in names
    ]


def _compare_objectives(
    summary: pd.DataFrame,
    outcomes: pd.DataFrame,
    track: str,
    problem: str,
    deterministic: frozenset[RowLabels],
) -> tuple[list[Comparison], dict[str, float]]:
    """Compare the final objectives on a problem; the means have the opposite sign, so that higher ones are better."""
    objectives = comparable_values(summary, outcomes, track, [problem], "objective")
    if not objectives:
        return [], {}
    values = np.concatenate([vector for (vector,) in objectives.values()])
    unit = float(np.median(np.abs(values))) or 1.0  # the tests take differences below a fixed size for ties
    scores = {name: [-vector / unit] for name, (vector,) in objectives.items()}
    ordered = np.unique(values)
    positions = {  # two apart, so that different values are different
        name: 2 * np.searchsorted(ordered, vector)
        for name, (vector,) in objectives.items()
        if (problem, name, track) in deterministic
    }
    comparisons = [
        pair._replace(difference=-unit * pair.difference, low=-unit * pair.high, high=-unit * pair.low)
        for pair in compare(scores, positions)
    ]
    return comparisons, {name: float(vector.mean()) for name, (vector,) in scores.items()}


def checkpoints_of(plan: Plan) -> dict[str, np.ndarray]:
    """Return the calls at which the trials of each problem are measured."""
    every_call = plan.checkpoints == "all"
    return {
        problem.label: np.array(
            range(1, problem.budget + 1) if every_call else checkpoint_calls(problem.budget)
        )
        for problem in plan.problems
    }
