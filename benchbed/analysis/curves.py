"""Unroll the stored curves into one row a checkpoint."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

CURVE_COLUMNS = ("curve_calls", "curve_objective", "curve_gradient_norm", "curve_theta")
PLANE = 2
"""Dimensions of the problems whose paths are shown."""


def curves_of(trials: pa.Table, keys: set[str]) -> pd.DataFrame:
    """Give `trial_key, calls, objective, gap, gradient_norm, theta_0, theta_1` of these trials, a row a checkpoint.

    The gap is NaN without a known optimum, theta unless there are two dimensions. The keys are categories: as text they
    would take most of the frame's memory and of the time to make it.
    """
    wanted = pc.is_in(trials["trial_key"], pa.array(sorted(keys), type=pa.string()))
    measured = pc.greater(pc.fill_null(pc.list_value_length(trials["curve_calls"]), 0), 0)
    table = trials.filter(pc.and_(wanted, measured))
    present = table["trial_key"].to_pylist()
    lengths = _numbers(pc.list_value_length(table["curve_calls"])).astype(int)
    objective = _flat(table["curve_objective"])
    optimum, scale = (np.repeat(_numbers(table[name]), lengths) for name in ("optimum", "scale"))
    plane = _plane(table, lengths)
    return pd.DataFrame(
        {
            "trial_key": pd.Categorical.from_codes(np.repeat(np.arange(len(present)), lengths), present),
            "calls": _flat(table["curve_calls"]),
            "objective": objective,
            "gap": (objective - optimum) / scale,
            "gradient_norm": _flat(table["curve_gradient_norm"]),
            "theta_0": plane[:, 0],
            "theta_1": plane[:, 1],
        }
    )


def _plane(table: pa.Table, lengths: np.ndarray) -> np.ndarray:
    """Give the paths `[checkpoints, 2]`, NaN for trials of another dimension."""
    path = np.full((int(lengths.sum()), PLANE), np.nan)
    dimensions = _numbers(pc.list_value_length(pc.list_element(table["curve_theta"], 0)))
    is_plane = dimensions == PLANE  # NaN, where a path has too many dimensions to be kept, is no plane either
    points = table["curve_theta"].filter(pa.array(is_plane))
    path[np.repeat(is_plane, lengths)] = _flat(pc.list_flatten(points)).reshape(-1, PLANE)
    return path


def _flat(column: pa.ChunkedArray) -> np.ndarray:
    return _numbers(pc.list_flatten(column))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=float)
