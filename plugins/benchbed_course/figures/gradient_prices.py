"""Draw what benchbed's gradients cost beside the price that a run is charged for them."""

import functools
from collections.abc import Mapping
from typing import Any

import torch

from benchbed import load_catalog
from benchbed.interfaces import Gradient, Picture
from benchbed.interfaces.columns import AT_ONCE
from benchbed.plotting import line_styles, theme
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture, share_heights
from benchbed_course.figures.costs import Call, Costs, at, draw_curve, ratio, spoken, sweep
from benchbed_problems.weighted_quartic import WeightedQuartic

NAMES = ("reverse", "forward", "forward-random", "finite-difference", "dual")
DIMENSIONS = (1, 3, 10, 30, 100, 300)
LANES = (1, 30)
"""Trials side by side: one, and so many that the work outweighs the overhead of its operations."""
CHECKED = 10
"""Dimension in which the gradients are compared with each other."""
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
    """Measure every gradient of the weighted quartic against its dimension, and how far each is from the exact one."""
    return {
        "costs": {str(lanes): sweep(functools.partial(_calls, lanes=lanes), DIMENSIONS) for lanes in LANES},
        "errors": errors(),
    }


def draw_prices(measured: Mapping[str, Any]) -> Picture:
    """Show the cost of each gradient in units of reverse mode's, beside its declared price in calls."""
    costs: dict[str, Costs] = measured["costs"]
    with theme("gradient-prices"):
        figure, panels = canvas(columns=len(costs), width=10.5, height=4.6)
        for axes, (lanes, mine) in zip(panels, costs.items(), strict=True):
            for name, curve in mine.items():
                draw_curve(axes, ratio(curve, mine["reverse"]), _LOOKS[name], name)
                prices = [gradients()[name].price(int(size)) for size in curve["sizes"]]
                axes.plot(curve["sizes"], prices, "--", color=_LOOKS[name].color, linewidth=0.9)
            trials = "One trial" if lanes == "1" else f"{lanes} trials side by side"
            axes.set(title=trials, xlabel="dimension")
        panels[0].set(ylabel="cost in gradients by reverse mode\n(dashed: the declared price in calls)")
        share_heights(panels)
        legend_below(figure, panels[-1])
        return picture(figure, *_prices_said(costs), *_errors_said(measured["errors"]))


def errors() -> dict[str, float]:
    """Give ‖estimate − gradient‖ / ‖gradient‖ of each, its root mean square over 10 000 points or draws.

    Of (∇f · v) v, v standard normal, it is √(dimension + 1) in the mean.
    """
    loss, theta, draw = _scene(CHECKED, 10_000)
    exact = gradients()["reverse"](loss, theta)[1]
    found = {}
    for name, gradient in gradients().items():
        estimate = gradient(loss, theta, draw if gradient.make_draws else None)[1]
        relative = (estimate - exact).norm(dim=-1) / exact.norm(dim=-1)
        found[name] = relative.square().mean().sqrt().item()
    return found


def _scene(dimension: int, lanes: int) -> tuple[Any, torch.Tensor, torch.Tensor]:
    problem = WeightedQuartic(dimension=dimension, gradient_noise=0.0)
    data, theta = problem.shared_data(), 2 * torch.randn(lanes, dimension, dtype=torch.float64)
    return lambda point: problem.objective(point, data), theta, torch.randn_like(theta)


def _calls(dimension: int, lanes: int) -> dict[str, Call]:
    loss, theta, draw = _scene(dimension, lanes)

    def call_of(gradient: Gradient) -> Call:
        return lambda: gradient(loss, theta, draw if gradient.make_draws else None)

    return {name: call_of(gradient) for name, gradient in gradients().items()}


def _prices_said(costs: Mapping[str, Costs]) -> list[str]:
    few, many = costs.values()
    low, high = few["reverse"]["sizes"][0], few["reverse"]["sizes"][-1]
    sentences = [
        "A run is charged for its gradient in calls, by the passes that it makes (dashed): 1 for reverse mode, 2/3 for",
        "each Jacobian-vector product, 1/3 for each loss. Drawn through is the processor time on weighted-quartic in",
        f"units of reverse mode, which itself takes {spoken(at(few['reverse'], low))} in {low} and",
        f"{spoken(at(few['reverse'], high))} in {high} dimensions for one trial.",
    ]
    for lanes, mine in costs.items():
        said = [
            f"{name} {at(mine[name], high) / at(mine['reverse'], high):.3g} (price {gradient.price(int(high)):.3g})"
            for name, gradient in gradients().items()
            if name != "reverse"
        ]
        trials = "one trial" if lanes == "1" else f"{lanes} trials"
        sentences.append(f"In {high} dimensions with {trials}: {', '.join(said)}.")
    return [
        *sentences,
        "The price counts work, and for one trial overhead decides:",
        f"up to {AT_ONCE} passes go side by side and cost less than so many, while a single product, all that",
        f"forward-random makes, costs {_products(few, high):.1f} gradients by reverse mode for one trial and",
        f"{_products(many, high):.1f} for {[*costs][-1]}, and not 2/3.",
    ]


def _products(costs: Costs, dimension: float) -> float:
    return at(costs["forward-random"], dimension) / at(costs["reverse"], dimension)


def _errors_said(found: Mapping[str, float]) -> list[str]:
    exact = ", ".join(f"{name} {found[name]:.1g}" for name in ("forward", "dual", "finite-difference"))
    return [
        f"Distance from the gradient of reverse mode, relative to its norm, in {CHECKED} dimensions: {exact};",
        "forward-random, the only one of these whose price does not grow, is right in the mean alone:",
        f"{found['forward-random']:.3g}, where theory expects √{CHECKED + 1} = {(CHECKED + 1) ** 0.5:.3g}.",
    ]
