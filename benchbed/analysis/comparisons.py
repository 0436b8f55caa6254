"""Compare the optimizers of every table of a study, and group those that are not told apart (protocol, rule 11)."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.comparison import Comparison, compare, groups
from benchbed.analysis.overall import comparable_scores

OVERALL = ""
"""Stands for the problem in rows that average over all of them."""
COMPARISON_COLUMNS = ["problem", "track", *Comparison._fields]
GROUP_COLUMNS = ["problem", "track", "optimizer", "group"]


def comparisons_of(summary: pd.DataFrame, outcomes: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Give every paired comparison, and the group of every compared row, counted from 1 for the best.

    A table is a problem and a track, or a track over all problems. Rows of the exact oracle, rows without a score and
    rows with fewer seeds than others are not compared.
    """
    pairs: list[dict[str, Any]] = []
    grouped: list[dict[str, Any]] = []
    for problem, track, scores in _tables(summary, outcomes):
        table = {"problem": problem, "track": track}
        comparisons = compare(scores)
        pairs += [{**table, **comparison._asdict()} for comparison in comparisons]
        means = {name: float(np.mean([own.mean() for own in each])) for name, each in scores.items()}
        for number, names in enumerate(groups(means, comparisons), start=1):
            grouped += [{**table, "optimizer": name, "group": number} for name in names]
    return pd.DataFrame(pairs, columns=COMPARISON_COLUMNS), pd.DataFrame(grouped, columns=GROUP_COLUMNS)


def _tables(
    summary: pd.DataFrame, outcomes: pd.DataFrame
) -> Iterator[tuple[str, str, Mapping[str, list[np.ndarray]]]]:
    problems = list(dict.fromkeys(summary["problem"]))
    for track in dict.fromkeys(summary["track"]):
        for problem in problems:
            yield problem, track, comparable_scores(summary, outcomes, track, [problem])
        if len(problems) > 1:
            yield OVERALL, track, comparable_scores(summary, outcomes, track, problems)
