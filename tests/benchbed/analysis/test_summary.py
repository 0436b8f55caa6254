"""One row of the summary, computed from its trials."""

import math

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis.intervals import median_interval, success_interval
from benchbed.analysis.summary import summary_of
from benchbed.interfaces import Note
from benchbed.interfaces.notes import TargetsLost
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import trial_scores
from benchbed.tuning.scheduling import evaluated_settings

LIMITS = ["score_low", "score_high", "success_low", "success_high", "calls_low", "calls_high"]


@pytest.fixture
def row_of(plan_of):
    """Return a function that summarizes one optimizer on one problem, from the calls to each of its eight targets."""

    def make(problem, calls, status="exhausted", gap=1e-9, **fields):
        plan = plan_of((problem,), tracks=("default",), **fields)
        (pairing,) = plan.pairings()
        rows = [(pairing.problem, row) for row in evaluated_settings(PairingState(plan, pairing))]
        outcomes = pd.DataFrame(
            [
                {
                    "problem": problem, "optimizer": "adam", "track": "default", "seed": seed, "status": status,
                    "gap": gap, "objective": 2.0, "calls_to_target": reached,
                    "score": float(trial_scores(np.array(reached), 200)),
                }
                for seed, reached in enumerate(calls)
            ]
        )  # fmt: skip
        (row,) = summary_of(rows, outcomes).itertuples()
        return row

    return make


def test_a_deterministic_row_has_one_trial_and_no_interval(row_of):
    """Its numbers are those of the trial, with a note."""
    row = row_of("quadratic[start=2]", [[1.0, 5.0, 9.0, 20.0, *[math.inf] * 4]])
    assert (row.trials, row.success_rate, row.median_calls, row.gap) == (1, 1.0, 9.0, 1e-9)
    assert row.score == pytest.approx(sum(1 - math.log(calls) / math.log(200) for calls in (1, 5, 9, 20)) / 8)
    assert row.notes == (Note.DETERMINISTIC,)
    assert np.isnan([getattr(row, name) for name in LIMITS]).all()


def test_a_deterministic_row_that_never_succeeds_has_no_interval_either(row_of):
    """Infinite median calls are known exactly."""
    row = row_of("quadratic[start=2]", [[math.inf] * 8], status="diverged")
    assert (row.score, row.success_rate, row.median_calls, row.diverged) == (0.0, 0.0, math.inf, 1)
    assert np.isnan([getattr(row, name) for name in LIMITS]).all()


def test_a_single_seed_has_an_interval_of_the_success_rate_only(row_of):
    """Wilson's interval of one trial is wide; score and calls have none, so none is indicative."""
    row = row_of("quadratic", [[1.0, 5.0, 9.0, 20.0, *[math.inf] * 4]], seeds=1)
    assert (row.success_low, row.success_high) == success_interval(1, 1)
    assert np.isnan([row.score_low, row.score_high, row.calls_low, row.calls_high]).all()
    assert row.notes == ()


def test_two_seeds_have_all_intervals(row_of):
    """They are indicative."""
    calls = [[1.0, 5.0, 9.0, 20.0, *[math.inf] * 4], [1.0, 7.0, 30.0, 90.0, *[math.inf] * 4]]
    row = row_of("quadratic", calls, seeds=2)
    assert row.score_low < row.score < row.score_high
    assert (row.calls_low, row.calls_high) == median_interval(np.array([9.0, 30.0]))[:2] == (9.0, 30.0)
    assert row.notes == (Note.INDICATIVE_INTERVAL,)


def test_targets_that_are_lost_again_are_counted(row_of):
    """Two trials reach three targets each and end at a gap of 0.05: they keep 10⁻¹, and lose 10⁻² and 10⁻³."""
    reached = [1.0, 5.0, 9.0, *[math.inf] * 5]
    assert TargetsLost(4, 6) in row_of("quadratic", [reached, reached], gap=0.05).notes
    assert not any(
        isinstance(note, TargetsLost) for note in row_of("quadratic", [reached] * 2, gap=1e-3).notes
    )
