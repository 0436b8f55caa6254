"""Shallow networks: their fits, their breakpoints, and a comparison of activations."""

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import Color, theme
from benchbed_course.figures.breakpoints import (
    BENDING_SHARE,
    InnerBreakpoints,
    NetworkTrials,
    bent_interval,
    best_density,
    inner_breakpoints,
    is_inside,
    kink_error,
    network_trials,
    share_in,
)
from benchbed_course.figures.canvas import (
    LOOKS,
    LOST,
    OTHERS,
    TRUTH,
    canvas,
    legend_below,
    picture,
    share_heights,
)
from benchbed_course.figures.trials import Trial, typical

COLOR = LOOKS["adam"].color
RATE_COLORS: tuple[Color, ...] = (COLOR, (0.84, 0.37, 0.00), (0.00, 0.62, 0.45))
"""One colour for each learning rate of a comparison, in the suite's order."""
START: Color = (0.62, 0.64, 0.67)
RATE = 0.01
"""Learning rate of the fits with more and more units."""
HIDDEN = 30
"""Units of the networks whose activations are compared."""
BINS = np.linspace(0, 1, 22).tolist()
"""An odd number of bins, so that the peak lies in the middle of one."""


def draw_breakpoints(study: Study) -> Picture:
    """Draw the fits of ReLU networks of more and more units, and their breakpoints before and after training."""
    groups = [
        networks
        for networks in network_trials(study)
        if networks.problem.activation == "relu" and networks.rate == RATE
    ]
    breakpoints = [inner_breakpoints(networks) for networks in groups]
    with theme("shallow-network-breakpoints"):
        figure, panels = canvas(columns=len(groups), rows=2, width=10.5, height=2.9)
        above, below = panels[: len(groups)], panels[len(groups) :]
        for axes, networks in zip(above, groups, strict=True):
            axes.axvspan(*bent_interval(), color=TRUTH, alpha=0.06, linewidth=0)
            _draw_fits(axes, networks, COLOR, "fit of median loss")
            _draw_kinks(axes, networks)
            loss = typical(networks.trials).loss[-1]
            axes.set_title(f"{networks.problem.hidden} units, loss {loss:.1e}")
        for axes, group in zip(below, breakpoints, strict=True):
            _draw_histogram(axes, group)
        share_heights(above)
        share_heights(below)
        above[0].set_ylabel("y")
        below[0].set_ylabel("density of breakpoints in [0, 1]")
        legend_below(figure, above[0], below[0])
        return picture(figure, *_breakpoint_caption(groups, breakpoints))


def draw_activations(study: Study) -> Picture:
    """Draw the fits with each activation, and the losses by step at each learning rate."""
    groups = [networks for networks in network_trials(study) if networks.problem.hidden == HIDDEN]
    names = list(dict.fromkeys(networks.problem.activation for networks in groups))
    by_activation = [
        [networks for networks in groups if networks.problem.activation == name] for name in names
    ]
    with theme("shallow-network-activations"):
        figure, panels = canvas(columns=len(names), rows=2, width=10.5, height=2.8)
        above, below = panels[: len(names)], panels[len(names) :]
        for top, bottom, rates in zip(above, below, by_activation, strict=True):
            best = better(rates)
            color = RATE_COLORS[rates.index(best) % len(RATE_COLORS)]
            _draw_fits(top, best, color, None)  # the legend names its colour by the learning rate
            top.set_title(f"{best.problem.activation}, η = {best.rate:g}")
            for networks, rate_color in zip(rates, RATE_COLORS, strict=False):
                _draw_losses(bottom, networks, rate_color)
            bottom.set(xlabel="1 + steps", xscale="log", yscale="log")
        share_heights(above)
        share_heights(below)
        above[0].set_ylabel("y")
        below[0].set_ylabel("loss")
        legend_below(figure, above[0], below[0])
        return picture(figure, *_activation_caption(by_activation))


def better(rates: list[NetworkTrials]) -> NetworkTrials:
    """Return the trials of the learning rate whose final median loss is lower."""
    return min(rates, key=median_loss)


def median_loss(networks: NetworkTrials) -> float:
    """Return the lower median of the final losses."""
    return float(typical(networks.trials).loss[-1])


def _draw_fits(axes: Axes, networks: NetworkTrials, color: Color, label: str | None) -> None:
    """Draw the fit of median loss over those of the other seeds, with the target; diverged ones are red."""
    data, middle = networks.problem.shared_data(), typical(networks.trials)
    x = data.test_x.squeeze(-1)
    predictions = networks.problem.predict(networks.ends, data.test_x)
    other_indices = [index for index, trial in enumerate(networks.trials) if trial is not middle]
    for index in other_indices:
        axes.plot(
            x, predictions[index], color=LOST if _has_diverged(networks.trials[index]) else OTHERS, linewidth=0.6,
            label=f"the other {len(other_indices)} seeds" if index == other_indices[0] else None,
        )  # fmt: skip
    axes.plot(x, data.test_y, color=TRUTH, linestyle="--", linewidth=1.0, label="target", zorder=3)
    axes.plot(
        x, predictions[networks.trials.index(middle)], color=LOST if _has_diverged(middle) else color, linewidth=2.0,
        label=label,
    )  # fmt: skip
    axes.set(xlabel="x", xticks=(0, 0.5, 1))


