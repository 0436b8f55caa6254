"""Average each optimizer's scores over the problems of a study (protocol, rule 8)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import overall_interval
from benchbed.interfaces import Exclusion, Note

COLUMNS = ["optimizer", "track", "score", "score_low", "score_high", "reason"]

Row = tuple[str, str, str]
"""Problem, optimizer and track."""
_NONE = np.empty(0)


def overall_scores(summary: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """Compute one row an optimizer × track: the mean of its scores over problems, its interval, and `reason`.

    A problem on which an optimizer is deterministic counts as a constant; if there are no others, there is no interval.
    The score is NaN, and `reason` is an `Exclusion` instead of None, if a problem has no score, a trial was skipped, or
    a row used the exact oracle: a mean over fewer problems would not be comparable.
    """
    problems, scores = list(dict.fromkeys(summary["problem"])), _scores(outcomes)
    rows = []
    for (optimizer, track), group in summary.groupby(["optimizer", "track"], sort=False):
        reason = _reason(group, len(problems))
        vectors = [scores.get((problem, str(optimizer), str(track)), _NONE) for problem in problems]
        known = not reason and all(len(vector) for vector in vectors)
        low, high, _ = overall_interval(vectors) if known else (math.nan, math.nan, False)
        score = math.nan if reason else float(group["score"].mean())
        rows.append((optimizer, track, score, low, high, reason))
    return pd.DataFrame(rows, columns=COLUMNS)


def comparable_scores(
    summary: pd.DataFrame, outcomes: pd.DataFrame, track: str, problems: Sequence[str]
) -> dict[str, list[np.ndarray]]:
    """Give the scores, a vector `[seeds]` for each of `problems`, of every optimizer that may be compared on them.

    Those that lack seeds that others have are left out; a deterministic row has but one, which stands for all.
    """
    rows = summary[(summary["track"] == track) & summary["problem"].isin(problems)]
    scores = _scores(outcomes[(outcomes["track"] == track) & outcomes["problem"].isin(problems)])
    found = {
        str(optimizer): [scores.get((problem, str(optimizer), track), _NONE) for problem in problems]
        for optimizer, group in rows.groupby("optimizer", sort=False)
        if not _reason(group, len(problems))
    }
    most = [max((len(each[at]) for each in found.values()), default=0) for at in range(len(problems))]
    fixed = deterministic_rows(rows)
    return {
        name: each
        for name, each in found.items()
        if all(most) and _has_all_seeds(each, most, [(problem, name, track) in fixed for problem in problems])
    }


def deterministic_rows(summary: pd.DataFrame) -> frozenset[Row]:
    """Name the rows of `summary` of which no trial depends on its seed."""
    columns = (summary[name] for name in ("problem", "optimizer", "track", "notes"))
    return frozenset(
        (str(problem), str(optimizer), str(track))
        for problem, optimizer, track, notes in zip(*columns, strict=True)
        if Note.DETERMINISTIC in notes
    )


def _scores(outcomes: pd.DataFrame) -> Mapping[Row, np.ndarray]:
    """Give the scores `[seeds]` of every row that has any, in the order of its seeds."""
    rows = outcomes.sort_values("seed").groupby(["problem", "optimizer", "track"], sort=False)["score"]
    return {(str(p), str(o), str(t)): scores.to_numpy(dtype=float) for (p, o, t), scores in rows}


def _has_all_seeds(vectors: Sequence[np.ndarray], most: Sequence[int], fixed: Sequence[bool]) -> bool:
    return all(
        len(vector) == seeds or (is_fixed and len(vector) == 1)
        for vector, seeds, is_fixed in zip(vectors, most, fixed, strict=True)
    )


def has_note(summary: pd.DataFrame, note: Note) -> "pd.Series[bool]":
    """Return for each row of `summary` whether it has this note."""
    return summary["notes"].map(lambda notes: note in notes).astype(bool)


def _reason(group: pd.DataFrame, problems: int) -> Exclusion | None:
    if group["skipped"].any():
        return Exclusion.SKIPPED
    if has_note(group, Note.EXACT_ORACLE).any():
        return Exclusion.EXACT_ORACLE
    if group["score"].isna().any() or len(group) < problems:
        return Exclusion.NO_SCORE
    return None
