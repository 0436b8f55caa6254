"""The order of multiplication of a product of Jacobians: from the left as in reverse mode, or from the right."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from matplotlib.ticker import NullLocator
from torch.utils.flop_counter import FlopCounterMode

from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import canvas, legend_below, picture
from benchbed_course.figures.costs import REPETITIONS, Call, format_duration, seconds_of

HIDDEN = 256
"""Units of both hidden layers, r."""
PRODUCT = 1_024
"""Outputs times inputs: the number of entries of the Jacobian, the same for all shapes."""
SHAPES = tuple((PRODUCT // inputs, inputs) for inputs in (1, 4, 16, 32, 64, 256, 1_024))
"""Outputs m and inputs n, from a curve in many dimensions to a loss of many parameters."""
REVERSE, FORWARD = "reverse", "forward"
LABELS = {REVERSE: "reverse, (F′G′)H′", FORWARD: "forward, F′(G′H′)"}
COLORS: dict[str, Color] = {REVERSE: (0.84, 0.37, 0.00), FORWARD: (0.00, 0.45, 0.70)}
MARKERS = {REVERSE: "s", FORWARD: "o"}


def measure() -> list[dict[str, Any]]:
    """Multiply random Jacobians in both orders: count the multiplications, and measure the processor time."""
    calls = {(shape, order): call for shape in SHAPES for order, call in products(*shape, HIDDEN).items()}
    seconds = seconds_of(calls)
    return [
        {
            "outputs": outputs,
            "inputs": inputs,
            "multiplications": {
                order: counted_multiplications(calls[(outputs, inputs), order]) for order in LABELS
            },
            "seconds": {order: seconds[(outputs, inputs), order] for order in LABELS},
        }
        for outputs, inputs in SHAPES
    ]


def products(outputs: int, inputs: int, hidden: int) -> dict[str, Call]:
    """Build random Jacobians `[m, r]`, `[r, r]` and `[r, n]`, r = `hidden`; return both orders of their product."""
    generator = torch.Generator().manual_seed(0)
    f, g, h = (
        torch.randn(*shape, generator=generator, dtype=torch.float64)
        for shape in ((outputs, hidden), (hidden, hidden), (hidden, inputs))
    )
    return {REVERSE: lambda: (f @ g) @ h, FORWARD: lambda: f @ (g @ h)}


def counted_multiplications(call: Call) -> int:
    """Count the multiplications in the products of matrices of a call, half of torch's count of operations."""
    with FlopCounterMode(display=False) as counter:
        call()
    return int(counter.get_total_flops()) // 2


def theory(outputs: Any, inputs: Any, hidden: int) -> dict[str, Any]:
    """Compute the multiplications of both orders, of numbers or arrays; a×b times b×c takes abc."""
    return {
        REVERSE: outputs * hidden * hidden + outputs * hidden * inputs,
        FORWARD: hidden * hidden * inputs + outputs * hidden * inputs,
    }


def draw_orders(measured: list[dict[str, Any]]) -> Picture:
    """Draw the multiplications and the seconds of both orders by the number of inputs, with the theory."""
    inputs = [shape["inputs"] for shape in measured]
    sizes = np.geomspace(inputs[0], inputs[-1], 100)
    curves = theory(PRODUCT / sizes, sizes, HIDDEN)
    with theme("multiplication-order"):
        figure, (counts, seconds) = canvas(columns=2, width=10.5, height=4.2)
        for order, label in LABELS.items():
            style: dict[str, Any] = {
                "color": COLORS[order],
                "marker": MARKERS[order],
                "linestyle": "none",
                "markersize": 6,
            }
            line: dict[str, Any] = {"color": COLORS[order], "linestyle": "--", "linewidth": 1.1}
            counts.plot(inputs, [shape["multiplications"][order] for shape in measured], label=label, **style)
            counts.plot(sizes, curves[order], label=f"{order}, theory", **line)
            seconds.plot(inputs, [shape["seconds"][order] for shape in measured], **style)
            seconds.plot(sizes, curves[order] * seconds_per_multiplication(measured), **line)
        ticks = [f"{shape['inputs']:,}\n({shape['outputs']:,})" for shape in measured]
        for axes in (counts, seconds):
            axes.set(xscale="log", yscale="log", xlabel="inputs n (outputs m)")
            axes.set_xticks(inputs, ticks)
            axes.xaxis.set_minor_locator(NullLocator())
        counts.set(title="Multiplications", ylabel="multiplications")
        seconds.set(title="Processor time", ylabel="seconds")
        legend_below(figure, counts)
        return picture(figure, *_caption(measured))


def seconds_per_multiplication(measured: list[dict[str, Any]]) -> float:
    """Return the time of a multiplication where the order makes no difference, at m = n: the scale of the theory."""
    middle = min(measured, key=lambda shape: abs(np.log(shape["inputs"] / shape["outputs"])))
    return float(np.mean([middle["seconds"][order] / middle["multiplications"][order] for order in LABELS]))


def _caption(measured: list[dict[str, Any]]) -> list[str]:
    agreements = sum(
        shape["multiplications"][order] == count
        for shape in measured
        for order, count in theory(shape["outputs"], shape["inputs"], HIDDEN).items()
    )
    loss = measured[-1]
    cheap, dear = (loss["seconds"][order] / loss["multiplications"][order] for order in LABELS)
    return [
        "The Jacobian of F(G(H(x))), with n inputs, r units in each of two hidden layers and m outputs, is a product",
        "of an m×r, an r×r and an r×n matrix. Reverse mode multiplies from the left: r²m + rmn multiplications.",
        f"Forward mode multiplies from the right: r²n + rmn. Here r = {HIDDEN} and mn = {PRODUCT:,}, so that all",
        f"Jacobians have equally many entries. {agreements} of {len(LABELS) * len(measured)} counts, by torch's",
        "counter, equal the theory.",
        *(_shape_sentence(measured[index]) for index in (-1, 0)),
        "The dashed lines of the right panel are the multiplications times",
        f"{format_duration(seconds_per_multiplication(measured))}, the time of one at m = n. Times depart from it:",
        f"for m = {loss['outputs']} a multiplication takes {format_duration(cheap)} in reverse mode, where a vector",
        f"times a matrix uses each number once, and {format_duration(dear)} in forward mode, where products of",
        f"matrices reuse it. All are processor times of one thread, medians of {REPETITIONS} rounds.",
    ]


def _shape_sentence(shape: Mapping[str, Any]) -> str:
    multiplications, seconds = shape["multiplications"], shape["seconds"]
    cheap, dear = (REVERSE, FORWARD) if shape["inputs"] > shape["outputs"] else (FORWARD, REVERSE)
    kind = "the gradient of a loss" if shape["outputs"] == 1 else "the derivative of a curve"
    return (
        f"With m = {shape['outputs']:,} and n = {shape['inputs']:,}, {kind}, {cheap} mode takes"
        f" {multiplications[cheap]:,} multiplications and {format_duration(seconds[cheap])}, {dear} mode"
        f" {multiplications[dear]:,} and {format_duration(seconds[dear])}:"
        f" {multiplications[dear] / multiplications[cheap]:.0f} times the multiplications,"
        f" {seconds[dear] / seconds[cheap]:.0f} times the time."
    )
