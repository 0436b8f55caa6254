"""The benchmark of selection: what each rule chooses, and what its choices are worth."""

import importlib.util
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import benchbed
from benchbed.analysis.outcomes import Outcome
from benchbed.executors import serial

SOURCE = Path(__file__).parents[2] / "benchmarks" / "selection.py"
MIDDLE = 1e-2
NEVER = math.inf


@pytest.fixture(scope="module")
def selection():
    """The script as a module."""
    specification = importlib.util.spec_from_file_location("selection", SOURCE)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture
def trial(selection):
    """Give a function that makes a trial from its score, its gap and its calls to two targets."""
    return lambda score, gap, calls: selection.Trial(Outcome("exhausted", score, gap), calls)


def chosen(selection, tuning):
    return {name: rule(tuning, MIDDLE) for name, rule in selection.RULES.items()}


def test_each_rule_chooses_what_it_looks_at(selection, trial):
    """The best score, the fewest calls to the hardest target, and the smallest gap belong to three rates."""
    tuning = {
        1e-3: [trial(0.9, 3.0, (2.0, 40.0))],
        1e-2: [trial(0.5, 2.0, (9.0, 20.0))],
        1e-1: [trial(0.2, 1.0, (5.0, 30.0))],
    }
    assert chosen(selection, tuning) == {"score": 1e-3, "calls": 1e-2, "reached": 1e-2, "gap": 1e-1}


def test_where_the_hardest_target_is_out_of_reach(selection, trial):
    """`calls` falls back on the gap; `reached` looks at the hardest target that some rate does reach."""
    tuning = {
        1e-3: [trial(0.9, 3.0, (2.0, NEVER))],
        1e-2: [trial(0.5, 2.0, (9.0, NEVER))],
        1e-1: [trial(0.2, 1.0, (NEVER, NEVER))],
    }
    assert chosen(selection, tuning) == {"score": 1e-3, "calls": 1e-1, "reached": 1e-3, "gap": 1e-1}


def test_a_target_counts_as_reached_in_half_of_the_trials(selection, trial):
    """Medians are lower ones: of two trials the better, of three the second."""
    two = [trial(0.0, 1.0, (5.0,)), trial(0.0, 1.0, (NEVER,))]
    assert selection.calls_of(two, 0) == 5.0
    assert selection.calls_of([*two, trial(0.0, 1.0, (NEVER,))], 0) == NEVER


def test_equal_calls_are_decided_by_the_gap_and_equal_gaps_by_the_middle(selection, trial):
    """As selection by score decides; of two rates as near to the middle the smaller."""
    same = [trial(0.5, 1.0, (5.0,))]
    assert set(chosen(selection, dict.fromkeys((1e-4, 1e-3, 1e-1, 1.0), same)).values()) == {1e-3}
    smaller = {1e-4: [trial(0.5, 0.5, (5.0,))], 1e-2: same}
    assert set(chosen(selection, smaller).values()) == {1e-4}
    lost = {1e-6: [trial(0.0, math.inf, (NEVER,))], 1e-1: [trial(0.0, math.inf, (NEVER,))]}
    assert set(chosen(selection, lost).values()) == {1e-1}


def test_gains_are_averaged_within_studies_and_vary_between_them(selection):
    """The interval is that of SciPy's t test of one sample, the mean gain of each study."""
    gains = {0: (0.1, 0.3), 1: (0.0, 0.1), 2: (0.2, -0.1)}
    rates = {"score": 1.0, "gap": 2.0}
    choices = [
        selection.Choice("p", str(place), seed, rates, {"score": 0.5, "gap": 0.5 - gain})
        for seed, each in gains.items()
        for place, gain in enumerate(each)
    ]
    row = selection.row_of("p", "gap", choices)
    interval = stats.ttest_1samp([np.mean(each) for each in gains.values()], 0).confidence_interval(0.95)
    assert (row.low, row.high) == pytest.approx((interval.low, interval.high), abs=1e-15)
    assert (row.gain, row.score) == pytest.approx((0.1, 0.4), abs=1e-15)
    assert (row.choices, row.differ, row.worse, row.better) == (6, 6, 4, 1)
    assert selection.row_of("p", "gap", choices[:2])[5:7] == (None, None)


def test_a_choice_is_scored_as_a_study_scores_it(selection, tmp_path):
    """Selection by score gives the rate and the score of the tuned track, and hindsight is never worse."""
    asked = {"problems": ["quadratic"], "optimizers": ["adam"], "preset": "quick", "device": "cpu"}
    study = benchbed.run(**asked, tracks=["tuned"], steps=60, output=tmp_path, executor="serial")
    (row,) = study.summary.itertuples()
    (choice,) = selection.choices_of([study.plan], serial(1))
    assert f'"learning_rate": {choice.rates["score"]}' in row.hyperparameters
    assert choice.scores["score"] == pytest.approx(row.score, abs=1e-15)
    assert choice.scores["hindsight"] == max(choice.scores.values())