def _draw_kinks(axes: Axes, networks: NetworkTrials) -> None:
    theta = torch.tensor(typical(networks.trials).theta)
    breakpoints = networks.problem.breakpoints(theta)
    breakpoints = breakpoints[torch.from_numpy(is_inside(breakpoints.numpy()))]
    heights = networks.problem.predict(theta, breakpoints.unsqueeze(-1))
    axes.plot(
        breakpoints, heights, "o", color=COLOR, markersize=3.5, markeredgecolor="white",
        markeredgewidth=0.4, zorder=4, label="its breakpoints",
    )  # fmt: skip


def _draw_histogram(axes: Axes, breakpoints: InnerBreakpoints) -> None:
    axes.axvspan(*bent_interval(), color=TRUTH, alpha=0.06, linewidth=0)
    axes.hist(
        breakpoints.after, BINS, density=True, color=COLOR, edgecolor="white", linewidth=0.4, label="trained"
    )
    axes.hist(
        breakpoints.before, BINS, density=True, histtype="step", color=START, linewidth=1.4, label="first weights"
    )  # fmt: skip
    x = np.linspace(0, 1, 801)
    axes.plot(x, best_density(x), ":", color=TRUTH, linewidth=1.4, label="best, for many units")
    axes.set(xlabel="breakpoint", xlim=(0, 1), xticks=(0, 0.5, 1))


def _draw_losses(axes: Axes, networks: NetworkTrials, rate_color: Color) -> None:
    longest = max((trial.calls for trial in networks.trials), key=len)
    curves = np.full((len(networks.trials), len(longest)), np.inf)  # infinite where a trial has diverged
    for row, trial in zip(curves, networks.trials, strict=True):
        row[: len(trial.loss)] = trial.loss
    color = LOST if any(map(_has_diverged, networks.trials)) else rate_color
    middle = np.quantile(curves, 0.5, axis=0, method="inverted_cdf")
    axes.plot(1 + longest, middle, color=color, linewidth=1.5, label=f"η = {networks.rate:g}: median seed")
    axes.fill_between(1 + longest, curves.min(0), curves.max(0), color=color, alpha=0.15, linewidth=0)


def _has_diverged(trial: Trial) -> bool:
    return trial.status == TrialStatus.DIVERGED


def _breakpoint_caption(groups: list[NetworkTrials], breakpoints: list[InnerBreakpoints]) -> tuple[str, ...]:
    interval, seeds, steps = bent_interval(), len(groups[0].trials), groups[0].trials[0].steps
    x = (np.arange(1000) + 0.5) / 1000
    is_in = (x >= interval[0]) & (x <= interval[1])
    best_share = float(best_density(x)[is_in].mean() * (interval[1] - interval[0]))
    counts = [
        f"{networks.problem.hidden} units: median loss {median_loss(networks):.1e}, {len(group.after)} of"
        f" {group.total} breakpoints in [0, 1] (at the start {len(group.before)}), of which the shaded part"
        f" contains {share_in(group.after, interval):.0%} (at the start {share_in(group.before, interval):.0%})"
        for networks, group in zip(groups, breakpoints, strict=True)
    ]
    return (
        f"ReLU networks on Runge's function, {seeds} seeds each, after {steps:,} steps of Adam at η = {RATE:g}.",
        f"The shaded {interval[1] - interval[0]:.0%} of the interval contains {BENDING_SHARE:.0%} of the target's",
        f"bending, the integral of its absolute second derivative. {'; '.join(counts)}. Breakpoints outside [0, 1] do",
        "not bend the fit. The breakpoints of the best piecewise linear fits have, if there are many, a density",
        f"proportional to |y''|^(2/5) (dotted), which puts {best_share:.0%} of them into the shaded part.",
        f"The sum of weighted kinks equals the network to {max(map(kink_error, groups)):.0e} in all of these trials.",
        *_divergence_sentences(groups),
    )


def _activation_caption(by_activation: list[list[NetworkTrials]]) -> tuple[str, ...]:
    networks = by_activation[0][0]
    losses = [
        f"{rates[0].problem.activation} "
        + ", ".join(f"{median_loss(group):.1e} at η = {group.rate:g}" for group in rates)
        for rates in by_activation
    ]
    return (
        f"Networks of {networks.problem.hidden} units on Runge's function. Above: the fits at the better of the",
        f"learning rates. Below: the losses of {len(networks.trials)} seeds (line: median, band: lowest to highest).",
        f"Median losses after {networks.trials[0].steps:,} steps of Adam: {'; '.join(losses)}.",
        *_divergence_sentences([group for rates in by_activation for group in rates]),
    )


def _divergence_sentences(groups: list[NetworkTrials]) -> list[str]:
    trials = [trial for networks in groups for trial in networks.trials]
    count = sum(map(_has_diverged, trials))
    return [f"{count} of {len(trials)} trials diverged (red)."] if count else []
