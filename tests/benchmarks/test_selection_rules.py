"""The selection rules on trials with known outcomes."""

import importlib
import math

import pytest

from benchbed.tuning.outcomes import Outcome

MIDDLE = 1e-2
NEVER = math.inf


@pytest.fixture(scope="module")
def rules():
    """The module of the rules."""
    return importlib.import_module("selection_rules")


@pytest.fixture
def trial(rules):
    """Return a function that builds a trial from score, gap and calls to two targets."""
    return lambda score, gap, calls: rules.Trial(Outcome("exhausted", score, gap), calls)


def selections(rules, tuning):
    return {name: rule(tuning, MIDDLE) for name, rule in rules.RULES.items()}


def test_each_rule_selects_by_its_criterion(rules, trial):
    """The best score, the fewest calls to the hardest target and the smallest gap have different rates."""
    tuning = {
        1e-3: [trial(0.9, 3.0, (2.0, 40.0))],
        1e-2: [trial(0.5, 2.0, (9.0, 20.0))],
        1e-1: [trial(0.2, 1.0, (5.0, 30.0))],
    }
    assert selections(rules, tuning) == {"score": 1e-3, "calls": 1e-2, "reached": 1e-2, "gap": 1e-1}


def test_the_hardest_target_is_not_reached(rules, trial):
    """`calls` uses the gap; `reached` uses the hardest target that some rate reaches."""
    tuning = {
        1e-3: [trial(0.9, 3.0, (2.0, NEVER))],
        1e-2: [trial(0.5, 2.0, (9.0, NEVER))],
        1e-1: [trial(0.2, 1.0, (NEVER, NEVER))],
    }
    assert selections(rules, tuning) == {"score": 1e-3, "calls": 1e-1, "reached": 1e-3, "gap": 1e-1}


def test_a_target_counts_as_reached_in_half_of_the_trials(rules, trial):
    """The lower median is the better of two trials and the second of three."""
    two = [trial(0.0, 1.0, (5.0,)), trial(0.0, 1.0, (NEVER,))]
    assert rules.calls_of(two, 0) == 5.0
    assert rules.calls_of([*two, trial(0.0, 1.0, (NEVER,))], 0) == NEVER


def test_ties_are_broken_by_the_gap_and_then_by_the_middle(rules, trial):
    """As in selection by score; of two rates equally close to the middle the smaller."""
    equal = [trial(0.5, 1.0, (5.0,))]
    assert set(selections(rules, dict.fromkeys((1e-4, 1e-3, 1e-1, 1.0), equal)).values()) == {1e-3}
    smaller = {1e-4: [trial(0.5, 0.5, (5.0,))], 1e-2: equal}
    assert set(selections(rules, smaller).values()) == {1e-4}
    lost = {1e-6: [trial(0.0, math.inf, (NEVER,))], 1e-1: [trial(0.0, math.inf, (NEVER,))]}
    assert set(selections(rules, lost).values()) == {1e-1}
