"""The four activations of the course and their derivatives, by dual numbers."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from benchbed.interfaces import Picture
from benchbed.plotting import line_styles, theme
from benchbed_course.dual import derivative
from benchbed_course.figures.canvas import canvas, legend_below, picture
from benchbed_problems.activations import ACTIVATIONS

FORMULAS: dict[str, Callable[[float], float]] = {
    "relu": lambda x: max(0.0, x),
    "gelu": lambda x: x * (1 + math.erf(x / math.sqrt(2))) / 2,
    "tanh": lambda x: (1 - math.exp(-2 * x)) / (1 + math.exp(-2 * x)),
    "silu": lambda x: x / (1 + math.exp(-x)),
}
"""The activations as the document writes them."""
LABELS = {"relu": "ReLU", "gelu": "GELU", "tanh": "tanh", "silu": "SiLU"}
LIMIT, STEPS = 4, 400
"""The curves are drawn from −LIMIT to LIMIT, at 0 and STEPS evenly spaced points on each side of it."""
_LOOKS = line_styles([*FORMULAS])


def measure() -> dict[str, Any]:
    """Evaluate each activation with its derivative, at x + ε, and compare the values with the document's formulas."""
    x = torch.arange(-STEPS, STEPS + 1, dtype=torch.float64) * LIMIT / STEPS
    curves = {}
    for name, formula in FORMULAS.items():
        value, slope = derivative(ACTIVATIONS[name], x, torch.ones_like(x))
        error = max(abs(formula(point) - y) for point, y in zip(x.tolist(), value.tolist(), strict=True))
        curves[name] = {"values": value.tolist(), "slopes": slope.tolist(), "error": error}
    return {"x": x.tolist(), "curves": curves}


def draw_activations(measured: Mapping[str, Any]) -> Picture:
    """Draw the four functions, and their derivatives."""
    x, curves = measured["x"], measured["curves"]
    with theme("activations"):
        figure, (values, slopes) = canvas(columns=2, width=9.5, height=3.6)
        for name, curve in curves.items():
            look = _LOOKS[name]
            for axes, kind in ((values, "values"), (slopes, "slopes")):
                axes.plot(
                    x, curve[kind], color=look.color, linestyle=look.dashes, linewidth=1.8, label=LABELS[name]
                )
        values.set(title="Activation σ(x)", xlabel="x", ylim=(-1.2, 3.2))
        slopes.set(title="Derivative σ′(x)", xlabel="x", ylim=(-0.25, 1.25))
        legend_below(figure, values)
        lows = {name: min(curve["values"]) for name, curve in curves.items()}
        peaks = {name: max(curve["slopes"]) for name, curve in curves.items()}
        lowest = [
            f"{LABELS[name]} {low:.3f} at x = {x[curves[name]['values'].index(low)]:.2f}"
            for name, low in lows.items()
            if low < min(0, *(curves[name]["values"][end] for end in (0, -1)))  # neither end is the lowest
        ]
        steepest = [
            f"{LABELS[name]} {peak:.3f} at x = {x[curves[name]['slopes'].index(peak)]:.2f}"
            for name, peak in peaks.items()
            if peak > 1
        ]
        at_zero = [f"{LABELS[name]} {curve['slopes'][x.index(0.0)]:g}" for name, curve in curves.items()]
        error = max(curve["error"] for curve in curves.values())
        return picture(
            figure,
            "The activations of the course: ReLU max(0, x), GELU x Φ(x), tanh (1 − e^−2x) / (1 + e^−2x) and SiLU",
            f"x / (1 + e^−x). On {len(x)} points the values differ from these formulas by at most {error:.0e}. The",
            "derivatives are computed by dual numbers, as the ε-part of σ(x + ε). Slopes at 0:",
            f"{', '.join(at_zero)}; ReLU has a kink there, and its slope is defined as that of the left side.",
            f"Not monotone: {', '.join(lowest)} (lowest value). Slopes above 1: {', '.join(steepest)} (largest slope).",
        )
