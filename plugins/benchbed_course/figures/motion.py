"""Trials that move in an animation, and the steps that its frames show."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchbed.plotting import Color
from benchbed_course.figures.trials import Trial

FRAMES = 60


class Mover(NamedTuple):
    """A trial in an animation, with its look."""

    trial: Trial
    label: str
    """Entry of the legend; seeds of one optimizer share it."""
    color: Color

    def point(self, step: int) -> np.ndarray:
        """Return the point after a step, `[dimension]`; a trial that has ended stays at its end."""
        return np.asarray(self.trial.path[min(step, len(self.trial.path) - 1)])

    def loss(self, step: int) -> float:
        """Return the loss after a step; a trial that has ended keeps its last loss."""
        return float(self.trial.loss[min(step, len(self.trial.loss) - 1)])


def frame_steps(movers: Sequence[Mover], frames: int = FRAMES) -> list[int]:
    """Return the steps of at most `frames` frames, from 0 to the end of the longest trial.

    They are denser at the beginning, where trials move fastest.
    """
    last = max(len(mover.trial.path) for mover in movers) - 1
    steps = (last * np.linspace(0, 1, frames) ** 1.5).round().astype(int)
    return list(dict.fromkeys(steps.tolist()))
