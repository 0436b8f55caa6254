"""95 % intervals of shares and means."""

import numpy as np
from scipy import stats

LEVEL = 0.95


def success_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return Wilson's interval of a success rate."""
    interval = stats.binomtest(successes, trials).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def mean_interval(values: np.ndarray) -> tuple[float, float]:
    """Return Student's interval of the mean of independent values `[seeds]`, of which there are at least two."""
    low, high = stats.t.interval(LEVEL, len(values) - 1, loc=values.mean(), scale=stats.sem(values))
    return float(low), float(high)
