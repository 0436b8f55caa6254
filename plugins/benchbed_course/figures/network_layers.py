"""The layers of the course's deep network, with the parameters of each."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from benchbed.interfaces import Picture
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, OTHERS, TRUTH, canvas, picture
from benchbed_problems.polynomial_network import PolynomialNetwork

UNIT = LOOKS["adam"].color
DISTANCE = 4.0
"""Horizontal distance of two layers; units of a layer are 1/`most units` apart, from 0 to 1."""


def measure() -> dict[str, Any]:
    """Read the widths, and the numbers of weights and biases of each layer from the layout of the problem."""
    problem = PolynomialNetwork()
    sizes = {name: math.prod(shape) for name, shape in problem.layout.blocks.items()}
    return {
        "widths": list(problem.widths),
        "activation": problem.activation,
        "weights": [size for name, size in sizes.items() if name.startswith("weight")],
        "biases": [size for name, size in sizes.items() if name.startswith("bias")],
    }


def draw_layers(measured: Mapping[str, Any]) -> Picture:
    """Draw the units of each layer, a line for each weight, and the parameters below the lines."""
    widths: list[int] = measured["widths"]
    columns = [unit_positions(width, max(widths), DISTANCE * layer) for layer, width in enumerate(widths)]
    with theme("polynomial-network-layers"):
        figure, (axes,) = canvas(width=9.0, height=4.4)
        for before, after in pairwise(columns):
            lines = [(start, end) for start in before for end in after]
            axes.add_collection(LineCollection(lines, colors=[OTHERS], linewidths=0.25, alpha=0.6, zorder=1))
        for layer, positions in enumerate(columns):
            is_hidden = 0 < layer < len(widths) - 1
            axes.plot(*positions.T, "o", color=UNIT if is_hidden else TRUTH, markersize=5.5, zorder=2)
            kind = f"units, {measured['activation']}" if is_hidden else "output" if layer else "inputs"
            _write(axes, DISTANCE * layer, 1.08, f"{len(positions)} {kind}")
        sums, formulas = [], []
        for layer, (weights, biases) in enumerate(zip(measured["weights"], measured["biases"], strict=True)):
            sums.append(weights + biases)
            text = f"{weights:,} weights\n+ {biases} bias{'es' * (biases > 1)}\n= {sums[-1]:,}"
            _write(axes, DISTANCE * (layer + 0.5), -0.14, text)
            fan_in, fan_out = widths[layer : layer + 2]
            product = f"{fan_in}·{fan_out} + {fan_out} = {sums[-1]:,}"
            formulas.append(f"layer {layer + 1}, {fan_in} → {fan_out}: {product}")
        axes.set(xlim=(-1, DISTANCE * (len(widths) - 1) + 1), ylim=(-0.25, 1.15))
        axes.axis("off")
        return picture(
            figure,
            f"The network {' → '.join(map(str, widths))} with {measured['activation']} between the layers: each line",
            f"is a weight, each unit behind the inputs has a bias. Parameters: {'; '.join(formulas)};",
            f"in all {sum(sums):,}.",
            f"Layer {1 + sums.index(max(sums))} has {max(sums) / sum(sums):.0%} of them.",
        )


def unit_positions(width: int, most: int, x: float) -> np.ndarray:
    """Return the positions `[width, 2]` of a layer's units, centred between 0 and 1 in height."""
    heights = 0.5 + (np.arange(width) - (width - 1) / 2) / most
    return np.stack([np.full(width, x), heights], axis=-1)


def _write(axes: Axes, x: float, y: float, text: str) -> None:
    axes.text(x, y, text, ha="center", va="center", fontsize=9, color=TRUTH)
