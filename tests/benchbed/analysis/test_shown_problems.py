"""Tables show the targets that every trial scores, and no optimum that a trial contradicts."""

import json

import pytest

from benchbed.analysis.shown_problems import shown_plan, with_reason
from benchbed.interfaces import NoScoreBecause, Note, TargetsNotScored
from benchbed.store import table_of
from benchbed.tuning.outcomes import Outcome

REASON = NoScoreBecause("f* is nan")


@pytest.fixture
def shown(plan_of):
    """Return a function: notes of two trials on the first of two problems -> the shown plan and the reasons."""
    plan = plan_of(["quadratic", "quartic"], ["gd"])
    first = plan.problems[0]
    row = {"problem": first.name, "problem_parameters": json.dumps(first.parameters), "dtype": first.dtype}

    def show(*notes):
        trials = table_of([row | {"trial_key": str(index)} for index in range(len(notes))])
        outcomes = {
            str(index): Outcome("exhausted", 0.5, 0.1, notes=of_trial) for index, of_trial in enumerate(notes)
        }
        return plan, *shown_plan(plan, trials, outcomes)

    return show


def test_the_targets_that_any_trial_does_not_score_are_left_out(shown):
    """The hardest that remains is the success target, unless that one is easier."""
    plan, after, withheld = shown((TargetsNotScored(3, "float64"),), (TargetsNotScored(6, "float64"),))
    assert after.problems[0].targets == (0.1, 0.01)
    assert after.problems[0].success_target == 0.01
    assert after.problems[1] == plan.problems[1]
    assert not withheld
    assert shown((TargetsNotScored(3, "float64"),))[1].problems[0].success_target == 1e-3


def test_an_optimum_that_a_trial_contradicts_is_not_shown(shown):
    """Its problem has the reason, and the other keeps its optimum."""
    plan, after, withheld = shown((), (REASON,))
    assert [problem.has_optimum for problem in after.problems] == [False, plan.problems[1].has_optimum]
    assert withheld == {plan.problems[0].label: REASON}


def test_a_row_has_one_reason(shown):
    """That of its problem."""
    notes = (Note.DETERMINISTIC, NoScoreBecause("another"))
    assert with_reason(notes, REASON) == (Note.DETERMINISTIC, REASON)
    assert with_reason(notes, None) == notes
