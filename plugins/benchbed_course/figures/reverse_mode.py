"""Cost of reverse mode: of a vector-Jacobian product, and of a full Jacobian computed by such products."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchbed.interfaces import Picture
from benchbed.interfaces.columns import column_by_column
from benchbed.interfaces.gradient import Differentiable
from benchbed.plotting import line_styles, theme
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture, share_heights
from benchbed_course.figures.costs import (
    GROWTH,
    REPETITIONS,
    Call,
    Costs,
    at,
    draw_curve,
    format_distance,
    format_duration,
    is_flat,
    ratios_at_ends,
    slope,
    sweep,
)
from benchbed_course.figures.forward_mode import document_function, document_jacobian
from benchbed_course.figures.products import jacobian_vector_product

INPUTS = (10, 30, 100, 300, 1_000, 3_000, 30_000, 300_000)
OUTPUTS = (1, 3, 10, 30, 100, 300, 1_000)
FIXED_INPUTS = 100
"""Inputs while the number of outputs grows."""
FLAT = 3_000
"""Inputs up to which the slope is fitted: here the overhead of operations decides, beyond it their work."""
FUNCTION, PRODUCT, ROWS, ROWS_AT_ONCE, COLUMNS = "f", "product", "rows", "rows at once", "columns"
LABELS = {
    FUNCTION: "f",
    PRODUCT: "a vector-Jacobian product",
    ROWS: "Jacobian, row by row",
    ROWS_AT_ONCE: "Jacobian, all rows at once",
    COLUMNS: "Jacobian by forward mode",
}
_LOOKS = {
    name: look._replace(color=TRUTH) if name == FUNCTION else look
    for name, look in line_styles([*LABELS]).items()
}


def measure() -> dict[str, Any]:
    """Measure a product by the inputs of a scalar function, and Jacobians by the outputs."""
    return {
        "inputs": sweep(_calls_of_inputs, INPUTS),
        "outputs": sweep(_calls_of_outputs, OUTPUTS),
        "checks": checks(),
    }


def draw_costs(measured: Mapping[str, Any]) -> Picture:
    """Draw the seconds by the number of inputs, and by the number of outputs."""
    by_inputs, by_outputs = measured["inputs"], measured["outputs"]
    with theme("reverse-mode-costs"):
        figure, (inputs, outputs) = canvas(columns=2, width=10.5, height=4.4)
        for axes, costs in ((inputs, by_inputs), (outputs, by_outputs)):
            for name, curve in costs.items():
                draw_curve(axes, curve, _LOOKS[name], LABELS[name])
        share_heights([inputs, outputs])
        inputs.set(title="A scalar function of n inputs", xlabel="inputs n", ylabel="seconds")
        outputs.set(title=f"A function with m outputs, n = {FIXED_INPUTS}", xlabel="outputs m")
        legend_below(figure, outputs)
        rows, error = measured["checks"]["rows"], measured["checks"]["error"]
        rows_text = " and ".join(f"({', '.join(f'{number:g}' for number in row)})" for row in rows)
        return picture(
            figure,
            *_input_sentences(by_inputs),
            *_output_sentences(by_outputs),
            f"The rows of the Jacobian of ((x₁ + x₂) x₁², x₁ x₂) at (1, 2) are {rows_text}, by one pullback; the",
            f"Jacobian of the test function with two outputs at (1, 2, 3) is {format_distance(error)} the closed form.",
        )


def two_outputs(x: Tensor) -> Tensor:
    """Compute ((x₁ + x₂) x₁², x₁ x₂), the document's function with two outputs."""
    return torch.stack([(x[0] + x[1]) * x[0] ** 2, x[0] * x[1]])


def jacobian_by_rows(function: Differentiable, x: Tensor) -> Tensor:
    """Compute the Jacobian `[outputs, n]` by one forward pass and one backward pass for each output."""
    value, pullback = torch.func.vjp(function, x)[:2]
    return torch.stack([pullback(adjoint)[0] for adjoint in torch.eye(len(value)).to(value)])


