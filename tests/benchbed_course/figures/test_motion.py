"""Trials in animations: where they are after a step, and the steps that frames show."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchbed_course.figures.motion import Mover, frame_steps

pytestmark = pytest.mark.slow


def mover(steps):
    """A trial of one coordinate whose point after step n is n and whose loss is n²."""
    n = np.arange(steps + 1.0)
    return Mover(SimpleNamespace(path=n[:, None], loss=n**2), "mine", (0.0, 0.0, 0.0))


def test_a_trial_that_has_ended_stays_at_its_end():
    """Others may run longer."""
    short = mover(3)
    assert [short.point(step).tolist() for step in (0, 2, 3, 9)] == [[0], [2], [3], [3]]
    assert [short.loss(step) for step in (0, 2, 9)] == [0, 4, 9]


def test_frames_reach_from_the_start_to_the_end_of_the_longest_trial():
    """They are dense at first: the first tenth of the steps has a fifth of the frames."""
    steps = frame_steps([mover(3), mover(1000)], frames=60)
    assert (steps[0], steps[-1], len(steps)) == (0, 1000, 60)
    assert steps == sorted(set(steps))
    assert sum(step <= 100 for step in steps) > 12
    assert frame_steps([mover(2)], frames=60) == [0, 1, 2]
