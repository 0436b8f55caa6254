"""The share of starts in the basin of the optimum, from trials as they are stored."""

import math

import pandas as pd
import pytest

from benchbed.analysis.secondary_metrics import basin_shares
from benchbed.interfaces import START_IN_BASIN
from benchbed.store import table_of


def metrics(inside):
    return [("distance", 0.5), (START_IN_BASIN, inside)]


def shares(trials):
    """Give the shares of `(problem, optimizer, seed, metrics)`, read back from the store."""
    keys = [str(number) for number in range(len(trials))]
    rows = [{"trial_key": key, "metrics": trial[3]} for key, trial in zip(keys, trials, strict=True)]
    stored = {row["trial_key"]: row for row in table_of(rows).to_pylist()}
    outcomes = pd.DataFrame([trial[:3] for trial in trials], columns=["problem", "optimizer", "seed"])
    return basin_shares(outcomes.assign(trial_key=keys), stored)


def test_the_share_is_that_of_the_trials_that_say():
    """Two of three; a crashed trial has no metrics, and one whose plugin raised has none of this name."""
    told = [metrics(1.0), metrics(0.0), None, metrics(1.0), [], [("distance", 0.1)]]
    assert shares([("p", "a", seed, values) for seed, values in enumerate(told)]) == {"p": 2 / 3}


@pytest.mark.parametrize("told", [None, [], [("distance", 0.1)], metrics(math.nan)])
def test_a_problem_of_which_no_trial_says_has_no_share(told):
    """There is one minimum, or the basins are not known, or nothing was measured."""
    assert shares([("p", "a", 0, told), ("q", "a", 0, metrics(0.0))]) == {"q": 0.0}


def test_each_start_counts_once():
    """Of two seeds, one starts inside: also where one optimizer has a trial more, or lost one."""
    trials = [("p", optimizer, seed, metrics(float(seed == 0))) for optimizer in "ab" for seed in (0, 1)]
    assert shares([*trials, ("p", "c", 0, metrics(1.0)), ("p", "d", 1, None)]) == {"p": 0.5}


def test_without_trials_there_is_no_share():
    """A study that has not begun."""
    assert shares([]) == {}
