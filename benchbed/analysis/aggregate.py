"""Scores of each optimizer averaged over the problems of a study (protocol, rule 8)."""

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import overall_interval
from benchbed.analysis.strata import Sampling
from benchbed.interfaces import ALL_PROBLEMS, Exclusion, Note

COLUMNS = ["group", "optimizer", "track", "score", "score_low", "score_high", "reason"]
NO_MEAN_TRACK = "default"
"""The track without means over problems: a default rate measures the distance of the start over rate times budget."""

RowLabels = tuple[str, str, str]
"""Problem, optimizer and track."""
_NO_SCORES = np.empty(0)
_NONE: Mapping[str, Any] = MappingProxyType({})
_NO_SHIFTS: Mapping[RowLabels, np.ndarray] = MappingProxyType({})


def overall_scores(
    summary: pd.DataFrame,
    outcomes: pd.DataFrame,
    samplings: Mapping[str, Sampling] = _NONE,
    groups: Mapping[str, str] = _NONE,
    shifts: Mapping[RowLabels, np.ndarray] = _NO_SHIFTS,
) -> pd.DataFrame:
    """Compute one row an optimizer × track × group, and one over all problems, whose `group` is `ALL_PROBLEMS`.

    A row contains the mean of the scores over the problems, its interval, and `reason`. `samplings` are the laws of the
    instances by problem, by default all independent, and `groups` the groups; a single group has no rows. `shifts` are
    those of the rows whose setting was chosen, see `selection_shifts`.

    A problem on which an optimizer is deterministic counts as a constant; if there are no others, there is no interval.
    The score is NaN, and `reason` is an `Exclusion` instead of None, in the track `default`, and if a problem has no
    score, a trial was skipped, or a row used the exact oracle: a mean over fewer problems would not be comparable.
    """
    problems, scores = list(dict.fromkeys(summary["problem"])), _values_by_row(outcomes, "score")
    tables = {ALL_PROBLEMS: problems}
    names = list(dict.fromkeys(groups[problem] for problem in problems)) if groups else []
    if len(names) > 1:
        tables = {name: [p for p in problems if groups[p] == name] for name in names} | tables
    rows = []
    for name, of_table in tables.items():
        laws = [samplings.get(problem, Sampling(problem)) for problem in of_table]
        selected = summary[summary["problem"].isin(of_table)]
        for (optimizer, track), group in selected.groupby(["optimizer", "track"], sort=False):
            reason = _exclusion(group, len(of_table))
            if track == NO_MEAN_TRACK and len(problems) > 1:
                reason = Exclusion.DEFAULT_TRACK
            vectors = [scores.get((problem, str(optimizer), str(track)), _NO_SCORES) for problem in of_table]
            is_complete = reason is None and all(len(vector) for vector in vectors)
            shift = mean_shift(shifts, of_table, str(optimizer), str(track))
            low, high, _ = (
                overall_interval(vectors, laws, shift) if is_complete else (math.nan, math.nan, False)
            )
            score = float(group["score"].mean()) if reason is None else math.nan
            rows.append((name, optimizer, track, score, low, high, reason))
    return pd.DataFrame(rows, columns=COLUMNS)


def mean_shift(
    shifts: Mapping[RowLabels, np.ndarray], problems: Sequence[str], optimizer: str, track: str
) -> np.ndarray:
    """Return the shift `[DRAWS]` of a mean over problems; `[1]` if none of its settings was chosen."""
    of_problems = [shifts.get((problem, optimizer, track), np.zeros(1)) for problem in problems]
    return np.asarray(np.mean(np.broadcast_arrays(*of_problems), axis=0))


def share_within(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Return the share of all values, such as calls or their ratios, that are at most each of `limits: [n]`."""
    return np.asarray(np.searchsorted(np.sort(values), limits, side="right") / len(values))


def comparable_values(
    summary: pd.DataFrame, outcomes: pd.DataFrame, track: str, problems: Sequence[str], measure: str = "score"
) -> dict[str, list[np.ndarray]]:
    """Return the scores of every optimizer that may be compared on `problems`: a vector `[seeds]` for each problem.

    `measure` "objective" returns final objectives instead, of optimizers whose trials all have one.

    Optimizers that lack seeds that others have are left out; the single trial of a deterministic row represents every
    seed.
    """
    rows = summary[(summary["track"] == track) & summary["problem"].isin(problems)]
    outcomes = outcomes[(outcomes["track"] == track) & outcomes["problem"].isin(problems)]
    values, seeds = _values_by_row(outcomes, measure), seeds_by_row(outcomes)
    candidates = {
        str(optimizer): [values.get((problem, str(optimizer), track), _NO_SCORES) for problem in problems]
        for optimizer, group in rows.groupby("optimizer", sort=False)
        if _exclusion(group, len(problems), measure) is None
    }
    candidates = {
        name: vectors
        for name, vectors in candidates.items()
        if all(np.isfinite(vector).all() for vector in vectors)
    }
    deterministic = deterministic_rows(rows)
    every_seed = {
        problem: frozenset(
            outcomes["seed"][(outcomes["problem"] == problem) & outcomes["optimizer"].isin(candidates)]
        )
        for problem in problems
    }
    return {
        name: vectors
        for name, vectors in candidates.items()
        if all(
            (row := (problem, name, track)) in seeds
            and (seeds[row] == every_seed[problem] or row in deterministic)
            for problem in problems
        )
    }


def deterministic_rows(summary: pd.DataFrame) -> frozenset[RowLabels]:
    """Return the rows of `summary` of which no trial depends on its seed."""
    rows = summary[has_note(summary, Note.DETERMINISTIC)]
    columns = (rows[name].astype(str) for name in ("problem", "optimizer", "track"))
    return frozenset(zip(*columns, strict=True))


def has_note(summary: pd.DataFrame, note: Note) -> "pd.Series[bool]":
    """Return for each row of `summary` whether it has this note."""
    return summary["notes"].map(lambda notes: note in notes).astype(bool)


def _values_by_row(outcomes: pd.DataFrame, column: str) -> Mapping[RowLabels, np.ndarray]:
    """Return the values `[seeds]` of every row that has any, in the order of the seeds."""
    rows = outcomes.sort_values("seed").groupby(["problem", "optimizer", "track"], sort=False)[column]
    return {(str(p), str(o), str(t)): values.to_numpy(dtype=float) for (p, o, t), values in rows}


def seeds_by_row(outcomes: pd.DataFrame) -> Mapping[RowLabels, frozenset[int]]:
    """Return the seeds of every row that has trials."""
    rows = outcomes.groupby(["problem", "optimizer", "track"], sort=False)["seed"]
    return {(str(p), str(o), str(t)): frozenset(seeds.tolist()) for (p, o, t), seeds in rows}


def _exclusion(group: pd.DataFrame, problems: int, measure: str = "score") -> Exclusion | None:
    if group["skipped"].any():
        return Exclusion.SKIPPED
    if has_note(group, Note.EXACT_ORACLE).any():
        return Exclusion.EXACT_ORACLE
    if group[measure].isna().any() or len(group) < problems:
        return Exclusion.NO_SCORE
    return None
