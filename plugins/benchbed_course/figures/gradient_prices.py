"""The cost of benchbed's gradients, and the price in calls that a run is charged for them."""

import functools
from collections.abc import Mapping
from typing import Any

import torch

from benchbed import load_catalog
from benchbed.interfaces import Gradient, Picture
from benchbed.interfaces.columns import AT_ONCE
from benchbed.plotting import line_styles, theme
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture, share_heights
from benchbed_course.figures.costs import Call, Costs, at, draw_curve, format_duration, ratio, sweep
from benchbed_course.figures.optimizers import range_of
from benchbed_problems.weighted_quartic import WeightedQuartic

NAMES = ("reverse", "forward", "forward-random", "finite-difference", "dual")
DIMENSIONS = (1, 3, 10, 30, 100, 300)
LANES = (1, 30)
"""Trials in one batch: one, and enough for the work to outweigh the overhead of its operations."""
CHECKED_DIMENSION = 10
"""Dimension in which the gradients are compared with each other."""
DASH = 4.0
"""Length of a dash of a price, in line widths."""
_LOOKS = {
    name: look._replace(color=TRUTH) if name == "reverse" else look
    for name, look in line_styles(NAMES).items()
}


@functools.cache
def gradients() -> dict[str, Gradient]:
    """Return the registered gradients by name."""
    catalog = load_catalog()
    return {name: catalog.gradient(name) for name in NAMES}


def measure() -> dict[str, Any]:
    """Measure the cost of every gradient of the weighted quartic by dimension, and its error."""
    return {
        "costs": {str(lanes): sweep(functools.partial(_calls, lanes=lanes), DIMENSIONS) for lanes in LANES},
        "errors": errors(),
    }


def draw_prices(measured: Mapping[str, Any]) -> Picture:
    """Draw the cost of each gradient in units of reverse mode's, and its declared price in calls."""
    costs: dict[str, Costs] = measured["costs"]
    with theme("gradient-prices"):
        figure, panels = canvas(columns=len(costs), width=10.5, height=4.6)
        for axes, (lanes, lane_costs) in zip(panels, costs.items(), strict=True):
            for position, (name, curve) in enumerate(lane_costs.items()):
                draw_curve(axes, ratio(curve, lane_costs["reverse"]), _LOOKS[name], name)
                prices = [gradients()[name].price(int(size)) for size in curve["sizes"]]
                # Dashes of different phase: prices that coincide appear as one line in turning colours.
                dashes = (position * DASH, (DASH, (len(NAMES) - 1) * DASH))
                axes.plot(curve["sizes"], prices, linestyle=dashes, color=_LOOKS[name].color, linewidth=1.4)
            trials = "One trial" if lanes == "1" else f"{lanes} trials in one batch"
            axes.set(title=trials, xlabel="dimension")
        panels[0].set(ylabel="cost in gradients by reverse mode\n(dashed: the declared price in calls)")
        share_heights(panels)
        legend_below(figure, panels[-1])
        distances = measured["errors"]
        exact = ", ".join(
            f"{name} {distances[name]:.1g}" for name in ("forward", "dual", "finite-difference")
        )
        return picture(
            figure,
            *_price_sentences(costs),
            "Distance from the gradient of reverse mode, relative to its norm, in",
            f"{CHECKED_DIMENSION} dimensions: {exact}. The estimate of forward-random is right only on average: its",
            f"distance is {distances['forward-random']:.3g}, where theory expects",
            f"√{CHECKED_DIMENSION + 1} = {(CHECKED_DIMENSION + 1) ** 0.5:.3g}.",
        )


def errors() -> dict[str, float]:
    """Compute the root mean square of ‖estimate − gradient‖ / ‖gradient‖ over 10 000 points or draws.

    Of (∇f · v) v, v standard normal, its expectation is √(dimension + 1).
    """
    loss, theta, draw = _scene(CHECKED_DIMENSION, 10_000)
    exact = gradients()["reverse"](loss, theta)[1]
    errors = {}
    for name, gradient in gradients().items():
        estimate = gradient(loss, theta, draw if gradient.make_draws else None)[1]
        relative = (estimate - exact).norm(dim=-1) / exact.norm(dim=-1)
        errors[name] = relative.square().mean().sqrt().item()
    return errors


def _scene(dimension: int, lanes: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """Build a loss, points and random directions, both `[lanes, dimension]`."""
    problem = WeightedQuartic(dimension=dimension, gradient_noise=0.0)
    data, theta = problem.shared_data(), 2 * torch.randn(lanes, dimension, dtype=torch.float64)
    return lambda point: problem.objective(point, data), theta, torch.randn_like(theta)


def _calls(dimension: int, lanes: int) -> dict[str, Call]:
    loss, theta, draw = _scene(dimension, lanes)

    def call_of(gradient: Gradient) -> Call:
        return lambda: gradient(loss, theta, draw if gradient.make_draws else None)

    return {name: call_of(gradient) for name, gradient in gradients().items()}


def _price_sentences(costs: Mapping[str, Costs]) -> list[str]:
    first, last = costs.values()
    low, high = first["reverse"]["sizes"][0], first["reverse"]["sizes"][-1]
    prices = {name: [gradient.price(int(n)) for n in (low, high)] for name, gradient in gradients().items()}
    listed = ", ".join(f"{range_of(ends, '.3g')} for {name}" for name, ends in prices.items())
    constant = " and ".join(name for name, ends in prices.items() if ends[0] == ends[1])
    sentences = [
        f"A run is charged for its gradient in calls, by the number of passes (dashed): {listed} in {low} to {high}",
        f"dimensions.{f' The price of {constant} does not grow with the dimension.' if constant else ''}",
        "Solid lines show the processor time on weighted-quartic in units of reverse mode, which itself takes",
        f"{format_duration(at(first['reverse'], low))} in {low} and",
        f"{format_duration(at(first['reverse'], high))} in {high} dimensions for one trial.",
    ]
    for lanes, lane_costs in costs.items():
        clauses = [
            f"{name} {at(lane_costs[name], high) / at(lane_costs['reverse'], high):.3g}"
            f" (price {gradient.price(int(high)):.3g})"
            for name, gradient in gradients().items()
            if name != "reverse"
        ]
        trials = "one trial" if lanes == "1" else f"{lanes} trials"
        sentences.append(f"In {high} dimensions with {trials}: {', '.join(clauses)}.")
    one_product, many_products = (
        at(c["forward-random"], high) / at(c["reverse"], high) for c in (first, last)
    )
    batch = at(first["forward"], high) / at(first["forward-random"], high)
    price = gradients()["forward-random"].price(int(high))
    is_overhead = batch < high / 2 and one_product > 2 * price
    decides = ": the price counts work, but here the overhead of operations decides" if is_overhead else ""
    return [
        *sentences,
        f"For one trial, {high} products in batches of up to {AT_ONCE} cost {batch:.3g} times as much as one{decides}.",
        f"A single product, which is all that forward-random computes, costs {one_product:.1f} gradients by reverse",
        f"mode for one trial and {many_products:.1f} for {[*costs][-1]}; its price is {price:.3g}.",
    ]
