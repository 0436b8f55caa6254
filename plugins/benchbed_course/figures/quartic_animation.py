"""An animation of trials on the quartic: points that roll in its valleys, and the share in the global one."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from benchbed.interfaces import TrialStatus
from benchbed_course.figures.canvas import TRUTH, animation, canvas, legend_below
from benchbed_course.figures.motion import Mover, frame_steps
from benchbed_course.figures.quartic_escape import stationary_points
from benchbed_problems.quartic import ridge

_RING: dict[str, Any] = {"markersize": 11, "markerfacecolor": "none", "markeredgewidth": 2, "zorder": 4}
_DOT: dict[str, Any] = {"markersize": 4.5, "markeredgewidth": 0, "alpha": 0.35}
_LIMITS = 2.15
"""Half the width of the panel of the curve; noise throws no point farther for long."""


def animate_walks(movers: Sequence[Mover]) -> bytes:
    """Render all trials on the curve of the loss, above the share of each label in the global valley by step, as a GIF.

    A label with one trial is a large ring; of a label with several, each trial is a small dot.
    """
    steps = frame_steps(movers)
    figure, (curve, shares) = canvas(rows=2, width=4.8, height=2.7)
    crowds: dict[str, list[Mover]] = {}
    for mover in movers:
        crowds.setdefault(mover.label, []).append(mover)
    theta = np.linspace(-_LIMITS, _LIMITS, 300)
    curve.plot(theta, theta**4 - 3 * theta**2 + theta, color=TRUTH, linewidth=1.0)
    for point, name in zip(stationary_points(), ("global minimum", "ridge", "local minimum"), strict=True):
        curve.annotate(
            name, (point, point**4 - 3 * point**2 + point), (0, -6), textcoords="offset points", ha="center", va="top",
            fontsize=8,
        )  # fmt: skip
    curve.set(xlabel="θ", ylabel="L(θ)", xlim=(-_LIMITS, _LIMITS), ylim=(-4.9, 4))
    shares.set(xlabel="step", ylabel="share in the\nglobal valley", xlim=(0, steps[-1]), ylim=(-0.03, 1.03))
    lines = []
    for label, crowd in crowds.items():
        is_left = [[_is_left(mover, step) for mover in crowd] for step in range(steps[-1] + 1)]
        (line,) = shares.plot([], [], color=crowd[0].color)
        (dots,) = curve.plot(
            [], [], "o", color=crowd[0].color, label=label, **(_RING if len(crowd) == 1 else _DOT)
        )
        lines.append((crowd, dots, line, np.mean(is_left, axis=1)))
    legend_below(figure, curve)

    def show(step: int) -> None:
        for crowd, dots, line, values in lines:
            points = [(mover.point(step)[0], mover.loss(step)) for mover in crowd]
            dots.set_data(*np.transpose(points))
            reached = values[: step + 1]
            line.set_data(np.arange(len(reached)), reached)
        curve.set_title(f"step {step}")

    return animation(figure, show, steps)


def _is_left(mover: Mover, step: int) -> bool:
    """Return whether a trial is left of the ridge after a step; a trial that diverged is in no valley."""
    return mover.trial.status != TrialStatus.DIVERGED and bool(mover.point(step)[0] < ridge())
