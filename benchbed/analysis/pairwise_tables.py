"""Pairwise comparisons and groups of the optimizers in every table of a study (protocol, rule 11)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import comparable_scores, deterministic_rows
from benchbed.analysis.pairwise_tests import Comparison, checkpoint_positions, compare, group_by_significance
from benchbed.checkpoints import checkpoint_calls
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.plan import Plan

COMPARISON_COLUMNS = ["problem", "track", *Comparison._fields]
GROUP_COLUMNS = ["problem", "track", "optimizer", "group"]


def comparisons_of(
    summary: pd.DataFrame, outcomes: pd.DataFrame, checkpoints: Mapping[str, np.ndarray]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compute every paired comparison, and the group of every compared row, counted from 1 for the best.

    A table is a problem and a track, or a track over all problems. Rows of the exact oracle, rows without a score and
    rows with fewer seeds than others are not compared. The single trial of a deterministic row represents every seed,
    and two deterministic rows are compared directly. `checkpoints` are those of each problem, see `checkpoints_of`.
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
            scores = comparable_scores(summary, outcomes, track, of_table)
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
            comparisons = compare(scores, positions)
            table = {"problem": label, "track": track}
            pairs += [{**table, **comparison._asdict()} for comparison in comparisons]
            means = {
                name: float(np.mean([of_problem.mean() for of_problem in vectors]))
                for name, vectors in scores.items()
            }
            for number, names in enumerate(group_by_significance(means, comparisons), start=1):
                grouped += [{**table, "optimizer": name, "group": number} for name in names]
    return pd.DataFrame(pairs, columns=COMPARISON_COLUMNS), pd.DataFrame(grouped, columns=GROUP_COLUMNS)


def checkpoints_of(plan: Plan) -> dict[str, np.ndarray]:
    """Return the calls at which the trials of each problem are measured."""
    every_call = plan.checkpoints == "all"
    return {
        problem.label: np.array(
            range(1, problem.budget + 1) if every_call else checkpoint_calls(problem.budget)
        )
        for problem in plan.problems
    }
