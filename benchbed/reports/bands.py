"""Quartiles and medians of trials, with +∞ for trials that were lost."""

import math

import numpy as np
import pandas as pd

from benchbed.analysis.carried import carried_checkpoints
from benchbed.interfaces import MEASURED_STATUSES, TrialStatus
from benchbed.tuning.outcomes import lower_median


def quartiles(trials: pd.DataFrame, curves: pd.DataFrame, column: str, budget: float) -> pd.DataFrame:
    """Compute the quartiles of `column` over trials, at every number of calls at which any of them changes.

    A trial that ended keeps its last value up to the budget. It counts as +∞ before its first checkpoint, at values
    that are not finite, and from its end on if it was lost. Skipped trials do not count; NaN without others.

    Args:
        trials: Trials of one line, with trial_key, status and calls.
        curves: Checkpoints of these trials, and maybe of others, with trial_key, calls and `column`.
        column: Name of the column with the values.
        budget: Last number of calls.

    Returns:
        Columns calls, lower, median and upper: the ⌈n/4⌉-th, ⌈n/2⌉-th and ⌈3n/4⌉-th smallest of n values.
    """
    trials = trials[trials["status"] != TrialStatus.SKIPPED]
    if trials.empty:
        return pd.DataFrame(
            {"calls": [0.0, budget], "lower": math.nan, "median": math.nan, "upper": math.nan}
        )
    curves = curves[curves["trial_key"].isin(trials["trial_key"])]  # grouping those of all lines takes longer
    positions_by_trial = curves.groupby("trial_key", observed=True).indices
    carried = carried_checkpoints(trials, curves["calls"].to_numpy(float), positions_by_trial, budget)
    values = np.append(curves[column].to_numpy(float), math.inf)
    values[~np.isfinite(values)] = math.inf
    ordered = np.sort(values[carried.positions], axis=0)
    ranks = [max(math.ceil(share * len(trials)), 1) for share in (0.25, 0.5, 0.75)]
    lower, median, upper = (ordered[rank - 1] for rank in ranks)
    return pd.DataFrame({"calls": carried.calls, "lower": lower, "median": median, "upper": upper})


def lower_medians(trials: pd.DataFrame, column: str, keys: list[str]) -> "pd.Series[float]":
    """Compute the lower median of `column` over the trials with the same `keys`.

    A lost trial counts as +inf, a skipped one does not count; NaN without others.
    """
    values = trials[column].astype(float).where(trials["status"].isin(MEASURED_STATUSES), math.inf)
    values = values.fillna(math.inf).mask(trials["status"] == TrialStatus.SKIPPED)
    return values.groupby([trials[key] for key in keys]).agg(
        lambda of_group: lower_median(of_group.dropna().to_numpy()) if of_group.notna().any() else math.nan
    )


def describe_endings(trials: pd.DataFrame) -> str:
    """Format how many trials were lost or skipped: `3 of 20 diverged, 1 failed`; empty if none."""
    statuses = trials["status"][~trials["status"].isin(MEASURED_STATUSES)].str.replace("_", " ")
    counts = [f"{count} {status}" for status, count in sorted(statuses.value_counts().items())]
    return ", ".join(counts).replace(" ", f" of {len(trials)} ", 1)
