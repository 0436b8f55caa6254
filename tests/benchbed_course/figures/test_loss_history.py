"""Losses at regular steps are those of the checkpoints, with the steps at which they were measured."""

import numpy as np
import pytest

from benchbed.interfaces import TrialStatus
from benchbed_course.figures.loss_history import loss_table, losses_every
from benchbed_course.figures.trials import Trial

pytestmark = pytest.mark.slow


@pytest.fixture
def trial():
    """A trial whose loss at step n is 1 / (1 + n), at checkpoints that miss most multiples of ten."""
    calls = np.array([0, 1, 5, 9, 12, 20, 33, 36])
    nothing = np.empty(0)
    return Trial(
        "p",
        "adam",
        0,
        {},
        TrialStatus.EXHAUSTED,
        36,
        calls,
        1 / (1 + calls),
        nothing,
        nothing,
        nothing,
        0.0,
        {},
        0.0,
    )


def test_the_first_checkpoint_from_each_multiple_on_is_listed(trial):
    """For 10, 20 and 30: the steps 12, 20 and 33."""
    assert losses_every(trial, 10) == [(step, pytest.approx(1 / (1 + step))) for step in (12, 20, 33)]


def test_a_checkpoint_that_serves_two_multiples_is_listed_once(trial):
    """For 4, 8, …, 36: nothing lies between 20 and 33, which serves 24, 28 and 32."""
    assert [step for step, _ in losses_every(trial, 4)] == [5, 9, 12, 20, 33, 36]


def test_the_table_has_a_line_for_each_loss(trial):
    """Indented as code; a trial that is too short has no table."""
    (table,) = loss_table(trial, 10)
    assert "    step        12   loss 7.692e-02\n    step        20   loss 4.762e-02\n" in table
    assert loss_table(trial, 50) == []
