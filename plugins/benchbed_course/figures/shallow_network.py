"""Draw shallow networks: their fits, where they put their breakpoints, and the activations beside each other."""

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.breakpoints import (
    BENDING,
    Fits,
    Placement,
    bent_part,
    best_density,
    fits_of,
    is_inside,
    kink_error,
    placement_of,
    share_in,
)
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture, share_heights
from benchbed_course.figures.trials import Trial, typical

COLOR = LOOKS["adam"].color
START: Color = (0.62, 0.64, 0.67)
RATE = 0.01
"""Learning rate of the fits with more and more units."""
HIDDEN = 30
"""Units of the networks whose activations are compared."""
BINS = np.linspace(0, 1, 22).tolist()
"""An odd number of bins, so that one has the peak in its middle."""
STYLES = ("-", "--", ":")
"""Of the losses at one learning rate and the next."""
FAINT = 0.3


def draw_breakpoints(study: Study) -> Picture:
    """Show the fits of ReLU networks of more and more units, and where their breakpoints lie, before and after."""
    groups = [fits for fits in fits_of(study) if fits.problem.activation == "relu" and fits.rate == RATE]
    placements = [placement_of(fits) for fits in groups]
    with theme("shallow-network-breakpoints"):
        figure, panels = canvas(columns=len(groups), rows=2, width=10.5, height=2.9)
        above, below = panels[: len(groups)], panels[len(groups) :]
        for axes, fits in zip(above, groups, strict=True):
            axes.axvspan(*bent_part(), color=TRUTH, alpha=0.06, linewidth=0)
            _fit(axes, fits)
            _kinks(axes, fits)
            axes.set_title(f"{fits.problem.hidden} units, loss {typical(fits.trials).loss[-1]:.1e}")
        for axes, placement in zip(below, placements, strict=True):
            _histogram(axes, placement)
        share_heights(above)
        share_heights(below)
        above[0].set_ylabel("y")
        below[0].set_ylabel("density of breakpoints in [0, 1]")
        legend_below(figure, above[0], below[0])
        return picture(figure, *_breakpoint_caption(groups, placements))


def draw_activations(study: Study) -> Picture:
    """Show the fits of the activations beside each other, and their losses by step at each learning rate."""
    groups = [fits for fits in fits_of(study) if fits.problem.hidden == HIDDEN]
    names = list(dict.fromkeys(fits.problem.activation for fits in groups))
    rows = [[fits for fits in groups if fits.problem.activation == name] for name in names]
    with theme("shallow-network-activations"):
        figure, panels = canvas(columns=len(rows), rows=2, width=10.5, height=2.8)
        above, below = panels[: len(rows)], panels[len(rows) :]
        for top, bottom, rates in zip(above, below, rows, strict=True):
            _fit(top, better(rates))
            top.set_title(f"{better(rates).problem.activation}, η = {better(rates).rate:g}")
            for fits, style in zip(rates, STYLES, strict=False):
                _losses(bottom, fits, style)
            bottom.set(xlabel="1 + steps", xscale="log", yscale="log")
        share_heights(above)
        share_heights(below)
        above[0].set_ylabel("y")
        below[0].set_ylabel("loss")
        legend_below(figure, above[0], below[0])
        return picture(figure, *_activation_caption(rows))


def better(rates: list[Fits]) -> Fits:
    """Give the fits of the learning rate whose median loss at the end is lower."""
    return min(rates, key=median_loss)


def median_loss(fits: Fits) -> float:
    """Give the lower median of the losses at the end."""
    return float(typical(fits.trials).loss[-1])


def _fit(axes: Axes, fits: Fits) -> None:
    data, middle = fits.problem.shared_data(), typical(fits.trials)
    x, networks = data.test_x.squeeze(-1), fits.problem.predict(fits.ends, data.test_x)
    others = [index for index, trial in enumerate(fits.trials) if trial is not middle]
    for index in others:
        label = f"the other {len(others)} seeds" if index == others[0] else None
        color = _color(fits.trials[index])
        axes.plot(x, networks[index], color=color, alpha=FAINT, linewidth=0.6, label=label)
    axes.plot(x, data.test_y, color=TRUTH, linestyle="--", linewidth=1.0, label="target", zorder=3)
    axes.plot(
        x, networks[fits.trials.index(middle)], color=_color(middle), linewidth=1.6, label="median loss"
    )
    axes.set(xlabel="x", xticks=(0, 0.5, 1))


