"""Compiled steps must agree with eager ones, but for rounding errors."""

import pytest
import torch

from benchbed.engine.confirmation import require_agreement
from benchbed.engine.pytrees import Lanes


def moved(lanes, *change):
    """Return the lanes after two steps that add `change` to θ."""
    return lanes._replace(theta=lanes.theta + torch.tensor(change), steps=lanes.steps + 2)


def test_steps_that_differ_are_rejected():
    """By more than a hundredth of the largest parameter in single precision."""
    before = Lanes.at(torch.ones(1, 2, 2), ())
    require_agreement(before, moved(before, 0.5, 0.001), lambda lanes: moved(lanes, 0.5, 0.0))
    with pytest.raises(RuntimeError, match=r"differs by up to 0\.4 after 3 steps"):
        require_agreement(before, moved(before, 0.5, 0.4), lambda lanes: moved(lanes, 0.5, 0.0))


def test_directions_that_rounding_errors_decide_may_differ():
    """The sign of a derivative that is zero but for them, as that of a bias that all scores share."""
    before = Lanes.at(torch.ones(1, 2, 2), ())

    def advance(lanes):
        sign = 1 if lanes.theta[0, 0, 1] >= 1 else -1
        return moved(lanes, 0.5, 0.4 * sign)

    require_agreement(before, moved(before, 0.5, -0.4), advance)
    with pytest.raises(RuntimeError, match="differs by up to"):
        require_agreement(before, moved(before, 0.5, -40.0), advance)
