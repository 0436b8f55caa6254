"""Metrics at the final points of the evaluation trials of each row."""

import numpy as np
import pandas as pd

from benchbed.analysis.intervals import median_interval
from benchbed.analysis.stored import StoredTrials
from benchbed.interfaces import MEASURED_STATUSES, START_IN_BASIN
from benchbed.tuning.outcomes import lower_median

_LABELS = ["problem", "optimizer", "track"]
COLUMNS = [*_LABELS, "metric", "trials", "median", "low", "high"]


def final_metrics(outcomes: pd.DataFrame, stored: StoredTrials) -> pd.DataFrame:
    """Compute the lower median of each metric over the trials of each row that have a value, and its interval.

    Trials that diverged or failed have no value.
    """
    measured = outcomes[outcomes["status"].isin(MEASURED_STATUSES)]
    rows = []
    for labels, trials in measured.groupby(_LABELS, sort=False):
        for metric, values in stored.metrics(stored.rows(trials["trial_key"].tolist())).items():
            measured_values = values[~np.isnan(values)]
            if metric != START_IN_BASIN and len(measured_values):
                low, high, _ = median_interval(measured_values)
                rows.append((*labels, metric, len(measured_values), lower_median(measured_values), low, high))
    return pd.DataFrame(rows, columns=COLUMNS)
