"""Reduce the trials of one line of a figure to a median and a band, with +∞ for what diverged or failed."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.interfaces import MEASURED_STATUSES


class Curve(NamedTuple):
    """One trial over time; from `lost_at` calls on (+inf: never) it counts as +∞."""

    calls: np.ndarray  # [checkpoints]
    values: np.ndarray  # [checkpoints]
    lost_at: float


class Band(NamedTuple):
    """Quartiles and median of some trials over a grid of calls; +inf where that many were lost."""

    calls: np.ndarray  # [grid]
    lower: np.ndarray  # [grid]
    median: np.ndarray  # [grid]
    upper: np.ndarray  # [grid]


def order_statistic(values: np.ndarray, share: float) -> np.ndarray:
    """Give the ⌈share · n⌉-th smallest of `values: [n, ...]`; ½ gives the lower median of the protocol."""
    rank = max(math.ceil(share * len(values)), 1)
    result: np.ndarray = np.sort(values, axis=0)[rank - 1]
    return result


def fill_forward(curve: Curve, grid: np.ndarray) -> np.ndarray:
    """Give `[grid]` values: at each number of calls the newest checkpoint, the last one carried forward.

    Before the first checkpoint, from the loss of the trial on, and where a value is not finite, it is +inf.
    """
    if not len(curve.calls):
        return np.full(len(grid), math.inf)
    newest = np.searchsorted(curve.calls, grid, side="right") - 1
    values = np.where(newest < 0, math.inf, curve.values[np.maximum(newest, 0)])
    return np.where(np.isfinite(values) & (grid < curve.lost_at), values, math.inf)


def band(curves: list[Curve], budget: float) -> Band:
    """Give median and quartiles over the union of all calls to the budget, the moments of loss included."""
    moments = [np.array([0.0, budget]), *(curve.calls for curve in curves)]
    moments.append(np.array([curve.lost_at for curve in curves if math.isfinite(curve.lost_at)]))
    grid = np.unique(np.concatenate(moments))
    values = np.stack([fill_forward(curve, grid) for curve in curves])
    return Band(grid, *(order_statistic(values, share) for share in (0.25, 0.5, 0.75)))


def curves_of(trials: pd.DataFrame, checkpoints: Mapping[str, np.ndarray]) -> list[Curve]:
    """Give the curve of each trial; one that did not survive is lost at the call at which it ended.

    `checkpoints` are the calls and the value to be shown, `[checkpoints, 2]`.
    """
    return [
        _curve(checkpoints.get(key), math.inf if status in MEASURED_STATUSES else float(calls))
        for key, status, calls in zip(trials["trial_key"], trials["status"], trials["calls"], strict=True)
    ]


def checkpoints_of(curves: pd.DataFrame, trials: pd.DataFrame, *columns: str) -> dict[str, np.ndarray]:
    """Give the checkpoints of `trials` by key, in the order of their calls: `[checkpoints, columns]`."""
    wanted = curves[curves["trial_key"].isin(trials["trial_key"].unique())]
    codes, keys = pd.factorize(wanted["trial_key"])
    order = np.lexsort([wanted["calls"].to_numpy(), codes])
    numbers = wanted[list(columns)].to_numpy(dtype=float)[order]
    ends = np.cumsum(np.bincount(codes, minlength=len(keys)))
    return dict(zip(map(str, keys), np.split(numbers, ends[:-1]), strict=False))


def endings(trials: pd.DataFrame) -> str:
    """Say how many trials ended badly, and how: `3 of 20 diverged, 1 failed`; nothing when all survived."""
    counts = trials["status"].value_counts()
    bad = {str(status): int(count) for status, count in counts.items() if status not in MEASURED_STATUSES}
    words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in sorted(bad.items()))
    return words.replace(" ", f" of {len(trials)} ", 1)


def _curve(rows: np.ndarray | None, lost_at: float) -> Curve:
    if rows is None:
        # Nothing was measured: a trial that never ran, or died first, is +∞ all along.
        return Curve(np.empty(0), np.empty(0), 0.0)
    return Curve(rows[:, 0], rows[:, 1], math.inf if math.isnan(lost_at) else lost_at)
