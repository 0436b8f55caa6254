"""Average each optimizer's scores over the problems of a study (protocol, rule 8)."""

import pandas as pd

EXACT_ORACLE = "exact oracle"
"""Remark on a row whose gradient is free of the noise that the others must bear: such rows are not compared."""


def overall_scores(summary: pd.DataFrame) -> pd.DataFrame:
    """Give one row an optimizer × track: `optimizer`, `track`, `score`, the plain mean over problems, and `reason`.

    The score is NaN, and `reason` says why, where a problem gives no score, a trial was skipped, or a row saw the
    exact oracle: a mean over fewer problems would not compare with the others.
    """
    rows = []
    for (optimizer, track), group in summary.groupby(["optimizer", "track"], sort=False):
        reason = _reason(group, len(summary["problem"].unique()))
        score = float("nan") if reason else float(group["score"].mean())
        rows.append({"optimizer": optimizer, "track": track, "score": score, "reason": reason})
    return pd.DataFrame(rows, columns=["optimizer", "track", "score", "reason"])


def _reason(group: pd.DataFrame, problems: int) -> str:
    if group["skipped"].any():
        return "skipped on some problem"
    if group["notes"].map(lambda notes: EXACT_ORACLE in str(notes).split("; ")).any():
        return "exact oracle on some problem"
    if group["score"].isna().any() or len(group) < problems:
        return "no score on some problem"
    return ""
