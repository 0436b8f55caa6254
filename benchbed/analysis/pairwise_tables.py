"""Compare the optimizers of every table of a study, and group those that are not told apart (protocol, rule 11)."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import comparable_scores, deterministic_rows
from benchbed.analysis.pairwise_tests import Comparison, checkpoint_positions, compare, groups
from benchbed.checkpoints import checkpoint_calls
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.plan import Plan

COMPARISON_COLUMNS = ["problem", "track", *Comparison._fields]
GROUP_COLUMNS = ["problem", "track", "optimizer", "group"]


class Table(NamedTuple):
    """The rows that are compared with each other."""

    problems: list[str]
    track: str
    scores: Mapping[str, list[np.ndarray]]

    @property
    def label(self) -> str:
        """Names the problem, or all of them."""
        return self.problems[0] if len(self.problems) == 1 else ALL_PROBLEMS


def comparisons_of(
    summary: pd.DataFrame, outcomes: pd.DataFrame, checkpoints: Mapping[str, np.ndarray]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every paired comparison, and the group of every compared row, counted from 1 for the best.

    A table is a problem and a track, or a track over all problems. Rows of the exact oracle, rows without a score and
    rows with fewer seeds than others are not compared; but the one trial of a deterministic row stands for every seed,
    and two of these rows are compared directly. `checkpoints` are those of each problem, see `checkpoints_of`.
    """
    pairs: list[dict[str, Any]] = []
    grouped: list[dict[str, Any]] = []
    for table in _tables(summary, outcomes):
        place = {"problem": table.label, "track": table.track}
        comparisons = compare(table.scores, _positions(table, summary, outcomes, checkpoints))
        pairs += [{**place, **comparison._asdict()} for comparison in comparisons]
        means = {name: float(np.mean([own.mean() for own in each])) for name, each in table.scores.items()}
        for number, names in enumerate(groups(means, comparisons), start=1):
            grouped += [{**place, "optimizer": name, "group": number} for name in names]
    return pd.DataFrame(pairs, columns=COMPARISON_COLUMNS), pd.DataFrame(grouped, columns=GROUP_COLUMNS)


def checkpoints_of(plan: Plan) -> dict[str, np.ndarray]:
    """Give the calls at which the trials of each problem are measured: every one, if that is what was asked for."""
    every_call = plan.checkpoints == "all"
    return {
        problem.label: np.array(
            range(1, problem.budget + 1) if every_call else checkpoint_calls(problem.budget)
        )
        for problem in plan.problems
    }


def _tables(summary: pd.DataFrame, outcomes: pd.DataFrame) -> Iterator[Table]:
    problems = list(dict.fromkeys(summary["problem"]))
    for track in dict.fromkeys(summary["track"]):
        for compared in [*([problem] for problem in problems), *([problems] if len(problems) > 1 else [])]:
            yield Table(compared, track, comparable_scores(summary, outcomes, track, compared))


def _positions(
    table: Table, summary: pd.DataFrame, outcomes: pd.DataFrame, checkpoints: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Give where the optimizers that are deterministic on all problems of a table reach their targets."""
    fixed = deterministic_rows(summary)
    trials = outcomes[outcomes["track"] == table.track]
    return {
        name: np.concatenate(
            [
                checkpoint_positions(_calls(trials, problem, name), checkpoints[problem])
                for problem in table.problems
            ]
        )
        for name in table.scores
        if all((problem, name, table.track) in fixed for problem in table.problems)
    }


def _calls(trials: pd.DataFrame, problem: str, optimizer: str) -> np.ndarray:
    """Give the calls to each target of a row's only trial, `[targets]`."""
    own = trials[(trials["problem"] == problem) & (trials["optimizer"] == optimizer)]
    return np.array(own["calls_to_target"].iloc[0], dtype=float)
