"""Metrics at the final points of the evaluation trials of each row."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import median_interval
from benchbed.interfaces import MEASURED_STATUSES, START_IN_BASIN
from benchbed.tuning.outcomes import lower_median

_LABELS = ["problem", "optimizer", "track"]
COLUMNS = [*_LABELS, "metric", "trials", "median", "low", "high"]


def final_metrics(outcomes: pd.DataFrame, stored: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """Compute the lower median of each metric over the trials of each row that have a value, and its interval.

    `stored` are the rows of the store by trial key. Trials that diverged or failed have no value.
    """
    values: dict[tuple[str, ...], list[float]] = {}
    measured = outcomes[outcomes["status"].isin(MEASURED_STATUSES)]
    for *labels, key in measured[[*_LABELS, "trial_key"]].itertuples(index=False):
        for metric, value in stored[key]["metrics"] or ():
            if metric != START_IN_BASIN:
                values.setdefault((*labels, metric), []).append(value)
    rows = []
    for of_row, numbers in values.items():
        array = np.array(numbers)
        low, high, _ = median_interval(array)
        rows.append((*of_row, len(array), lower_median(array), low, high))
    return pd.DataFrame(rows, columns=COLUMNS)
