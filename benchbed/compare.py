"""Compare two studies of the same plan: two commits, two machines, two settings."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.analysis.comparison import paired_t_test
from benchbed.analysis.intervals import TIE, bootstrap_limits
from benchbed.analysis.overall import comparable_scores
from benchbed.errors import NothingSelectedError, UsageError
from benchbed.plan import Plan
from benchbed.study import Study

OVERALL = "(mean over problems)"


class Change(NamedTuple):
    """What became of one row from the first study to the second, over the same seeds."""

    problem: str
    """A problem, or `OVERALL`."""
    optimizer: str
    track: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    """Limits of the difference: 95 %, paired by seed; equal numbers have limits of no width."""
    p_value: float


def compare_studies(first: Study, second: Study) -> list[Change]:
    """Give the change of every row that both studies have, paired by seed, and of its mean over problems.

    Raises: UsageError if budgets, targets, dtypes, presets or seeds differ, so that scores do not compare;
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
    """List the overall scores that fell by more than `margin`, with an interval that excludes 0."""
    has_mean = any(change.problem == OVERALL for change in changes)
    overall = [change for change in changes if change.problem == OVERALL or not has_mean]
    return [change for change in overall if change.difference < -margin and change.high < 0]


def frame_of(changes: list[Change]) -> pd.DataFrame:
    """Give the changes as a frame, one row each."""
    return pd.DataFrame(changes, columns=Change._fields)


def _changes(first: Study, second: Study, track: str, problems: list[str]) -> list[Change]:
    before, after = (_scores(study, track, problems) for study in (first, second))
    names = [name for name in before if name in after]
    return [_change(before[name], after[name], name, track, problems) for name in names]


def _scores(study: Study, track: str, problems: list[str]) -> dict[str, list[np.ndarray]]:
    results = study.results
    return comparable_scores(results.summary, results.outcomes, track, problems)


def _change(
    before: list[np.ndarray], after: list[np.ndarray], optimizer: str, track: str, problems: list[str]
) -> Change:
    differences = [new - old for new, old in zip(after, before, strict=True)]
    differences = [np.where(np.abs(each) < TIE, 0.0, each)[np.newaxis] for each in differences]
    low, high = bootstrap_limits(differences)
    old, new = (float(np.mean([scores.mean() for scores in study])) for study in (before, after))
    return Change(
        problem=problems[0] if len(problems) == 1 else OVERALL,
        optimizer=optimizer,
        track=track,
        before=old,
        after=new,
        difference=float(np.mean([each.mean() for each in differences])),
        low=float(low[0]),
        high=float(high[0]),
        p_value=float(paired_t_test(differences).p_value[0]),
    )


def _check(first: Plan, second: Plan) -> None:
    for name in ("protocol", "preset", "study_seed", "evaluation_seeds"):
        _refuse_difference(name.replace("_", " "), getattr(first, name), getattr(second, name))
    others = {problem.label: problem for problem in second.problems}
    for problem in first.problems:
        if problem.label in others:
            for name in ("budget", "targets", "dtype"):
                what = f"{name} of {problem.label}"
                _refuse_difference(what, getattr(problem, name), getattr(others[problem.label], name))


def _refuse_difference(what: str, first: object, second: object) -> None:
    if first != second:
        raise UsageError(
            f"the {what} is {first} in the first study and {second} in the second, so their scores do not compare; "
            "run both with the same options"
        )
