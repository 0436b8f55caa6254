"""The computational graph of (x₁ + x₂) x₁²: values and derivatives forward, adjoints backward."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import load_catalog
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import TRUTH, canvas, picture

FORWARD: Color = (0.00, 0.45, 0.70)
BACKWARD: Color = (0.84, 0.37, 0.00)
NODES = {
    "v₁": ("x₁", (0.0, 1.0)),
    "v₂": ("x₂", (0.0, -1.0)),
    "v₄": ("v₁²", (2.6, 1.0)),
    "v₃": ("v₁ + v₂", (2.6, -1.0)),
    "v₅": ("v₃ v₄", (5.2, 0.0)),
}
"""Formula and position of each node."""
EDGES = {
    ("v₁", "v₄"): (0.2, 0.2),
    ("v₁", "v₃"): (-0.2, 0.2),
    ("v₂", "v₃"): (-0.2, -0.2),
    ("v₄", "v₅"): (0.0, 0.2),
    ("v₃", "v₅"): (0.0, -0.2),
}
"""Heights above the middle of source and target at which the arrows of an edge begin and end."""
_HALF_WIDTH = 0.62
"""Half the width of a node, in the units of the positions."""
_OFFSET = 0.1
"""Half the vertical distance between the two arrows of an edge."""


def measure() -> dict[str, Any]:
    """Compute the numbers of the figure, at the document's point."""
    return passes(1.0, 2.0)


def passes(x1: float, x2: float) -> dict[str, Any]:
    """Compute the values of the nodes, the derivative and the contribution of each edge, and the adjoints.

    Each edge is a separate pullback, by torch.autograd; their sums are compared with benchbed's reverse mode.
    """
    v1, v2 = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (x1, x2))
    v3, v4 = v1 + v2, v1**2
    v5 = v3 * v4
    nodes = {"v₁": v1, "v₂": v2, "v₃": v3, "v₄": v4, "v₅": v5}
    adjoints = {"v₅": 1.0, "v₃": 0.0, "v₄": 0.0, "v₁": 0.0, "v₂": 0.0}
    derivatives, contributions = {}, {}
    for source, target in reversed(EDGES):  # every target before its sources
        (derivative,) = torch.autograd.grad(nodes[target], nodes[source], retain_graph=True)
        edge = f"{source} {target}"
        derivatives[edge] = derivative.item()
        contributions[edge] = adjoints[target] * derivative.item()
        adjoints[source] += contributions[edge]
    reverse = load_catalog().gradient("reverse")
    value, gradient = reverse(
        lambda x: (x[..., 0] + x[..., 1]) * x[..., 0] ** 2, torch.tensor([x1, x2], dtype=torch.float64)
    )
    return {
        "values": {name: node.item() for name, node in nodes.items()},
        "derivatives": derivatives,
        "contributions": contributions,
        "adjoints": adjoints,
        "value": value.item(),
        "gradient": gradient.tolist(),
    }


def draw_graph(measured: Mapping[str, Any]) -> Picture:
    """Draw each node with its value and adjoint, and each edge with its derivative and contribution."""
    with theme("reverse-mode-graph"):
        figure, (axes,) = canvas(width=10.5, height=4.3)
        for name, (formula, position) in NODES.items():
            label = f"{name} = {formula}"
            _draw_node(axes, position, label, measured["values"][name], measured["adjoints"][name])
        for source, target in EDGES:
            edge = f"{source} {target}"
            _draw_edge(axes, source, target, measured["derivatives"][edge], measured["contributions"][edge])
        axes.set(xlim=(-0.9, 6.1), ylim=(-1.65, 1.65))
        axes.set_title(
            "f(x) = (x₁ + x₂) x₁²: values and derivatives forward (blue), adjoints backward (orange)"
        )
        axes.axis("off")
        return picture(figure, *_caption(measured))


def _draw_node(axes: Axes, position: tuple[float, float], label: str, value: float, adjoint: float) -> None:
    x, y = position
    axes.text(x, y + 0.17, label, ha="center", va="center", fontsize=11, color=TRUTH, zorder=4)
    axes.text(x - 0.3, y - 0.19, f"{value:g}", ha="center", va="center", fontsize=12, color=FORWARD, zorder=4)
    axes.text(
        x + 0.3, y - 0.19, f"{adjoint:g}", ha="center", va="center", fontsize=12, color=BACKWARD, zorder=4
    )
    axes.fill(
        [x - _HALF_WIDTH, x + _HALF_WIDTH, x + _HALF_WIDTH, x - _HALF_WIDTH],
        [y - 0.42, y - 0.42, y + 0.42, y + 0.42],
        facecolor="white", edgecolor=TRUTH, linewidth=1.0, zorder=3,
    )  # fmt: skip


def _draw_edge(axes: Axes, source: str, target: str, derivative: float, contribution: float) -> None:
    """Draw an arrow forward with the local derivative, and an arrow backward with the contribution to the adjoint."""
    source_height, target_height = EDGES[source, target]
    start = np.add(NODES[source][1], (_HALF_WIDTH, source_height))
    end = np.add(NODES[target][1], (-_HALF_WIDTH, target_height))
    shift = np.array([0.0, _OFFSET])
    for tail, head, color, label, share in (
        (start + shift, end + shift, FORWARD, f"∂{target}/∂{source} = {derivative:g}", 0.36),
        (end - shift, start - shift, BACKWARD, f"+ {contribution:g}", 0.36),
    ):
        arrow = {"arrowstyle": "-|>", "color": color, "linewidth": 1.2}
        axes.annotate("", head, tail, arrowprops=arrow, zorder=2)
        x, y = tail + share * (head - tail)
        axes.text(
            x, y, label, ha="center", va="center", fontsize=9, color=color, zorder=3,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.0},
        )  # fmt: skip


def _caption(measured: Mapping[str, Any]) -> list[str]:
    values, adjoints, contributions = (measured[name] for name in ("values", "adjoints", "contributions"))
    first, second = measured["gradient"]
    forward = ", ".join(f"{name} = {value:g}" for name, value in sorted(values.items()))
    backward = ", ".join(f"{adjoints[name]:g} for {name}" for name in ("v₅", "v₄", "v₃", "v₁", "v₂"))
    terms = " + ".join(f"{contributions[f'v₁ {target}']:g}" for target in ("v₃", "v₄"))
    return [
        f"At x = ({values['v₁']:g}, {values['v₂']:g}) the forward pass computes {forward}, and for each edge the",
        "derivative of its target with respect to its source. The backward pass starts with the adjoint 1 of the",
        "result. Each edge multiplies the adjoint of its target by its derivative, and its source adds up these",
        f"contributions: {backward}. The adjoint of v₁, {terms}, is the sum over two edges. The gradient, by",
        f"benchbed's reverse mode in one such pass, is ({first:g}, {second:g}).",
    ]
