"""Draw the computational graph of (x₁ + x₂) x₁², with the values of the pass forward and the adjoints going back."""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from benchbed import load_catalog
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import TRUTH, canvas, picture

FORWARD: Color = (0.00, 0.45, 0.70)
BACK: Color = (0.84, 0.37, 0.00)
NODES = {
    "v₁": ("x₁", (0.0, 1.0)),
    "v₂": ("x₂", (0.0, -1.0)),
    "v₄": ("v₁²", (2.0, 1.0)),
    "v₃": ("v₁ + v₂", (2.0, -1.0)),
    "v₅": ("v₃ v₄", (4.0, 0.0)),
}
"""What each node computes, and where it stands."""
EDGES = (("v₁", "v₄"), ("v₁", "v₃"), ("v₂", "v₃"), ("v₄", "v₅"), ("v₃", "v₅"))
_HALF = 0.62
"""Half of a node's width, in the units of the places."""


def measure() -> dict[str, Any]:
    """Compute what the figure shows: there is nothing to time."""
    return passes(1.0, 2.0)


def passes(x1: float, x2: float) -> dict[str, Any]:
    """Give the values of the nodes, what each edge carries back to the adjoint of its source, and the adjoints.

    Each edge is a pullback of its own, by torch.autograd; their sums are compared with benchbed's reverse mode.
    """
    v1, v2 = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (x1, x2))
    v3, v4 = v1 + v2, v1**2
    v5 = v3 * v4
    nodes = {"v₁": v1, "v₂": v2, "v₃": v3, "v₄": v4, "v₅": v5}
    adjoints = {"v₅": 1.0, "v₃": 0.0, "v₄": 0.0, "v₁": 0.0, "v₂": 0.0}
    carried = {}
    for source, target in reversed(EDGES):  # every target before its sources
        (back,) = torch.autograd.grad(
            nodes[target], nodes[source], torch.full_like(v1, adjoints[target]), retain_graph=True
        )
        carried[f"{source} {target}"] = back.item()
        adjoints[source] += back.item()
    reverse = load_catalog().gradient("reverse")
    value, gradient = reverse(_function, torch.tensor([x1, x2], dtype=torch.float64))
    return {
        "values": {name: node.item() for name, node in nodes.items()},
        "carried": carried,
        "adjoints": adjoints,
        "value": value.item(),
        "gradient": gradient.tolist(),
    }


def draw_graph(measured: Mapping[str, Any]) -> Picture:
    """Show each node with its value and its adjoint, and each edge with what it carries back."""
    values, adjoints, carried = (measured[name] for name in ("values", "adjoints", "carried"))
    with theme("reverse-mode-graph"):
        figure, (axes,) = canvas(width=9.0, height=3.9)
        for name, (formula, place) in NODES.items():
            _node(axes, place, f"{name} = {formula}", values[name], adjoints[name])
        for source, target in EDGES:
            _edge(axes, source, target, carried[f"{source} {target}"])
        axes.set(xlim=(-0.9, 4.9), ylim=(-1.65, 1.65))
        axes.set_title("f(x) = (x₁ + x₂) x₁²: values forward (blue), adjoints back (orange)")
        axes.axis("off")
        return picture(figure, *_caption(measured))


def _function(x: Tensor) -> Tensor:
    return (x[..., 0] + x[..., 1]) * x[..., 0] ** 2


def _node(axes: Axes, place: tuple[float, float], label: str, value: float, adjoint: float) -> None:
    x, y = place
    axes.text(x, y + 0.17, label, ha="center", va="center", fontsize=11, color=TRUTH, zorder=4)
    axes.text(x - 0.3, y - 0.19, f"{value:g}", ha="center", va="center", fontsize=12, color=FORWARD, zorder=4)
    axes.text(x + 0.3, y - 0.19, f"{adjoint:g}", ha="center", va="center", fontsize=12, color=BACK, zorder=4)
    axes.fill(
        [x - _HALF, x + _HALF, x + _HALF, x - _HALF],
        [y - 0.42, y - 0.42, y + 0.42, y + 0.42],
        facecolor="white", edgecolor=TRUTH, linewidth=1.0, zorder=3,
    )  # fmt: skip


def _edge(axes: Axes, source: str, target: str, carried: float) -> None:
    (x0, y0), (x1, y1) = NODES[source][1], NODES[target][1]
    arrow = {"arrowstyle": "-|>", "color": FORWARD, "linewidth": 1.2}
    axes.annotate("", (x1 - _HALF, y1), (x0 + _HALF, y0), arrowprops=arrow, zorder=2)
    axes.text(
        (x0 + x1) / 2, (y0 + y1) / 2, f"+ {carried:g}", ha="center", va="center", fontsize=11, color=BACK,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5}, zorder=3,
    )  # fmt: skip


def _caption(measured: Mapping[str, Any]) -> list[str]:
    values, adjoints, carried = (measured[name] for name in ("values", "adjoints", "carried"))
    first, second = measured["gradient"]
    listed = ", ".join(f"{name} = {value:g}" for name, value in sorted(values.items()))
    back = ", ".join(f"{adjoints[name]:g} for {name}" for name in ("v₅", "v₄", "v₃", "v₁", "v₂"))
    parts = " + ".join(f"{carried[f'v₁ {target}']:g}" for target in ("v₃", "v₄"))
    return [
        f"At x = ({values['v₁']:g}, {values['v₂']:g}) the pass forward computes {listed}.",
        "The pass back starts with the adjoint 1 of the result; each edge carries the adjoint of its target, times its",
        f"own derivative, to its source, where what arrives is added up: {back}.",
        f"The adjoint of v₁, {parts}, collects from two branches. The gradient, by benchbed's reverse mode in one such",
        f"pass, is ({first:g}, {second:g}).",
    ]
