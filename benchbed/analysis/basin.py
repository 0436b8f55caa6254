"""Say how many trials start in the basin of the optimum: what a success rate is compared with (protocol, rule 9)."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchbed.interfaces import START_IN_BASIN


def basin_shares(outcomes: pd.DataFrame, stored: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
    """Give, for each problem, the share of its starts that lie in the basin of the optimum.

    `stored` holds the rows of the trials by `trial_key`. A seed is one start, however many optimizers ran from it;
    trials that do not say (the plugin raised, the process died, the trial was skipped) are left out, and so is a
    problem of which none says: it has one minimum, or its basins are not known.
    """
    starts: dict[str, dict[int, float]] = {}
    for problem, seed, key in zip(outcomes["problem"], outcomes["seed"], outcomes["trial_key"], strict=True):
        found = _start_in_basin(stored[key]["metrics"])
        if not math.isnan(found):
            starts.setdefault(str(problem), {})[int(seed)] = found
    return {problem: sum(by_seed.values()) / len(by_seed) for problem, by_seed in starts.items()}


def _start_in_basin(metrics: Sequence[tuple[str, float]] | None) -> float:
    return dict(metrics or ()).get(START_IN_BASIN, math.nan)
