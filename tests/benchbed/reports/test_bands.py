"""Quartiles over calls, with lost trials counted as +∞."""

import math

import numpy as np
import pandas as pd
import pytest

from benchbed.reports.bands import describe_endings, lower_medians, quartiles


def random_study(seed):
    """Return trials and checkpoints: some without checkpoints, some lost, some with values that are not finite."""
    generator = np.random.default_rng(seed)
    trials, curves = [], []
    for trial in range(generator.integers(1, 9)):
        key = f"t{trial}"
        calls = np.unique(generator.integers(0, 60, generator.integers(0, 9))).astype(float)
        values = generator.choice(
            [0.1, 0.5, 2.0, math.nan, math.inf], len(calls), p=[0.3, 0.3, 0.3, 0.05, 0.05]
        )
        end = float(calls[-1] + generator.integers(0, 4)) if len(calls) else 0.0
        trials.append((key, generator.choice(["solved", "exhausted", "diverged", "failed"]), end))
        curves += [(key, *checkpoint) for checkpoint in zip(calls, values, strict=True)]
    return (
        pd.DataFrame(trials, columns=["trial_key", "status", "calls"]),
        pd.DataFrame(curves, columns=["trial_key", "calls", "gap"]).sample(frac=1, random_state=seed),
    )


def value_at(trial, curves, calls):
    """Return the value of one trial at one number of calls, by the definition."""
    earlier = curves[(curves["trial_key"] == trial.trial_key) & (curves["calls"] <= calls)].sort_values(
        "calls"
    )
    is_lost = trial.status in ("diverged", "failed") and calls >= trial.calls
    value = math.inf if is_lost or not len(earlier) else earlier["gap"].iloc[-1]
    return value if math.isfinite(value) else math.inf


@pytest.mark.parametrize("seed", range(30))
def test_quartiles_match_the_definition(seed):
    """At every number of calls: the ⌈n/4⌉-th, ⌈n/2⌉-th and ⌈3n/4⌉-th smallest value of the trials."""
    trials, curves = random_study(seed)
    for calls, *computed in quartiles(trials, curves, "gap", 64).itertuples(index=False):
        values = sorted(value_at(trial, curves, calls) for trial in trials.itertuples())
        assert computed == [values[math.ceil(len(values) * k / 4) - 1] for k in (1, 2, 3)]


def study_of(*statuses, calls=4.0):
    """Return a trial with checkpoints at 0 and 4 calls for each status."""
    keys = [f"t{index}" for index in range(len(statuses))]
    trials = pd.DataFrame({"trial_key": keys, "status": statuses, "calls": calls})
    curves = pd.DataFrame({"trial_key": keys * 2, "calls": [0.0] * len(keys) + [4.0] * len(keys), "gap": 0.5})
    return trials, curves


def test_calls_include_every_checkpoint_and_the_end_of_lost_trials():
    """Besides the start and the budget."""
    trials, curves = study_of("diverged", "solved", calls=6.0)
    assert quartiles(trials, curves, "gap", 10)["calls"].tolist() == [0, 4, 6, 10]


@pytest.mark.parametrize("status", ["solved", "converged", "exhausted"])
def test_finished_trials_keep_their_last_value(status):
    """A trial that ended before the budget stays in the median."""
    assert quartiles(*study_of(status), "gap", 10)["median"].tolist() == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(("lost", "median"), [(2, 0.5), (3, math.inf)])
def test_the_lower_median_is_finite_if_half_of_the_trials_are_measured(lost, median):
    """Two of four trials are enough, one is not (protocol, rule 9)."""
    trials, curves = study_of(*["solved"] * (4 - lost), *["failed"] * lost)
    assert quartiles(trials, curves, "gap", 10)["median"].iloc[-1] == median


def test_trials_without_checkpoints_are_infinite():
    """A trial that failed before its first checkpoint never had a value."""
    trials, curves = study_of("failed", calls=math.nan)
    assert quartiles(trials, curves[:0], "gap", 10)["median"].tolist() == [math.inf, math.inf]


def test_endings_count_the_trials_that_were_not_measured():
    """By status, out of all trials; empty if every trial was measured."""
    statuses = ["solved", "converged", "exhausted", "diverged", "failed", "timed_out"]
    trials, _ = study_of(*statuses)
    assert describe_endings(trials) == "1 of 6 diverged, 1 failed, 1 timed out"
    assert describe_endings(trials[:3]) == ""


def test_skipped_trials_do_not_count():
    """Neither in quartiles nor in medians; a line of skipped trials alone has no values."""
    curves = pd.DataFrame({"trial_key": ["a"], "calls": [0.0], "gap": [2.0]})
    keys = ["a", "b", "c"]
    trials = pd.DataFrame(
        {"trial_key": keys, "status": "skipped", "calls": math.nan, "gap": math.nan, "rate": 1.0}
    )
    assert quartiles(trials, curves, "gap", 10)["median"].isna().all()
    assert lower_medians(trials, "gap", ["rate"]).isna().all()
    trials.loc[0, ["status", "calls", "gap"]] = ["exhausted", 10.0, 2.0]
    assert (quartiles(trials, curves, "gap", 10)["median"] == 2).all()
    assert lower_medians(trials, "gap", ["rate"]).tolist() == [2]
    trials.loc[1, "status"] = "failed"
    trials.loc[2, "status"] = "diverged"
    assert lower_medians(trials, "gap", ["rate"]).tolist() == [math.inf]
