"""The error of shallow ReLU networks by their number of units: after training, and what so many kinks could attain."""

from collections.abc import Mapping

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import LineStyle, line_styles, theme
from benchbed_course.figures.breakpoints import CELLS, NetworkTrials, bending, best_density, network_trials
from benchbed_course.figures.canvas import TRUTH, canvas, picture
from benchbed_course.figures.least_squares import median
from benchbed_problems.shallow_network import runge

Ends = dict[int, np.ndarray]
"""Test losses at the end, `[seeds]`, by the number of hidden units."""
GRID_POINTS = 5_001
"""Points of the least-squares fits, many for each piece."""
EVEN, BEST = "evenly spaced kinks", "kinks at the best density"


def draw_errors(*studies: Study) -> Picture:
    """Draw the test losses of ReLU networks after training, and those of least squares with as many kinks."""
    networks = [
        group for study in studies for group in network_trials(study) if group.problem.activation == "relu"
    ]
    ends = ends_by_optimizer(networks)
    hidden = [*next(iter(ends.values()))]
    fits = {
        EVEN: [spline_loss(even_kinks(count)) for count in hidden],
        BEST: [spline_loss(best_kinks(count)) for count in hidden],
    }
    with theme("shallow-network-sizes"):
        figure, (axes,) = canvas(width=7.5, height=4.4)
        for (optimizer, losses), look in zip(ends.items(), line_styles([*ends]).values(), strict=True):
            _draw_ends(axes, losses, look, optimizer)
        for (label, values), marker in zip(fits.items(), ("x", "+"), strict=True):
            axes.loglog(hidden, values, marker, color=TRUTH, markersize=6, label=f"least squares, {label}")
        sizes = np.geomspace(hidden[0], hidden[-1], 100)
        axes.loglog(
            sizes, smallest_loss(sizes), ":", color=TRUTH, linewidth=1.2, label="theory of the best kinks"
        )
        axes.set(xlabel="hidden units", ylabel="test loss", title="ReLU networks on Runge's function")
        axes.set_xticks(hidden, [str(count) for count in hidden])
        axes.minorticks_off()
        axes.legend(loc="lower left")
        steps = max(trial.steps for group in networks for trial in group.trials)
        return picture(figure, *_caption(ends, fits, steps))


def ends_by_optimizer(networks: list[NetworkTrials]) -> dict[str, Ends]:
    """Return the final test losses of each optimizer that trained networks of every size, by increasing size.

    Raises: ValueError if there is no such optimizer.
    """
    ends: dict[str, Ends] = {}
    for group in networks:
        losses = np.array([trial.metrics["test-loss"] for trial in group.trials])
        losses = np.nan_to_num(losses, nan=np.inf)  # of a trial that diverged
        ends.setdefault(group.trials[0].optimizer, {})[group.problem.hidden] = losses
    sizes = sorted({size for losses in ends.values() for size in losses})
    complete = {
        optimizer: {size: losses[size] for size in sizes}
        for optimizer, losses in ends.items()
        if len(losses) == len(sizes)
    }
    if not complete:
        raise ValueError(f"no optimizer has trained networks of all sizes {sizes}")
    return complete


def even_kinks(count: int) -> np.ndarray:
    """Return `count` kinks that divide [0, 1] into equal pieces."""
    return np.arange(1, count + 1) / (count + 1)


def best_kinks(count: int) -> np.ndarray:
    """Return `count` kinks at the quantiles 1/(count + 1), 2/(count + 1), … of the best density (`best_density`)."""
    edges = np.linspace(0, 1, CELLS + 1)
    cumulative = np.concatenate([[0], np.cumsum(best_density((edges[1:] + edges[:-1]) / 2)) / CELLS])
    return np.asarray(np.interp(even_kinks(count), cumulative / cumulative[-1], edges))


def spline_loss(kinks: np.ndarray) -> float:
    """Compute the least loss, on a fine grid, of the continuous, piecewise linear functions with the given kinks."""
    x = np.linspace(0, 1, GRID_POINTS)
    y = runge(torch.from_numpy(x)).numpy()
    knots = np.concatenate([[0], kinks, [1]])
    hats = np.stack([np.interp(x, knots, unit) for unit in np.eye(len(knots))], axis=-1)
    coefficients = np.linalg.lstsq(hats, y, rcond=None)[0]
    return float(((hats @ coefficients - y) ** 2).mean() / 2)


def smallest_loss(hidden: np.ndarray) -> np.ndarray:
    """Compute the asymptotic loss of the best piecewise linear fits with `hidden` kinks, `hidden` + 1 pieces.

    On a piece of length h the best line misses y by y''²h⁵/720 in squared error, integrated. With the density of
    `best_density` the loss, half the integral, is (∫|y''|^(2/5))⁵ / (1440 (hidden + 1)⁴). A network has at most one
    kink for each unit.

    Source: Barrow and Smith (1978), as for `best_density`.
    """
    midpoints = (np.arange(CELLS) + 0.5) / CELLS
    return np.asarray((bending(midpoints) ** 0.4).mean() ** 5 / (1440 * (hidden + 1) ** 4))


def _draw_ends(axes: Axes, losses: Ends, look: LineStyle, label: str) -> None:
    for size, values in losses.items():
        axes.loglog(
            np.full(len(values), size), values, look.marker, color=look.color, markersize=3, alpha=0.4
        )
    medians = [median(values) for values in losses.values()]
    axes.loglog([*losses], medians, look.marker, linestyle="-", color=look.color, markersize=7,
                markeredgecolor="white", markeredgewidth=0.6, label=f"{label}, median")  # fmt: skip


def _caption(ends: Mapping[str, Ends], fits: Mapping[str, list[float]], steps: int) -> list[str]:
    sentences = []
    for optimizer, losses in ends.items():
        medians = {size: float(median(values)) for size, values in losses.items()}
        first, *_, last = medians
        numbers = ", ".join(f"{value:.1e} ({size})" for size, value in medians.items())
        best = min(medians, key=medians.__getitem__)
        factor = medians[last] / fits[BEST][-1]
        sentences.append(
            f"{optimizer}, {len(losses[first])} seeds, at most {steps:,} steps: median test loss by units {numbers};"
            f" the slope on log axes from {first} to {last} units is {_slope(medians):.1f}, the lowest median is that"
            f" of {best} units, and with {last} units it is {factor:,.0f} times the loss of the best density."
        )
    hidden = np.array([*next(iter(ends.values()))])
    theory = smallest_loss(hidden)
    agreement = ", ".join(
        f"{fit / expected:.2f} ({size})"
        for fit, expected, size in zip(fits[BEST], theory, hidden, strict=True)
    )
    return [
        "More units can fit better, but do they after training? Each unit of a ReLU network adds at most one kink.",
        "Without training, least squares with as many kinks attains",
        f"{fits[EVEN][0]:.1e} to {fits[EVEN][-1]:.1e} if they are evenly spaced, and {fits[BEST][0]:.1e} to",
        f"{fits[BEST][-1]:.1e} at the density that is best for many kinks. The theory of the best kinks falls with the",
        f"fourth power of the units; the losses of that density are, in its units, {agreement}.",
        *sentences,
    ]


def _slope(medians: Mapping[int, float]) -> float:
    return float(np.polyfit(np.log([*medians]), np.log([*medians.values()]), 1)[0])
