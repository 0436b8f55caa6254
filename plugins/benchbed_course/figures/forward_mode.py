"""Cost of forward mode: of a Jacobian-vector product, and of a full Jacobian computed by such products."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchbed.interfaces import Picture
from benchbed.interfaces.columns import AT_ONCE, column_by_column
from benchbed.interfaces.gradient import Differentiable
from benchbed.plotting import line_styles, theme
from benchbed_course.dual import Dual, derivative
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture
from benchbed_course.figures.costs import (
    GROWTH,
    REPETITIONS,
    Call,
    CostCurve,
    Costs,
    at,
    draw_curve,
    format_distance,
    format_duration,
    is_flat,
    ratio,
    ratios_at_ends,
    slope,
    sweep,
)
from benchbed_course.figures.products import jacobian_vector_product

SIZES = (10, 30, 100, 300, 1_000, 3_000, 30_000, 300_000)
BY_COLUMNS, BY_PIECES = 1_000, 3_000
"""Inputs up to which a Jacobian is measured, one column after the other, and many at once."""
FUNCTION, PRODUCT, COLUMNS, PIECES = "f", "product", "columns", "pieces"
LINES = (
    "import torch",
    "from benchbed_course.dual import Dual",
    "u, v = Dual(1.0, 1.0), Dual(2.0, 1.0)",
    "print(torch.exp(u * u))",
    "print(torch.cos(v**3))",
)
"""The document's two examples, as the caption shows them."""
LABELS = {
    FUNCTION: "f",
    PRODUCT: "a Jacobian-vector product",
    COLUMNS: "Jacobian, column by column",
    PIECES: f"Jacobian, {AT_ONCE} columns at once",
}
_LOOKS = {
    name: look._replace(color=TRUTH) if name == FUNCTION else look
    for name, look in line_styles([*LABELS]).items()
}


def measure() -> dict[str, Any]:
    """Measure f, a product and the Jacobian by the number of inputs, and check the document's numbers."""
    return {"costs": sweep(_calls, SIZES), "checks": checks()}


def draw_costs(measured: Mapping[str, Any]) -> Picture:
    """Draw the seconds by the number of inputs, and the same in evaluations of f."""
    costs: Costs = measured["costs"]
    with theme("forward-mode-costs"):
        figure, (seconds, ratios) = canvas(columns=2, width=10.5, height=4.4)
        for name, curve in costs.items():
            draw_curve(seconds, curve, _LOOKS[name], LABELS[name])
            draw_curve(ratios, ratio(curve, costs[FUNCTION]), _LOOKS[name], LABELS[name])
        seconds.set(title="Cost", xlabel="inputs n", ylabel="seconds")
        ratios.set(title="The same in evaluations of f", xlabel="inputs n", ylabel="times the cost of f")
        legend_below(figure, seconds)
        errors = measured["checks"]["errors"]
        code = "\n".join(f"    {line}" for line in LINES)
        duals = [
            f"{name}: {value!r} + {tangent!r} ε, whose slope is"
            f" {format_distance(abs(tangent - exact))} the derivative {exact!r}"
            for name, (value, tangent, exact) in measured["checks"]["dual"].items()
        ]
        product = ", ".join(f"{number:.6f}" for number in measured["checks"]["product"])
        return picture(
            figure,
            *_cost_sentences(costs),
            f"Dual numbers evaluate the document's two examples:\n\n{code}\n\nThey print {'; '.join(duals)}.",
            "For the function with two outputs at (1, 2, 3), the product along",
            f"(0.1, 0.2, 0.3) is ({product}): by torch {format_distance(errors['product'])} the closed form, by dual",
            f"numbers {format_distance(errors['dual product'])} the closed form. The Jacobian by columns is",
            f"{format_distance(errors['Jacobian'])} its closed form.",
        )


def document_function(outputs: int) -> Differentiable:
    """Build f, x `[..., n]` -> `[..., outputs]`, with fᵢ(x) = exp(−mean √xⱼ) + i."""
    ordinals = torch.arange(1, outputs + 1, dtype=torch.float64)

    def function(x: Tensor) -> Tensor:
        return torch.exp(-torch.sqrt(x).mean(-1, keepdim=True)) + ordinals

    return function


