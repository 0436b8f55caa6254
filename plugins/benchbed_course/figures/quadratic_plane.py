"""The plane of the anisotropic quadratic, on which the figures of C7 and C8 draw paths."""

import numpy as np
from matplotlib.axes import Axes

EIGENVALUES = (1.0, 100.0)
FRAME = 2.3
"""Half the width of the drawn part of the plane."""
AXIS_LABELS = {"xlabel": "θ₁ (λ₁ = 1)", "ylabel": "θ₂ (λ₂ = 100)"}


def draw_contours(axes: Axes) -> None:
    """Draw the contours of the loss, and set the limits and labels of the axes."""
    x = np.linspace(-FRAME, FRAME, 161)
    first, second = np.meshgrid(x, x)
    loss = 0.5 * (EIGENVALUES[0] * first**2 + EIGENVALUES[1] * second**2)
    height = np.log10(loss + 1e-3)  # finite at the minimizer; shows the valley as well as the slopes
    axes.contour(first, second, height, levels=14, colors="#b9bec6", linewidths=0.5, linestyles="solid")
    axes.grid(visible=False)
    axes.set(xlim=(-FRAME, FRAME), ylim=(-FRAME, FRAME), aspect="equal", **AXIS_LABELS)
