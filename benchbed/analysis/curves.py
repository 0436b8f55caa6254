"""Stored curves as a frame with one row a checkpoint."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

CURVE_COLUMNS = ("curve_calls", "curve_objective", "curve_gradient_norm", "curve_theta")
PLANE = 2
"""Dimension of the problems whose paths are drawn."""


def curves_of(trials: pa.Table, keys: set[str]) -> pd.DataFrame:
    """Return `trial_key, calls, objective, gap, gradient_norm, theta_0, theta_1` of trials, one row a checkpoint.

    The gap is NaN without a known optimum, theta unless there are two dimensions. The keys are categorical: as strings
    they would take most of the memory and of the time.
    """
    is_selected = pc.is_in(trials["trial_key"], pa.array(sorted(keys), type=pa.string()))
    is_measured = pc.greater(pc.fill_null(pc.list_value_length(trials["curve_calls"]), 0), 0)
    table = trials.filter(pc.and_(is_selected, is_measured))
    trial_keys = table["trial_key"].to_pylist()
    lengths = _numbers(pc.list_value_length(table["curve_calls"])).astype(int)
    objective = _flatten(table["curve_objective"])
    optimum, scale = (np.repeat(_numbers(table[name]), lengths) for name in ("optimum", "scale"))
    paths = _plane_paths(table, lengths)
    return pd.DataFrame(
        {
            "trial_key": pd.Categorical.from_codes(
                np.repeat(np.arange(len(trial_keys)), lengths), trial_keys
            ),
            "calls": _flatten(table["curve_calls"]),
            "objective": objective,
            "gap": (objective - optimum) / scale,
            "gradient_norm": _flatten(table["curve_gradient_norm"]),
            "theta_0": paths[:, 0],
            "theta_1": paths[:, 1],
        }
    )


def _plane_paths(table: pa.Table, lengths: np.ndarray) -> np.ndarray:
    """Return the paths `[checkpoints, 2]`, NaN for trials of another dimension."""
    paths = np.full((int(lengths.sum()), PLANE), np.nan)
    dimensions = _numbers(pc.list_value_length(pc.list_element(table["curve_theta"], 0)))
    is_plane = dimensions == PLANE  # the dimension is NaN if the path was too large to be stored
    points = table["curve_theta"].filter(pa.array(is_plane))
    paths[np.repeat(is_plane, lengths)] = _flatten(pc.list_flatten(points)).reshape(-1, PLANE)
    return paths


def _flatten(column: pa.ChunkedArray) -> np.ndarray:
    return _numbers(pc.list_flatten(column))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=float)
