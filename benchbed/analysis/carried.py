"""Values of trials carried on from checkpoint to checkpoint up to the budget."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from benchbed.interfaces import MEASURED_STATUSES


class CarriedCheckpoints(NamedTuple):
    """The checkpoint that holds for each trial at each number of calls."""

    calls: np.ndarray
    """Every number of calls at which a trial was measured or lost, with 0 and the budget: `[calls]`."""
    positions: np.ndarray
    """Positions in the curves: `[trials, calls]`; −1 before the first checkpoint, and from the end of a lost trial."""


def carried_checkpoints(
    trials: pd.DataFrame, calls: np.ndarray, positions_by_trial: Mapping[Any, Any], budget: float
) -> CarriedCheckpoints:
    """Return the checkpoints of trials at common numbers of calls, so that none leaves a median when it ends.

    Args:
        trials: Trials of one line, with trial_key, status and calls.
        calls: Calls at all checkpoints of the curves: `[checkpoints]`.
        positions_by_trial: Array of the positions of a trial's checkpoints among them, by its key; keys may be missing.
        budget: Last number of calls.
    """
    is_measured = trials["status"].isin(MEASURED_STATUSES)
    lost_at = trials["calls"].astype(float).where(~is_measured, math.inf).fillna(math.inf).to_numpy()
    nowhere = np.array([], dtype=int)
    checkpoints = [positions_by_trial.get(key, nowhere) for key in trials["trial_key"]]
    positions = np.concatenate([nowhere, *checkpoints])
    row = np.repeat(np.arange(len(trials)), [len(of_trial) for of_trial in checkpoints])
    order = np.lexsort((calls[positions], row))
    positions, row = positions[order], row[order]
    grid = np.unique(np.concatenate([[0.0, budget], calls[positions], lost_at[np.isfinite(lost_at)]]))
    latest = np.full((len(trials), len(grid)), -1)  # in the order of rows and calls
    latest[row, np.searchsorted(grid, calls[positions])] = np.arange(len(positions))
    carried = np.append(positions, -1)[np.maximum.accumulate(latest, axis=1)]
    carried[grid >= lost_at[:, np.newaxis]] = -1
    return CarriedCheckpoints(grid, carried)
