"""An animation of trials on the anisotropic quadratic: their paths over the contours, and their losses."""

from collections.abc import Sequence

import numpy as np

from benchbed_course.figures.canvas import TRUTH, animation, canvas, legend_below
from benchbed_course.figures.motion import Mover, frame_steps
from benchbed_course.figures.quadratic_plane import draw_contours

_REACH = 12.0
"""Points farther from the minimizer are outside the panel: a trial that diverges would shrink all others."""
_LOSSES = (1e-8, 1e4)
"""Limits of the axis of losses, if the trials go beyond them."""


def animate_paths(movers: Sequence[Mover]) -> bytes:
    """Render the paths of the trials, with a dot at the end of each, above their losses by step, as a GIF."""
    steps = frame_steps(movers)
    figure, (plane, losses) = canvas(rows=2, width=4.8, height=2.9)
    points = np.concatenate([np.zeros((1, 2)), *(mover.trial.path for mover in movers)])  # with the minimizer
    near = points[(np.abs(points) < _REACH).all(axis=1)]
    low, high, margin = near.min(0), near.max(0), 0.08 * np.ptp(near, axis=0)
    draw_contours(plane, *zip(low - margin, high + margin, strict=True))
    plane.set_aspect("auto")
    plane.plot(0, 0, "*", color=TRUTH, markersize=12)
    values = np.concatenate([mover.trial.loss for mover in movers])
    visible = np.clip(values[np.isfinite(values)], *_LOSSES)
    limits = visible.min() / 2, visible.max() * 2
    losses.set(xlabel="step", ylabel="loss", yscale="log", xlim=(0, steps[-1]), ylim=limits)
    lines = [
        (
            mover,
            plane.plot([], [], color=mover.color, linewidth=1.0, alpha=0.7)[0],
            plane.plot([], [], "o", color=mover.color, markeredgecolor="white", markersize=7, zorder=4)[0],
            losses.plot([], [], color=mover.color, label=mover.label)[0],
        )
        for mover in movers
    ]
    legend_below(figure, losses)

    def show(step: int) -> None:
        for mover, path, head, loss in lines:
            path.set_data(*mover.trial.path[: step + 1].T)
            head.set_data(*mover.point(step)[:, None])
            loss.set_data(np.arange(min(step + 1, len(mover.trial.loss))), mover.trial.loss[: step + 1])
        plane.set_title(f"step {step}")

    return animation(figure, show, steps)
