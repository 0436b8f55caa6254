"""The plane of the anisotropic quadratic, on which the figures of C7 and C8 draw paths."""

import numpy as np
from matplotlib.axes import Axes

from benchbed_course.figures.trials import Trial

EIGENVALUES = (1.0, 100.0)
FRAME = 2.3
"""Half the width of the drawn part of the plane."""
AXIS_LABELS = {"xlabel": "θ₁ (λ₁ = 1)", "ylabel": "θ₂ (λ₂ = 100)"}

Limits = tuple[float, float]
"""Lowest and highest value on an axis."""


def draw_contours(axes: Axes, width: Limits = (-FRAME, FRAME), height: Limits = (-FRAME, FRAME)) -> None:
    """Draw the contours of the loss between limits of θ₁ and θ₂, and set the limits and labels of the axes."""
    first, second = np.meshgrid(np.linspace(*width, 161), np.linspace(*height, 161))
    loss = 0.5 * (EIGENVALUES[0] * first**2 + EIGENVALUES[1] * second**2)
    level = np.log10(loss + 1e-3)  # finite at the minimizer; shows the valley as well as the slopes
    axes.contour(first, second, level, levels=14, colors="#b9bec6", linewidths=0.5, linestyles="solid")
    axes.grid(visible=False)
    axes.set(xlim=width, ylim=height, aspect="equal", **AXIS_LABELS)


def start_of(trial: Trial) -> str:
    """Format the start of a trial, such as "(2, 2)"."""
    return f"({', '.join(f'{coordinate:g}' for coordinate in trial.path[0])})"
