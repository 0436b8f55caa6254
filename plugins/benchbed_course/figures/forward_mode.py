"""Measure and draw what forward mode costs: a Jacobian-vector product, and a full Jacobian made of them."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchbed.interfaces import Picture
from benchbed.interfaces.columns import AT_ONCE, column_by_column
from benchbed.interfaces.gradient import Differentiable
from benchbed.plotting import line_styles, theme
from benchbed_course.dual import derivative
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture
from benchbed_course.figures.costs import (
    REPETITIONS,
    Call,
    Costs,
    at,
    draw_curve,
    nearness,
    ratio,
    slope,
    spoken,
    sweep,
)
from benchbed_course.figures.products import jacobian_vector_product

SIZES = (10, 30, 100, 300, 1_000, 3_000, 30_000, 300_000)
BY_COLUMNS, BY_PIECES = 1_000, 3_000
"""Inputs up to which a Jacobian is measured, one column after the other, and many at once."""
FUNCTION, PRODUCT, COLUMNS, PIECES = "f", "product", "columns", "pieces"
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
    """Measure f, a product and the Jacobian against the number of inputs, and check the document's numbers."""
    return {"costs": sweep(_calls, SIZES), "checks": checks()}


def draw_costs(measured: Mapping[str, Any]) -> Picture:
    """Show the seconds against the number of inputs, and how many evaluations of f they would buy."""
    costs: Costs = measured["costs"]
    with theme("forward-mode-costs"):
        figure, (seconds, ratios) = canvas(columns=2, width=10.5, height=4.4)
        for name, curve in costs.items():
            draw_curve(seconds, curve, _LOOKS[name], LABELS[name])
            draw_curve(ratios, ratio(curve, costs[FUNCTION]), _LOOKS[name], LABELS[name])
        seconds.set(title="Cost", xlabel="inputs n", ylabel="seconds")
        ratios.set(title="The same in evaluations of f", xlabel="inputs n", ylabel="times the cost of f")
        legend_below(figure, seconds)
        return picture(figure, *_costs_said(costs), *_checks_said(measured["checks"]))


def document_function(outputs: int) -> Differentiable:
    """Give f, x `[..., n]` -> `[..., outputs]`, with fᵢ(x) = exp(−mean √xⱼ) + i."""
    ordinals = torch.arange(1, outputs + 1, dtype=torch.float64)

    def function(x: Tensor) -> Tensor:
        return torch.exp(-torch.sqrt(x).mean(-1, keepdim=True)) + ordinals

    return function


def document_jacobian(x: Tensor, outputs: int) -> Tensor:
    """Give its Jacobian `[outputs, n]` in closed form: −exp(−mean √x) / (2 n √xⱼ) in every row."""
    row = -torch.exp(-torch.sqrt(x).mean()) / (2 * len(x) * torch.sqrt(x))
    return row.expand(outputs, -1)


def jacobian_by_columns(function: Differentiable, x: Tensor) -> Tensor:
    """Give the Jacobian `[outputs, n]` by one product for each of the inputs `x: [n]`."""
    return torch.stack(
        [jacobian_vector_product(function, x, direction)[1] for direction in torch.eye(len(x)).to(x)], -1
    )


def checks() -> dict[str, Any]:
    """Compute the document's examples: dual numbers, and the product and the Jacobian of f with two outputs."""
    one = torch.ones((), dtype=torch.float64)
    value, tangent = derivative(lambda x: torch.exp(x * x), one, one)
    x, v = torch.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=torch.float64)
    function, exact = document_function(2), document_jacobian(x, 2)
    product = jacobian_vector_product(function, x, v)[1]
    return {
        "dual": [value.item(), tangent.item()],
        "product": product.tolist(),
        "errors": {
            "product": _largest(product - exact @ v),
            "dual product": _largest(derivative(function, x, v)[1] - exact @ v),
            "Jacobian": _largest(jacobian_by_columns(function, x) - exact),
        },
    }


def _largest(difference: Tensor) -> float:
    return difference.abs().max().item()


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


def _costs_said(costs: Costs) -> list[str]:
    function, product, columns, pieces = (costs[name] for name in LABELS)
    few, many, most = columns["sizes"][0], columns["sizes"][-1], product["sizes"][-1]
    share = at(columns, many) / at(product, many)
    return [
        "The document's test function, f(x) = exp(−mean √xⱼ) + 1, of n inputs; processor time of one thread, median of",
        f"{REPETITIONS} rounds. A Jacobian-vector product costs {spoken(at(product, few))} at n = {few:,} and",
        f"{spoken(at(product, many))} at n = {many:,} (slope {slope(product, high=many):z.2f} on log axes).",
        f"The full Jacobian by one product for each column costs {spoken(at(columns, few))} and",
        f"{spoken(at(columns, many))} (slope {slope(columns):z.2f}): {share:,.0f} products at n = {many:,}.",
        f"With {AT_ONCE} columns at once, as the gradient forward does, {spoken(at(pieces, many))} are enough there,",
        f"and {spoken(at(pieces, pieces['sizes'][-1]))} at n = {pieces['sizes'][-1]:,}.",
        f"A product is flat in n as far as f is (slope {slope(function, high=many):z.2f} up to n = {many:,}), where",
        "the overhead of each operation hides its n square roots; beyond, both grow, and what stays",
        "bounded is the ratio:",
        f"a product costs {at(product, few) / at(function, few):.1f} evaluations of f at n = {few:,} and",
        f"{at(product, most) / at(function, most):.1f} at n = {most:,}.",
    ]


def _checks_said(found: Mapping[str, Any]) -> list[str]:
    (value, tangent), errors = found["dual"], found["errors"]
    far = max(abs(value - math.e), abs(tangent - 2 * math.e))
    product = ", ".join(f"{number:.6f}" for number in found["product"])
    return [
        f"Dual numbers make exp(x²) at x = 1 + ε into {value!r} + {tangent!r} ε, {nearness(far)} (e, 2e)",
        "in double precision.",
        f"Of the function with two outputs at (1, 2, 3), the product along (0.1, 0.2, 0.3) is ({product}):",
        f"by torch {nearness(errors['product'])} the closed form, by dual numbers {nearness(errors['dual product'])}",
        f"the closed form. The Jacobian by columns is {nearness(errors['Jacobian'])} its closed form.",
    ]