def _kinks(axes: Axes, fits: Fits) -> None:
    middle = typical(fits.trials)
    theta = torch.tensor(middle.theta)
    places = fits.problem.breakpoints(theta)
    places = places[torch.from_numpy(is_inside(places.numpy()))]
    heights = fits.problem.predict(theta, places.unsqueeze(-1))
    axes.plot(
        places, heights, "o", color=_color(middle), markersize=3.5, markeredgecolor="white",
        markeredgewidth=0.4, zorder=4, label="its breakpoints",
    )  # fmt: skip


def _histogram(axes: Axes, placement: Placement) -> None:
    axes.axvspan(*bent_part(), color=TRUTH, alpha=0.06, linewidth=0)
    axes.hist(
        placement.after, BINS, density=True, color=COLOR, edgecolor="white", linewidth=0.4, label="trained"
    )
    axes.hist(
        placement.before,
        BINS,
        density=True,
        histtype="step",
        color=START,
        linewidth=1.4,
        label="first weights",
    )
    x = np.linspace(0, 1, 801)
    axes.plot(x, best_density(x), "--", color=TRUTH, linewidth=1.0, label="best, for many units")
    axes.set(xlabel="breakpoint", xlim=(0, 1), xticks=(0, 0.5, 1))


def _losses(axes: Axes, fits: Fits, style: str) -> None:
    longest = max((trial.calls for trial in fits.trials), key=len)
    curves = np.full((len(fits.trials), len(longest)), np.inf)  # what diverged has no curve from there on
    for row, trial in zip(curves, fits.trials, strict=True):
        row[: len(trial.loss)] = trial.loss
    color = LOST if any(trial.status == "diverged" for trial in fits.trials) else COLOR
    middle = np.quantile(curves, 0.5, axis=0, method="inverted_cdf")
    axes.plot(1 + longest, middle, style, color=color, linewidth=1.5, label=f"η = {fits.rate:g}, median")
    axes.fill_between(1 + longest, curves.min(0), curves.max(0), color=color, alpha=0.15, linewidth=0)


def _color(trial: Trial) -> Color:
    return LOST if trial.status == "diverged" else COLOR


def _breakpoint_caption(groups: list[Fits], placements: list[Placement]) -> tuple[str, ...]:
    part, seeds, steps = bent_part(), len(groups[0].trials), groups[0].trials[0].steps
    middles = (np.arange(1000) + 0.5) / 1000
    best = float(
        best_density(middles)[(middles >= part[0]) & (middles <= part[1])].mean() * (part[1] - part[0])
    )
    found = [
        f"{fits.problem.hidden} units: median loss {median_loss(fits):.1e}, {len(placement.after)} of"
        f" {placement.total} breakpoints in [0, 1] (at the start {len(placement.before)}), of which the shaded part"
        f" holds {share_in(placement.after, part):.0%} (at the start {share_in(placement.before, part):.0%})"
        for fits, placement in zip(groups, placements, strict=True)
    ]
    return (
        f"ReLU networks on Runge's function, {seeds} seeds each, after {steps:,} steps of Adam at η = {RATE:g}.",
        f"{BENDING:.0%} of the target's bending, the integral of its absolute second derivative, lies in the shaded",
        f"{part[1] - part[0]:.0%} of the interval. {'; '.join(found)}; those outside [0, 1] do not bend the fit.",
        "The breakpoints of the best piecewise linear fits have, where there are many, a density in proportion to",
        f"|y''|^(2/5) (dashed), which puts {best:.0%} of them there.",
        f"The sum of weighted kinks equals the network to {max(map(kink_error, groups)):.0e} in all of these trials.",
        *_lost(groups),
    )


def _activation_caption(rows: list[list[Fits]]) -> tuple[str, ...]:
    groups = [fits for rates in rows for fits in rates]
    found = [
        f"{rates[0].problem.activation} "
        + ", ".join(f"{median_loss(fits):.1e} at η = {fits.rate:g}" for fits in rates)
        for rates in rows
    ]
    return (
        f"Networks of {HIDDEN} units on Runge's function; above, the fits at the learning rate that does better, below",
        f"the losses of {len(groups[0].trials)} seeds (line: median, band: from the lowest to the highest).",
        f"Median losses after {groups[0].trials[0].steps:,} steps of Adam: {'; '.join(found)}.",
        *_lost(groups),
    )


def _lost(groups: list[Fits]) -> list[str]:
    trials = [trial for fits in groups for trial in fits.trials]
    lost = sum(trial.status == "diverged" for trial in trials)
    return [f"{lost} of {len(trials)} trials diverged (red)."] if lost else []
