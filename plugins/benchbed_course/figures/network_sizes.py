"""The error of shallow ReLU networks by their number of units: after training, and what so many kinks could attain."""

from collections.abc import Mapping

import numpy as np
import torch

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import theme, wrap_label
from benchbed_course.figures.breakpoints import CELLS, NetworkTrials, bending, best_density, network_trials
from benchbed_course.figures.canvas import TRUTH, canvas, picture
from benchbed_course.figures.least_squares import median
from benchbed_course.figures.optimizers import label_of, looks_of, optimizer_sentences
from benchbed_problems.shallow_network import runge

Ends = dict[int, np.ndarray]
"""Test losses at the end, `[seeds]`, by the number of hidden units; infinite for a trial that diverged."""
GRID_POINTS = 5_001
"""Points of the least-squares fits, many for each piece."""
EVEN, BEST = "evenly spaced kinks", "kinks at the best density"


def draw_errors(*studies: Study) -> Picture:
    """Draw the test losses of ReLU networks after training, and those of least squares with as many kinks.

    The optimizers are those that all studies run: the suite of few sizes has one more, for other activations.

    Raises: ValueError if the studies share no optimizer that has a result.
    """
    shared = set.intersection(*({entrant.label for entrant in study.plan.entrants} for study in studies))
    networks = [
        group
        for study in studies
        for group in network_trials(study)
        if group.problem.activation == "relu" and group.optimizer in shared
    ]
    if not networks:
        raise ValueError("the studies share no optimizer that has trained a ReLU network")
    ends = ends_by_optimizer(networks)
    trials = {networks_of_size.optimizer: networks_of_size.trials[0] for networks_of_size in networks}
    labels, looks = {name: label_of(trials[name]) for name in ends}, looks_of(trials[name] for name in ends)
    hidden = sorted({size for losses in ends.values() for size in losses})
    fits = {
        EVEN: [spline_loss(even_kinks(count)) for count in hidden],
        BEST: [spline_loss(best_kinks(count)) for count in hidden],
    }
    with theme("shallow-network-sizes"):
        figure, (axes,) = canvas(width=7.5, height=4.4)
        for optimizer, losses in ends.items():
            look, label = looks[optimizer], wrap_label(f"{labels[optimizer]}, median")
            for size, values in losses.items():
                x = np.full(len(values), size)
                axes.loglog(x, values, look.marker, color=look.color, markersize=3, alpha=0.4)
            medians = [median(values) for values in losses.values()]
            axes.loglog([*losses], medians, look.marker, linestyle="-", color=look.color, markersize=7,
                        markeredgecolor="white", markeredgewidth=0.6, label=label)  # fmt: skip
        for (kinks, fit_losses), marker in zip(fits.items(), ("x", "*"), strict=True):
            axes.loglog(
                hidden, fit_losses, marker, color=TRUTH, markersize=6, label=f"least squares, {kinks}"
            )
        sizes = np.geomspace(hidden[0], hidden[-1], 100)
        axes.loglog(
            sizes, smallest_loss(sizes), ":", color=TRUTH, linewidth=1.2, label="theory of the best kinks"
        )
        axes.set(xlabel="hidden units", ylabel="test loss", title="ReLU networks on Runge's function")
        axes.set_xticks(hidden, [str(count) for count in hidden])
        axes.minorticks_off()
        axes.legend(loc="lower left")
        steps = max(trial.steps for group in networks for trial in group.trials)
        best_fits = dict(zip(hidden, fits[BEST], strict=True))
        own_sentences = [_sentence(labels[name], losses, best_fits) for name, losses in ends.items()]
        caption = (*_caption(fits, hidden, steps), *own_sentences)
        return picture(figure, *caption, *optimizer_sentences(*studies))


def ends_by_optimizer(networks: list[NetworkTrials]) -> dict[str, Ends]:
    """Return the final test losses of each optimizer at the sizes that it has results for, by increasing size."""
    ends: dict[str, Ends] = {}
    for group in sorted(networks, key=lambda group: group.problem.hidden):
        losses = [
            np.inf if trial.status == TrialStatus.DIVERGED else trial.metrics["test-loss"]
            for trial in group.trials
        ]
        ends.setdefault(group.optimizer, {})[group.problem.hidden] = np.array(losses)
    return {optimizer: ends[optimizer] for optimizer in dict.fromkeys(group.optimizer for group in networks)}


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


def _caption(fits: Mapping[str, list[float]], hidden: list[int], steps: int) -> list[str]:
    theory = smallest_loss(np.array(hidden))
    agreement = ", ".join(
        f"{fit / expected:.2f} ({size})"
        for fit, expected, size in zip(fits[BEST], theory, hidden, strict=True)
    )
    return [
        "More units can fit better, but do they after training? Each unit of a ReLU network adds at most one kink.",
        "Without training, least squares with as many kinks attains",
        f"{fits[EVEN][0]:.1e} to {fits[EVEN][-1]:.1e} if they are evenly spaced, and {fits[BEST][0]:.1e} to",
        f"{fits[BEST][-1]:.1e} at the density that is best for many kinks. The theory of the best kinks falls with the",
        f"fourth power of the units; the losses of that density are, in its units, {agreement}. Median test losses",
        f"after training, for at most {steps:,} steps, by units:",
    ]


def _sentence(label: str, losses: Ends, best_fits: Mapping[int, float]) -> str:
    """Describe the medians of an optimizer, with their slope if there are several and no median is infinite."""
    medians = {size: float(median(values)) for size, values in losses.items()}
    numbers = ", ".join(f"{value:.1e} ({size})" for size, value in medians.items() if np.isfinite(value))
    first, last = min(medians), max(medians)
    seeds, trials = max(map(len, losses.values())), sum(map(len, losses.values()))
    diverged = sum(int(np.isinf(values).sum()) for values in losses.values())
    missing = [str(size) for size in best_fits if size not in losses]
    notes = f"; {diverged} of {trials} trials diverged" if diverged else ""
    notes += f"; no result with {' and with '.join(missing)} units" if missing else ""
    if len(medians) == 1 or not np.isfinite([*medians.values()]).all():
        return f"{label}, {seeds} seeds: {numbers or 'none is finite'}{notes}."
    slope = float(np.polyfit(np.log([*medians]), np.log([*medians.values()]), 1)[0])
    return (
        f"{label}, {seeds} seeds: {numbers}{notes}; the slope on log axes from {first} to {last} units is {slope:.1f},"
        f" the lowest median is that of {min(medians, key=medians.__getitem__)} units, and with {last} units it is"
        f" {medians[last] / best_fits[last]:,.0f} times the loss of the best density."
    )
