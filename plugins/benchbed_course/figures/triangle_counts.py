"""Parameters of deep and of shallow networks that equal the composed triangles: 6k + 1 against 3·2ᵏ + 1."""

from typing import Any

import torch
from matplotlib.axes import Axes
from torch import Tensor

from benchbed.interfaces import Picture
from benchbed.plotting import line_styles, theme
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture
from benchbed_problems.networks import NetworkFit
from benchbed_problems.shallow_network import ShallowNetwork
from benchbed_problems.triangles import Triangles, exact_parameters

DEPTHS = range(1, 11)
DEEP, SHALLOW = "deep", "shallow"
LABELS = {DEEP: "deep: k hidden layers of 2 units", SHALLOW: "shallow: one hidden layer of 2ᵏ units"}
_LOOKS = line_styles([*LABELS])


def measure() -> list[dict[str, Any]]:
    """Build both networks for each k, count parameters and linear pieces, and compare their values on [0, 1]."""
    measurements: list[dict[str, Any]] = []
    for depth in DEPTHS:
        x = torch.arange(4 * 2**depth + 1, dtype=torch.float64) / (4 * 2**depth)  # four points on each piece
        networks: dict[str, tuple[NetworkFit, Tensor]] = {
            DEEP: (Triangles(depth=depth), exact_parameters(depth)),
            SHALLOW: (ShallowNetwork(hidden=2**depth), shallow_parameters(depth)),
        }
        values = {name: problem.predict(theta, x[:, None]) for name, (problem, theta) in networks.items()}
        measurements.append(
            {
                "depth": depth,
                "parameters": {name: theta.numel() for name, (_, theta) in networks.items()},
                "pieces": {name: linear_pieces(y) for name, y in values.items()},
                "difference": (values[DEEP] - values[SHALLOW]).abs().max().item(),
            }
        )
    return measurements


def draw_counts(measured: list[dict[str, Any]]) -> Picture:
    """Draw the parameters by k with their formulas, and the linear pieces by the parameters."""
    depths = [network["depth"] for network in measured]
    formulas = {DEEP: [6 * k + 1 for k in depths], SHALLOW: [3 * 2**k + 1 for k in depths]}
    with theme("triangles-counts"):
        figure, (counts, pieces) = canvas(columns=2, width=9.5, height=3.8)
        for name, label in LABELS.items():
            parameters = [network["parameters"][name] for network in measured]
            _draw_points(counts, depths, parameters, name, label)
            _draw_points(pieces, parameters, [network["pieces"][name] for network in measured], name, label)
            formula = "6k + 1 and 3·2ᵏ + 1" if name == DEEP else None
            counts.plot(depths, formulas[name], "--", color=TRUTH, linewidth=0.9, label=formula, zorder=1)
        counts.set(title="Parameters that fₖ needs", xlabel="k", ylabel="parameters", yscale="log")
        counts.set_xticks(depths)
        pieces.set(title="Linear pieces for the parameters", xlabel="parameters", ylabel="linear pieces")
        pieces.set(xscale="log", yscale="log")
        legend_below(figure, counts)
        return picture(figure, *_caption(measured, formulas))


def shallow_parameters(depth: int) -> Tensor:
    """Build the weights and biases of a network with one hidden layer that equals f_k on [0, 1]: `[3·2^depth + 1]`.

    Its units max(0, x − j/2^k), j = 0 … 2^k − 1, have the weights 2^k for the first piece and then −2·2^k and 2·2^k in
    turn. On multiples of a power of two no operation rounds.
    """
    units = 2**depth
    index = torch.arange(units, dtype=torch.float64)
    weights = torch.where(index % 2 == 1, -2.0, 2.0) * units
    weights[0] = units
    return torch.cat([torch.ones(units), -index / units, weights, torch.zeros(1)])


def linear_pieces(values: Tensor) -> int:
    """Count the linear pieces of a function by its values `[points]` on an even grid that contains its kinks."""
    return 1 + int((values.diff(n=2) != 0).sum())


def _draw_points(axes: Axes, x: list[int], y: list[int], name: str, label: str) -> None:
    look = _LOOKS[name]
    # Open squares around the dots: for small k both networks have equally many parameters.
    size, face = (5, look.color) if name == DEEP else (9, "none")
    style: dict[str, Any] = {
        "color": look.color,
        "markersize": size,
        "markerfacecolor": face,
        "markeredgewidth": 1.5,
    }
    axes.plot(x, y, look.marker, label=label, **style)


def _caption(measured: list[dict[str, Any]], formulas: dict[str, list[int]]) -> list[str]:
    agreements = sum(
        network["parameters"][name] == count
        for name, counts in formulas.items()
        for network, count in zip(measured, counts, strict=True)
    )
    rows = [(network["depth"], *network["parameters"].values()) for network in measured]
    counts = ", ".join(f"k = {depth}: {deep:,} and {shallow:,}" for depth, deep, shallow in rows)
    equal = " and ".join(str(depth) for depth, deep, shallow in rows if deep == shallow)
    first_cheaper = next(depth for depth, deep, shallow in rows if deep < shallow)
    difference = max(network["difference"] for network in measured)
    equality = "are equal to the last bit" if difference == 0 else f"differ by at most {difference:.2g}"
    pieces = [f"{network['pieces'][DEEP]:,}" for network in (measured[0], measured[-1])]
    return [
        "The triangles fₖ on [0, 1] as a deep network and as a shallow one, both built with exact weights. Parameters",
        f"of both, counted: {counts}. {agreements} of {2 * len(measured)} counts agree with 6k + 1 and 3·2ᵏ + 1. For",
        f"k = {equal} the counts are equal, from k = {first_cheaper} on depth is cheaper. On a grid with four points",
        f"on each piece the values of both networks {equality}, with {pieces[0]} linear pieces at k = {rows[0][0]}",
        f"and {pieces[1]} at k = {rows[-1][0]}. A layer doubles the pieces, a unit adds one. Fewer than 2ᵏ units do",
        "not suffice in one layer: each of the 2ᵏ − 1 kinks needs a unit, and the slope at 0 needs one more, because",
        "it is 2ᵏ and all changes of slope are multiples of 2·2ᵏ.",
    ]
