"""An animation of trials on the way to a mean: on the curve of the loss, and near the mean by step."""

from collections.abc import Sequence

import numpy as np

from benchbed_course.figures.canvas import TRUTH, animation, canvas, legend_below
from benchbed_course.figures.motion import Mover, frame_steps

_NEAR = 5
"""Half the height of the panel near the mean, in standard deviations of a stochastic path."""
_REACH = 2
"""Points farther from the mean, in units of the distance of the first start, are outside the panel of the curve."""
_MARGIN = 0.15
"""Margin around the points on the curve, as a share of their range."""


def animate_paths(movers: Sequence[Mover], mean: float, deviation: float, least_loss: float) -> bytes:
    """Render the trials on the parabola of the loss, above their paths near the mean by step, as a GIF.

    Args:
        movers: Trials of one coordinate; the first trial with a label is emphasized.
        mean: Minimizer of the loss.
        deviation: Standard deviation of a stochastic path around the mean in the long run.
        least_loss: Loss at the mean; the loss is (θ − mean)² above it.
    """
    steps = frame_steps(movers)
    figure, (curve, near_mean) = canvas(rows=2, width=4.8, height=2.7)
    points = np.concatenate([mover.trial.path[:, 0] for mover in movers] + [[mean]])
    reach = max(_REACH * abs(float(movers[0].trial.path[0, 0]) - mean), _NEAR * deviation)
    points = points[np.abs(points - mean) <= reach]
    margin = _MARGIN * np.ptp(points)
    theta = np.linspace(points.min() - margin, points.max() + margin, 201)
    curve.plot(theta, (theta - mean) ** 2 + least_loss, color=TRUTH, linewidth=1.0)
    curve.set(xlabel="θ", ylabel="L(θ)", xlim=(theta[0], theta[-1]))
    near_mean.axhspan(mean - deviation, mean + deviation, color=TRUTH, alpha=0.12, linewidth=0)
    near_mean.axhline(mean, color=TRUTH, linestyle="--", linewidth=0.9)
    height = _NEAR * deviation
    near_mean.set(xlabel="step", ylabel="θ near the mean", ylim=(mean - height, mean + height))
    near_mean.set(xlim=(0, steps[-1]))
    firsts = {mover.label: mover for mover in reversed(movers)}
    lines = []
    for mover in movers:
        is_first = firsts[mover.label] is mover
        alpha, width, level = (1.0, 1.4, 4) if is_first else (0.3, 0.5, 3)
        (dot,) = curve.plot(
            [], [], "o", color=mover.color, alpha=alpha, markersize=8 if is_first else 5, markeredgecolor="white",
            zorder=level, label=mover.label if is_first else None,
        )  # fmt: skip
        (path,) = near_mean.plot([], [], color=mover.color, alpha=alpha, linewidth=width, zorder=level)
        lines.append((mover, dot, path))
    legend_below(figure, curve)

    def show(step: int) -> None:
        for mover, dot, path in lines:
            dot.set_data([mover.point(step)[0]], [mover.loss(step)])
            reached = mover.trial.path[: step + 1, 0]
            path.set_data(np.arange(len(reached)), reached)
        curve.set_title(f"step {step}")

    return animation(figure, show, steps)
