"""Compare two studies of the same plan: two commits, two machines, two settings."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.aggregate import comparable_scores, deterministic_rows
from benchbed.analysis.intervals import TIE, bootstrap_limits
from benchbed.analysis.pairwise_tests import paired_t_test
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.plan import Plan
from benchbed.study import Study


class Change(NamedTuple):
    """What became of one row from the first study to the second, over the same seeds."""

    problem: str
    """A problem, or `ALL_PROBLEMS`."""
    optimizer: str
    track: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    """Limits of the difference: 95 %, paired by seed; equal numbers have limits of no width. NaN with one trial."""
    p_value: float
    is_exact: bool
    """Whether the row is deterministic in both studies, so that nothing was sampled: its difference has no limits."""


def compare_studies(first: Study, second: Study) -> list[Change]:
    """Give the change of every row that both studies have, paired by seed, and of its mean over problems.

    Raises: UsageError if budgets, targets, dtypes, presets, seeds or tolerances differ, so that scores do not compare;
    NothingSelectedError if no row is in both.
    """
    _check(first.plan, second.plan)
    shared = [problem.label for problem in first.plan.problems if problem.label in second.results.problems]
    tracks = [track for track in first.plan.tracks if track in second.plan.tracks]
    changes = [
        change
        for track in tracks
        for problems in [*([label] for label in shared), *([shared] if len(shared) > 1 else [])]
        for change in _changes(first, second, track, problems)
    ]
    if not changes:
        raise NothingSelectedError(
            "the two studies share no row with a score; compare studies of the same problems"
        )
    return changes


def worsened(changes: list[Change], margin: float) -> list[Change]:
    """List the overall scores that fell by more than `margin`, exactly or with an interval that excludes 0."""
    has_mean = any(change.problem == ALL_PROBLEMS for change in changes)
    overall = [change for change in changes if change.problem == ALL_PROBLEMS or not has_mean]
    return [
        change for change in overall if change.difference < -margin and (change.is_exact or change.high < 0)
    ]


def frame_of(changes: list[Change]) -> pd.DataFrame:
    """Return the changes as a frame, one row each, with `problem` as it is printed."""
    return pd.DataFrame(
        [change._replace(problem=describe_problem(change.problem)) for change in changes],
        columns=Change._fields,
    )


def describe_problem(problem: str) -> str:
    """Return a problem, or the wording of `ALL_PROBLEMS`."""
    return "(mean over problems)" if problem == ALL_PROBLEMS else problem


def _changes(first: Study, second: Study, track: str, problems: list[str]) -> list[Change]:
    before, after = (_scores(study, track, problems) for study in (first, second))
    label = problems[0] if len(problems) == 1 else ALL_PROBLEMS
    return [
        _change(
            (label, name, track), (before[name], after[name]), _is_exact(first, second, name, track, problems)
        )
        for name in before
        if name in after
    ]


def _scores(study: Study, track: str, problems: list[str]) -> dict[str, list[np.ndarray]]:
    results = study.results
    return comparable_scores(results.summary, results.outcomes, track, problems)


def _is_exact(first: Study, second: Study, optimizer: str, track: str, problems: list[str]) -> bool:
    rows = {(problem, optimizer, track) for problem in problems}
    return all(deterministic_rows(study.results.summary) >= rows for study in (first, second))


def _change(
    row: tuple[str, str, str], scores: tuple[list[np.ndarray], list[np.ndarray]], is_exact: bool
) -> Change:
    before, after = scores
    differences = [new - old for new, old in zip(after, before, strict=True)]
    differences = [np.where(np.abs(each) < TIE, 0.0, each)[np.newaxis] for each in differences]
    low, high = bootstrap_limits(differences)
    return Change(
        *row,
        before=_mean(before),
        after=_mean(after),
        difference=_mean(differences),
        low=float(low[0]),
        high=float(high[0]),
        p_value=float(paired_t_test(differences).p_value[0]),
        is_exact=is_exact,
    )


def _mean(scores: list[np.ndarray]) -> float:
    return float(np.mean([of_problem.mean() for of_problem in scores]))


def _check(first: Plan, second: Plan) -> None:
    for name in ("protocol", "preset", "study_seed", "evaluation_seeds", "tolerance"):
        _refuse_difference(name.replace("_", " "), getattr(first, name), getattr(second, name))
    _refuse_difference("choice of checkpoints", first.checkpoints, second.checkpoints)
    others = {problem.label: problem for problem in second.problems}
    for problem in first.problems:
        if problem.label in others:
            for name in ("budget", "targets", "dtype"):
                what = f"{name} of {problem.label}"
                _refuse_difference(what, getattr(problem, name), getattr(others[problem.label], name))


def _refuse_difference(what: str, first: object, second: object) -> None:
    if first != second:
        one, other = ("not given" if value is None else value for value in (first, second))
        raise UsageError(
            f"the {what} is {one} in the first study and {other} in the second, so their scores do not compare; "
            "run both with the same options"
        )