def document_jacobian(x: Tensor, outputs: int) -> Tensor:
    """Compute the Jacobian `[outputs, n]` of f in closed form: −exp(−mean √x) / (2 n √xⱼ) in every row."""
    row = -torch.exp(-torch.sqrt(x).mean()) / (2 * len(x) * torch.sqrt(x))
    return row.expand(outputs, -1)


def jacobian_by_columns(function: Differentiable, x: Tensor) -> Tensor:
    """Compute the Jacobian `[outputs, n]` by one product for each of the inputs `x: [n]`."""
    directions = torch.eye(len(x)).to(x)
    return torch.stack([jacobian_vector_product(function, x, direction)[1] for direction in directions], -1)


def checks() -> dict[str, Any]:
    """Compute the document's examples: dual numbers, and the product and the Jacobian of f with two outputs."""
    one, two = Dual(1.0, 1.0), Dual(2.0, 1.0)
    duals = {"exp(x²) at x = 1": (one * one).exp(), "cos(x³) at x = 2": (two**3).cos()}
    exact_slopes = (2 * math.exp(1), -12 * math.sin(8))
    x, v = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    function, exact = document_function(2), document_jacobian(x, 2)
    product = jacobian_vector_product(function, x, v)[1]
    differences = {
        "product": product - exact @ v,
        "dual product": derivative(function, x, v)[1] - exact @ v,
        "Jacobian": jacobian_by_columns(function, x) - exact,
    }
    return {
        "dual": {
            name: [number.value.item(), number.slope.item(), exact_slope]
            for (name, number), exact_slope in zip(duals.items(), exact_slopes, strict=True)
        },
        "product": product.tolist(),
        "errors": {name: difference.abs().max().item() for name, difference in differences.items()},
    }


def _calls(inputs: int) -> dict[str, Call]:
    function = document_function(1)
    x, v = 0.5 + torch.rand(2, inputs, dtype=torch.float64)
    calls: dict[str, Call] = {
        FUNCTION: lambda: function(x),
        PRODUCT: lambda: jacobian_vector_product(function, x, v),
    }
    if inputs <= BY_COLUMNS:
        calls[COLUMNS] = lambda: jacobian_by_columns(function, x)
    if inputs <= BY_PIECES:
        calls[PIECES] = lambda: column_by_column(
            lambda direction: jacobian_vector_product(function, x, direction), x
        )
    return calls


def _cost_sentences(costs: Costs) -> list[str]:
    function, product, columns, at_once = (costs[name] for name in LABELS)
    n_small, n_middle = columns["sizes"][0], columns["sizes"][-1]
    products = at(columns, n_middle) / at(product, n_middle)
    return [
        "The document's test function, f(x) = exp(−mean √xⱼ) + 1, of n inputs; processor time of one thread, median of",
        f"{REPETITIONS} rounds. A Jacobian-vector product costs {format_duration(at(product, n_small))} at n =",
        f"{n_small:,} and {format_duration(at(product, n_middle))} at n = {n_middle:,} (slope",
        f"{slope(product, high=n_middle):z.2f} on log axes). The full Jacobian by one product for each column costs",
        f"{format_duration(at(columns, n_small))} and {format_duration(at(columns, n_middle))} (slope",
        f"{slope(columns):z.2f}), as much as {products:,.0f} products at n = {n_middle:,}. With {AT_ONCE} columns at",
        f"once, as in the gradient forward, {format_duration(at(at_once, n_middle))} are enough there, and",
        f"{format_duration(at(at_once, at_once['sizes'][-1]))} at n = {at_once['sizes'][-1]:,}.",
        *_growth_sentences(function, product, n_middle),
    ]


def _growth_sentences(function: CostCurve, product: CostCurve, n_middle: float) -> list[str]:
    """Compare the growth of f and of a product, and claim no more than the times show."""
    n_small, n_large = product["sizes"][0], product["sizes"][-1]
    first, last = ratios_at_ends(product, function)
    sentences = [f"Up to n = {n_middle:,} the slope of f is {slope(function, high=n_middle):z.2f}"]
    if is_flat(function, n_middle) and is_flat(product, n_middle):
        sentences[0] += (
            ": f and a product are flat there, as the overhead of operations outweighs n square roots."
        )
    else:
        sentences[0] += "."
    verb = "does not grow" if last <= GROWTH * first else "grows"
    return [
        *sentences,
        f"The ratio of their costs {verb} with n: a product costs {first:.1f} evaluations of f at n = {n_small:,} and",
        f"{last:.1f} at n = {n_large:,}.",
    ]
