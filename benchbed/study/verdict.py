"""Verdict on the changes between two studies: the scores that fell."""

from collections.abc import Sequence

import numpy as np

from benchbed.analysis.pairwise_tests import SIGNIFICANT, holm
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.study.compare import Change


def worsened(changes: Sequence[Change], margin: float, per_problem: bool = False) -> list[Change]:
    """Return the scores that fell by more than `margin`, exactly or significantly.

    The mean over problems, or the score on the only problem, is one comparison an optimizer: its interval excludes 0.
    On each of several problems the adjusted p is below 0.05. With `per_problem` each problem is a test of its own: its
    p values are adjusted over its rows alone, and means do not count.
    """
    if per_problem:
        changes = _adjusted_by_problem(changes)
    has_mean = any(change.problem == ALL_PROBLEMS for change in changes)

    def is_significant(change: Change) -> bool:
        if not per_problem and (change.problem == ALL_PROBLEMS or not has_mean):
            return change.high < 0
        return change.adjusted_p < SIGNIFICANT

    return [
        change
        for change in changes
        if change.difference < -margin and (change.is_exact or is_significant(change))
    ]


def _adjusted_by_problem(changes: Sequence[Change]) -> list[Change]:
    """Return the changes on problems, with p values adjusted over the rows of one problem."""
    by_problem: dict[str, list[Change]] = {}
    for change in changes:
        if change.problem != ALL_PROBLEMS:
            by_problem.setdefault(change.problem, []).append(change)
    adjusted = []
    for rows in by_problem.values():
        p_values = holm(np.array([np.nan if change.is_exact else change.p_value for change in rows]))
        adjusted += [change._replace(adjusted_p=float(p)) for change, p in zip(rows, p_values, strict=True)]
    return adjusted