def checks() -> dict[str, Any]:
    """Compute the document's Jacobian of ((x₁ + x₂) x₁², x₁ x₂) at (1, 2), and one of the test function."""
    x = torch.arange(1, 4, dtype=torch.float64)
    rows = jacobian_by_rows(document_function(2), x)
    return {
        "rows": jacobian_by_rows(two_outputs, x[:2]).tolist(),
        "error": (rows - document_jacobian(x, 2)).abs().max().item(),
    }


def _vector_jacobian_product(function: Differentiable, x: Tensor, adjoint: Tensor) -> Any:
    """Compute the product of a row vector and the Jacobian, with the forward pass that it needs."""
    return torch.func.vjp(function, x)[1](adjoint)


def _calls_of_inputs(inputs: int) -> dict[str, Call]:
    function, x = document_function(1), 0.5 + torch.rand(inputs, dtype=torch.float64)
    adjoint = torch.ones(1, dtype=torch.float64)
    return {
        FUNCTION: lambda: function(x),
        PRODUCT: lambda: _vector_jacobian_product(function, x, adjoint),
    }


def _calls_of_outputs(outputs: int) -> dict[str, Call]:
    function, x = document_function(outputs), 0.5 + torch.rand(FIXED_INPUTS, dtype=torch.float64)
    adjoint = torch.ones(outputs, dtype=torch.float64)
    return {
        FUNCTION: lambda: function(x),
        PRODUCT: lambda: _vector_jacobian_product(function, x, adjoint),
        ROWS: lambda: jacobian_by_rows(function, x),
        ROWS_AT_ONCE: lambda: torch.func.jacrev(function)(x),
        COLUMNS: lambda: column_by_column(
            lambda direction: jacobian_vector_product(function, x, direction), x
        ),
    }


def _input_sentences(costs: Costs) -> list[str]:
    function, product = costs[FUNCTION], costs[PRODUCT]
    n_small, flat, n_large = (
        product["sizes"][0],
        max(n for n in product["sizes"] if n <= FLAT),
        product["sizes"][-1],
    )
    first, last = ratios_at_ends(product, function)
    flat_clause = ""
    if is_flat(product, flat) and is_flat(function, flat):
        flat_clause = ": both are flat there, as the overhead of operations outweighs their work"
    verb = "does not grow" if last <= GROWTH * first else "grows"
    return [
        "Left, f(x) = exp(−mean √xⱼ) + 1: one vector-Jacobian product, with its forward pass, is the whole gradient.",
        f"It costs {format_duration(at(product, n_small))} at n = {n_small:,} and {format_duration(at(product, flat))}",
        f"at n = {flat:,} (slope {slope(product, high=flat):z.2f} on log axes; f itself",
        f"{slope(function, high=flat):z.2f}){flat_clause}. At n = {n_large:,} it costs",
        f"{format_duration(at(product, n_large))}, and f {format_duration(at(function, n_large))}.",
        f"The ratio {verb} with n: the gradient costs {first:.1f} evaluations of f at n = {n_small:,} and {last:.1f}",
        f"at n = {n_large:,}.",
    ]


def _output_sentences(costs: Costs) -> list[str]:
    product, rows, at_once, columns = (costs[name] for name in [*LABELS][1:])
    m_small, m_large = rows["sizes"][0], rows["sizes"][-1]
    middle = rows["sizes"][len(rows["sizes"]) // 3]  # from here on the rows outweigh the forward pass
    cheaper = ", ".join(f"{m:,}" for m in rows["sizes"] if at(rows, m) > at(columns, m))
    return [
        f"Right, with m outputs of {FIXED_INPUTS} inputs: the full Jacobian, row by row, costs",
        f"{format_duration(at(rows, m_small))} at m = {m_small:,} and {format_duration(at(rows, m_large))} at m =",
        f"{m_large:,} (slope {slope(rows, low=middle):z.2f} from m = {middle:,} on); one product costs",
        f"{format_duration(at(product, m_small))} and {format_duration(at(product, m_large))}. All rows at once, by",
        f"torch.func.jacrev, take {format_duration(at(at_once, m_large))}. Forward mode, which computes columns, takes",
        f"{format_duration(at(columns, m_small))} and {format_duration(at(columns, m_large))},",
        f"less than row by row at m = {cheaper}." if cheaper else "nowhere less than row by row.",
        f"All times are processor time of one thread, the median of {REPETITIONS} rounds.",
    ]
