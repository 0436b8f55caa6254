"""Shallow networks: their fits, their breakpoints, and a comparison of activations."""

from typing import Any

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import Color, theme, wrap_label
from benchbed_course.figures.breakpoints import (
    BENDING_SHARE,
    InnerBreakpoints,
    NetworkTrials,
    bent_interval,
    best_density,
    better,
    inner_breakpoints,
    is_inside,
    kink_error,
    median_loss,
    network_trials,
    share_in,
)
from benchbed_course.figures.canvas import (
    LOST,
    OTHERS,
    TRUTH,
    canvas,
    legend_below,
    picture,
    share_heights,
)
from benchbed_course.figures.optimizer_grid import optimizer_grid
from benchbed_course.figures.optimizers import calls_label, label_of, looks_of, optimizer_sentences, steps_of
from benchbed_course.figures.trials import Trial, typical

SMOOTH_RUN, SMOOTH_COLOR = "adam[learning_rate=0.03]", (0.84, 0.37, 0.00)
"""The suite's run for smooth activations, which the figure of the breakpoints leaves out, and its colour."""
START: Color = (0.62, 0.64, 0.67)
HIDDEN = 30
"""Units of the networks whose activations are compared."""
BINS = np.linspace(0, 1, 22).tolist()
"""An odd number of bins, so that the peak lies in the middle of one."""


def draw_breakpoints(study: Study) -> Picture:
    """Draw the fits of ReLU networks of more and more units, and their breakpoints before and after training.

    The first two rows are those of Adam; each added optimizer has two rows of its own.
    """
    groups = [
        networks
        for networks in network_trials(study)
        if networks.problem.activation == "relu" and networks.optimizer != SMOOTH_RUN
    ]
    looks = looks_of(trial for networks in groups for trial in networks.trials[:1])
    breakpoints = [inner_breakpoints(networks) for networks in groups]
    with theme("shallow-network-breakpoints"):
        ylabels = ("y", "density of breakpoints in [0, 1]")
        figure, cells = optimizer_grid([networks.trials[0] for networks in groups], 10.5, ylabels)
        first_fits = list[Axes]()
        for networks, group, (fits, histogram) in zip(groups, breakpoints, cells, strict=True):
            color = looks[networks.optimizer].color
            fits.axvspan(*bent_interval(), color=TRUTH, alpha=0.06, linewidth=0)
            _draw_fits(fits, networks, color, "fit of median loss")
            _draw_kinks(fits, networks, color)
            fits.set_title(f"{networks.problem.hidden} units, loss {median_loss(networks):.1e}")
            _draw_histogram(histogram, group, color)
            if networks.optimizer == groups[0].optimizer:
                first_fits.append(fits)
        share_heights(first_fits)
        for fits, _ in cells:
            fits.set_ylim(first_fits[0].get_ylim())
        share_heights([histogram for _, histogram in cells])
        legend_below(figure, *cells[0])
        return picture(figure, *_breakpoint_caption(groups, breakpoints), *optimizer_sentences(study))


def draw_activations(study: Study) -> Picture:
    """Draw the fits with each activation, and the losses by step at each learning rate."""
    groups = [networks for networks in network_trials(study) if networks.problem.hidden == HIDDEN]
    names = list(dict.fromkeys(networks.problem.activation for networks in groups))
    by_activation = [
        [networks for networks in groups if networks.problem.activation == name] for name in names
    ]
    looks = looks_of(networks.trials[0] for networks in groups if networks.optimizer != SMOOTH_RUN)
    colors = {selector: look.color for selector, look in looks.items()} | {SMOOTH_RUN: SMOOTH_COLOR}
    with theme("shallow-network-activations"):
        figure, panels = canvas(columns=len(names), rows=2, width=10.5, height=2.8)
        above, below = panels[: len(names)], panels[len(names) :]
        for top, bottom, runs in zip(above, below, by_activation, strict=True):
            best = better(runs)
            _draw_fits(top, best, colors[best.optimizer], None)  # the legend names the colour below
            top.set_title(wrap_label(f"{best.problem.activation}, {_run_label(best)}"))
            for networks in runs:
                _draw_losses(bottom, networks, colors[networks.optimizer])
            label = calls_label(trial for networks in runs for trial in networks.trials)
            bottom.set(xlabel=label, xscale="log", yscale="log")
        share_heights(above)
        share_heights(below)
        above[0].set_ylabel("y")
        below[0].set_ylabel("loss")
        legend_below(figure, above[0], below[0])
        return picture(figure, *_activation_caption(by_activation), *optimizer_sentences(study))


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


def _draw_kinks(axes: Axes, networks: NetworkTrials, color: Color) -> None:
    theta = torch.tensor(typical(networks.trials).theta)
    breakpoints = networks.problem.breakpoints(theta)
    breakpoints = breakpoints[torch.from_numpy(is_inside(breakpoints.numpy()))]
    heights = networks.problem.predict(theta, breakpoints.unsqueeze(-1))
    axes.plot(
        breakpoints, heights, "o", color=color, markersize=3.5, markeredgecolor="white",
        markeredgewidth=0.4, zorder=4, label="its breakpoints",
    )  # fmt: skip


