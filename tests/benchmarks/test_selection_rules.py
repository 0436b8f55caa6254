"""The rules of selection: what each of them chooses."""

import importlib
import math

import pytest

from benchbed.tuning.outcomes import Outcome

MIDDLE = 1e-2
NEVER = math.inf


@pytest.fixture(scope="module")
def rules():
    """The module, which stands beside the benchmarks."""
    return importlib.import_module("selection_rules")


@pytest.fixture
def trial(rules):
    """Give a function that makes a trial from its score, its gap and its calls to two targets."""
    return lambda score, gap, calls: rules.Trial(Outcome("exhausted", score, gap), calls)


def chosen(rules, tuning):
    return {name: rule(tuning, MIDDLE) for name, rule in rules.RULES.items()}


def test_each_rule_chooses_what_it_looks_at(rules, trial):
    """The best score, the fewest calls to the hardest target, and the smallest gap belong to three rates."""
    tuning = {
        1e-3: [trial(0.9, 3.0, (2.0, 40.0))],
        1e-2: [trial(0.5, 2.0, (9.0, 20.0))],
        1e-1: [trial(0.2, 1.0, (5.0, 30.0))],
    }
    assert chosen(rules, tuning) == {"score": 1e-3, "calls": 1e-2, "reached": 1e-2, "gap": 1e-1}


def test_where_the_hardest_target_is_out_of_reach(rules, trial):
    """`calls` falls back on the gap; `reached` looks at the hardest target that some rate does reach."""
    tuning = {
        1e-3: [trial(0.9, 3.0, (2.0, NEVER))],
        1e-2: [trial(0.5, 2.0, (9.0, NEVER))],
        1e-1: [trial(0.2, 1.0, (NEVER, NEVER))],
    }
    assert chosen(rules, tuning) == {"score": 1e-3, "calls": 1e-1, "reached": 1e-3, "gap": 1e-1}


def test_a_target_counts_as_reached_in_half_of_the_trials(rules, trial):
    """Medians are lower ones: of two trials the better, of three the second."""
    two = [trial(0.0, 1.0, (5.0,)), trial(0.0, 1.0, (NEVER,))]
    assert rules.calls_of(two, 0) == 5.0
    assert rules.calls_of([*two, trial(0.0, 1.0, (NEVER,))], 0) == NEVER


def test_equal_calls_are_decided_by_the_gap_and_equal_gaps_by_the_middle(rules, trial):
    """As selection by score decides; of two rates as near to the middle the smaller."""
    same = [trial(0.5, 1.0, (5.0,))]
    assert set(chosen(rules, dict.fromkeys((1e-4, 1e-3, 1e-1, 1.0), same)).values()) == {1e-3}
    smaller = {1e-4: [trial(0.5, 0.5, (5.0,))], 1e-2: same}
    assert set(chosen(rules, smaller).values()) == {1e-4}
    lost = {1e-6: [trial(0.0, math.inf, (NEVER,))], 1e-1: [trial(0.0, math.inf, (NEVER,))]}
    assert set(chosen(rules, lost).values()) == {1e-1}
