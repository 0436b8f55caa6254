"""Why a pullback is a function: one forward pass serves any number of adjoints."""

from collections.abc import Mapping
from typing import Any

import torch
from matplotlib.ticker import NullLocator
from torch import Tensor

from benchbed.interfaces import Picture
from benchbed.plotting import line_styles, theme
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture
from benchbed_course.figures.costs import (
    REPETITIONS,
    Call,
    CostCurve,
    at,
    draw_curve,
    format_duration,
    ratio,
    sweep,
)
from benchbed_course.figures.reverse_mode import two_outputs

UNITS, POINTS = 256, 64
"""Units of each layer of the network, and points at which it is evaluated together: enough to outweigh overhead."""
ADJOINTS = (1, 2, 4, 8, 16, 32)
FORWARD, SHARED, REPEATED = "forward", "shared", "repeated"
LABELS = {SHARED: "one forward pass, m calls of the pullback", REPEATED: "m forward passes, m calls"}
LINES = (
    "import torch",
    "f = lambda x: torch.stack([(x[0] + x[1]) * x[0] ** 2, x[0] * x[1]])",
    "value, pullback = torch.func.vjp(f, torch.tensor([1.0, 2.0]))",
    "rows = [pullback(adjoint)[0] for adjoint in torch.eye(2)]",
)
"""The document's example with two outputs, as the caption shows it."""
_LOOKS = line_styles([*LABELS])


def measure() -> dict[str, Any]:
    """Measure products with 1, 2, 4, … adjoints, with one forward pass and with one for each; compute the example."""
    return {"costs": sweep(calls_of_adjoints, ADJOINTS), **example()}


def example() -> dict[str, Any]:
    """Compute the document's value and rows of the Jacobian at (1, 2), by one forward pass."""
    value, pullback = torch.func.vjp(two_outputs, torch.tensor([1.0, 2.0]))[:2]
    return {"value": value.tolist(), "rows": [pullback(adjoint)[0].tolist() for adjoint in torch.eye(2)]}


def draw_pullback(measured: Mapping[str, Any]) -> Picture:
    """Draw the seconds by the number of adjoints, and their ratio, with the theory of both."""
    costs: dict[str, CostCurve] = measured["costs"]
    expected = theory(costs)
    quotient, expected_quotient = (
        ratio(costs[REPEATED], costs[SHARED]),
        ratio(expected[REPEATED], expected[SHARED]),
    )
    with theme("pullback"):
        figure, (seconds, ratios) = canvas(columns=2, width=9.5, height=3.8)
        for name, label in LABELS.items():
            draw_curve(seconds, costs[name], _LOOKS[name], label)
            theory_label = "theory" if name == SHARED else None
            seconds.loglog(*expected[name].values(), "--", color=TRUTH, linewidth=0.9, label=theory_label)
        ratios.semilogx(*quotient.values(), "o-", color=TRUTH, markersize=4.5)
        ratios.semilogx(*expected_quotient.values(), "--", color=TRUTH, linewidth=0.9)
        seconds.set(title="Cost of m vector-Jacobian products", xlabel="adjoints m", ylabel="seconds")
        ratios.set(
            title="Saved by one forward pass for all", xlabel="adjoints m", ylabel="ratio of the costs"
        )
        for axes in (seconds, ratios):
            axes.set_xticks(ADJOINTS, [str(count) for count in ADJOINTS])
            axes.xaxis.set_minor_locator(NullLocator())
        legend_below(figure, seconds)
        return picture(figure, *_caption(measured, quotient, expected_quotient))


def theory(costs: Mapping[str, CostCurve]) -> dict[str, CostCurve]:
    """Predict both curves, f + m b and m (f + b), from a forward pass f and a call of the pullback b.

    f is measured alone, and b is the rise of the shared curve for each adjoint: so the repeated curve is predicted
    without its measurement.
    """
    forward, shared = costs[FORWARD]["seconds"][0], costs[SHARED]
    sizes, most = shared["sizes"], shared["sizes"][-1]
    pullback = (at(shared, most) - at(shared, sizes[0])) / (most - sizes[0])
    return {
        SHARED: {"sizes": sizes, "seconds": [forward + size * pullback for size in sizes]},
        REPEATED: {"sizes": sizes, "seconds": [size * (forward + pullback) for size in sizes]},
    }


def calls_of_adjoints(count: int) -> dict[str, Call]:
    """Build a network of two hidden layers, and the calls that compute `count` vector-Jacobian products."""
    generator = torch.Generator().manual_seed(0)
    first, second, last = torch.randn(3, UNITS, UNITS, generator=generator, dtype=torch.float64) / UNITS**0.5
    x, *adjoints = torch.randn(1 + count, UNITS, POINTS, generator=generator, dtype=torch.float64)

    def network(x: Tensor) -> Tensor:
        output: Tensor = last @ torch.tanh(second @ torch.tanh(first @ x))
        return output

    def forward() -> Any:
        return torch.func.vjp(network, x)[1]

    def shared() -> list[Any]:
        pullback = forward()
        return [pullback(adjoint) for adjoint in adjoints]

    calls: dict[str, Call] = {SHARED: shared, REPEATED: lambda: [forward()(adjoint) for adjoint in adjoints]}
    return calls if count > ADJOINTS[0] else {FORWARD: forward, **calls}


def _caption(measured: Mapping[str, Any], quotient: CostCurve, expected: CostCurve) -> list[str]:
    costs, most = measured["costs"], quotient["sizes"][-1]
    forward = costs[FORWARD]["seconds"][0]
    pullback = theory(costs)[SHARED]["seconds"][0] - forward
    value, *rows = (
        f"({', '.join(f'{number:g}' for number in row)})" for row in (measured["value"], *measured["rows"])
    )
    code = "\n".join(f"    {line}" for line in LINES)
    return [
        "Why does reverse mode return a function, the pullback, and not the gradient? The backward pass starts from an",
        "adjoint of the outputs, and the forward pass, whose values it needs, does not depend on it. So the pullback",
        "keeps these values, and takes one adjoint after the other. For the document's function with two",
        f"outputs,\n\n{code}\n\nthe value is {value} and the rows are {rows[0]} and {rows[1]}, by one forward pass.",
        f"The figure shows a network of {UNITS} inputs, two hidden layers of {UNITS} tanh units and {UNITS} outputs,",
        f"at {POINTS} points together.",
        f"A forward pass takes f = {format_duration(forward)} and a call of the pullback",
        f"b = {format_duration(pullback)}. In theory m products cost f + mb with one forward pass and m(f + b) with",
        f"one for each. For m = {most} they take {format_duration(at(costs[SHARED], most))} and",
        f"{format_duration(at(costs[REPEATED], most))}, a ratio of",
        f"{at(quotient, most):.2f}, where theory expects {at(expected, most):.2f}.",
        f"Processor times of one thread, medians of {REPETITIONS} rounds.",
    ]