def _draw_histogram(axes: Axes, breakpoints: InnerBreakpoints, color: Color) -> None:
    axes.axvspan(*bent_interval(), color=TRUTH, alpha=0.06, linewidth=0)
    styles: dict[str, dict[str, Any]] = {"trained": {"color": color, "edgecolor": "white", "linewidth": 0.4},
              "first weights": {"color": START, "histtype": "step", "linewidth": 1.4}}  # fmt: skip
    for (label, style), values in zip(styles.items(), (breakpoints.after, breakpoints.before), strict=True):
        if values.size:  # an optimizer that diverges has none
            axes.hist(values, BINS, density=True, label=label, **style)
    x = np.linspace(0, 1, 801)
    axes.plot(x, best_density(x), ":", color=TRUTH, linewidth=1.4, label="best, for many units")
    axes.set(xlabel="breakpoint", xlim=(0, 1), xticks=(0, 0.5, 1))


def _draw_losses(axes: Axes, networks: NetworkTrials, run_color: Color) -> None:
    calls = max((trial.calls for trial in networks.trials), key=len)
    curves = []
    for trial in networks.trials:
        indices = np.searchsorted(trial.calls, calls, side="right") - 1
        is_lost = _has_diverged(trial) & (calls > trial.calls[-1])  # infinite where a trial has diverged
        curves.append(np.where(is_lost, np.inf, trial.loss[indices]))
    color = LOST if any(map(_has_diverged, networks.trials)) else run_color
    middle = np.quantile(curves, 0.5, axis=0, method="inverted_cdf")
    label = wrap_label(f"{_run_label(networks)}: median seed")
    axes.plot(1 + calls, middle, color=color, linewidth=1.5, label=label)
    low, high = np.min(curves, axis=0), np.max(curves, axis=0)
    axes.fill_between(1 + calls, low, high, color=color, alpha=0.15, linewidth=0)


def _is_course_run(networks: NetworkTrials) -> bool:
    """Return whether the optimizer is Adam with no other value than a learning rate, as in the suite."""
    rate = networks.rate
    return rate is not None and networks.optimizer == f"adam[learning_rate={rate:g}]"


def _run_label(networks: NetworkTrials) -> str:
    """Return the learning rate of the course's Adam, or the selector of an added optimizer."""
    return f"η = {networks.rate:g}" if _is_course_run(networks) else label_of(networks.trials[0])


def _has_diverged(trial: Trial) -> bool:
    return trial.status == TrialStatus.DIVERGED


def _breakpoint_caption(groups: list[NetworkTrials], breakpoints: list[InnerBreakpoints]) -> tuple[str, ...]:
    interval, seeds = bent_interval(), len(groups[0].trials)
    x = (np.arange(1000) + 0.5) / 1000
    is_in = (x >= interval[0]) & (x <= interval[1])
    best_share = float(best_density(x)[is_in].mean() * (interval[1] - interval[0]))
    trials = [trial for networks in groups for trial in networks.trials]
    counts: dict[str, list[str]] = {}
    for networks, group in zip(groups, breakpoints, strict=True):
        counts.setdefault(label_of(networks.trials[0]), []).append(
            f"{networks.problem.hidden} units: median loss {median_loss(networks):.1e}, {len(group.after)} of"
            f" {group.total} breakpoints in [0, 1] (at the start {len(group.before)}), of which the shaded part"
            f" contains {share_in(group.after, interval):.0%} (at the start {share_in(group.before, interval):.0%})"
        )
    (own, own_counts), *further = counts.items()
    steps = {label: steps_of(trial for trial in trials if label_of(trial) == label) for label in counts}
    return (
        f"ReLU networks on Runge's function, {seeds} seeds each, after {steps[own]} of {own}.",
        f"The shaded {interval[1] - interval[0]:.0%} of the interval contains {BENDING_SHARE:.0%} of the target's",
        f"bending, the integral of its absolute second derivative. {'; '.join(own_counts)}.",
        *(f"With {label}, after {steps[label]}: {'; '.join(clauses)}." for label, clauses in further),
        "Breakpoints outside [0, 1] do not bend the fit. The best piecewise linear fits have breakpoints of a density",
        f"proportional to |y''|^(2/5) (dotted) if there are many, {best_share:.0%} of them in the shaded part.",
        f"The sum of weighted kinks equals the network to {max(map(kink_error, groups)):.0e} in all stable trials.",
        *_divergence_sentences(groups),
    )


def _activation_caption(by_activation: list[list[NetworkTrials]]) -> tuple[str, ...]:
    networks = by_activation[0][0]
    own_trials = [
        trial for runs in by_activation for run in runs if _is_course_run(run) for trial in run.trials
    ]
    clause = f" after {steps_of(own_trials)} of {own_trials[0].name}" if own_trials else ""
    losses = [
        f"{runs[0].problem.activation} "
        + ", ".join(f"{median_loss(run):.1e} {_run_clause(run)}" for run in runs)
        for runs in by_activation
    ]
    return (
        f"Networks of {networks.problem.hidden} units on Runge's function. Above: the fits of the lowest median loss.",
        f"Below: the losses of {len(networks.trials)} seeds (line: median, band: lowest to highest).",
        f"Median losses{clause}: {'; '.join(losses)}.",
        *_divergence_sentences([run for runs in by_activation for run in runs]),
    )


def _run_clause(networks: NetworkTrials) -> str:
    """Name the learning rate, or the added optimizer with its steps."""
    label = _run_label(networks)
    return f"at {label}" if _is_course_run(networks) else f"with {label} after {steps_of(networks.trials)}"


def _divergence_sentences(groups: list[NetworkTrials]) -> list[str]:
    trials = [trial for networks in groups for trial in networks.trials]
    count = sum(map(_has_diverged, trials))
    return [f"{count} of {len(trials)} trials diverged (red)."] if count else []
