"""Escapes of stochastic gradient descent from the valley in which gradient descent stays."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, picture
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.quartic_escape import (
    StartTrials,
    ends_in_global_valley,
    exact_shares,
    largest_deviation,
    noise_of,
    representatives,
    shares_by_step,
    stationary_points,
    trials_by_start,
)
from benchbed_course.figures.trials import Trial
from benchbed_problems.quartic import ridge

_MARKERS = "osD^vPX"
_SPREAD = 0.02
"""Shift of one start against the next on the axis of steps, so that their intervals do not cover each other."""


def draw_paths(study: Study) -> Picture:
    """Draw gradient descent and its stochastic form on the curve of the loss, and by step."""
    (group,), noise = trials_by_start(study), noise_of(study)
    examples = representatives(group.sgd)
    with theme("quartic-paths"):
        figure, (curve, steps) = canvas(columns=2, width=10.5, height=4.2)
        theta = np.linspace(-2.05, 2.05, 300)
        curve.plot(theta, _loss(theta), color=TRUTH, linewidth=1.0)
        _draw_walk(curve, examples[0], filled=True)
        _draw_walk(curve, group.gd, filled=False)
        curve.plot(group.start, group.gd.loss[0], "D", color=TRUTH, markersize=5, label="start")
        curve.set(
            title=f"Paths from {group.start:g} on the curve of L", xlabel="θ", ylabel="L(θ)", ylim=(-4, 3.2)
        )
        curve.legend(loc="upper center")
        _draw_by_step(steps, group, examples)
        rate = group.gd.setting["learning_rate"]
        steps.set(title=f"By step, η = {rate:g}, noise {noise:g}", xlabel="step", ylabel="θ")
        return picture(figure, *_paths_caption(group, examples, noise))


def draw_escape(study: Study) -> Picture:
    """Draw the share of seeds in the global valley: at the end by start, and by step for starts beyond the ridge."""
    groups, noise = trials_by_start(study), noise_of(study)
    grid, shares = exact_shares(groups[0].gd.setting["learning_rate"], noise, groups[0].gd.steps)
    with theme("quartic-escape"):
        figure, (starts, steps) = canvas(columns=2, width=10.5, height=4.2)
        starts.axvline(ridge(), color=TRUTH, linestyle=":", linewidth=0.9, label="ridge")
        starts.plot(grid, shares[-1], "--", color=TRUTH, linewidth=1.0, label="SGD, exact")
        _draw_by_start(starts, groups)
        beyond = [group for group in groups if group.start > ridge()]
        for position, (group, marker) in enumerate(zip(beyond, _MARKERS, strict=False)):
            calls, measured = shares_by_step(group.sgd)
            low, high = np.transpose(
                [success_interval(round(share * len(group.sgd)), len(group.sgd)) for share in measured[1:]]
            )
            steps.errorbar(
                calls[1:] * (1 + _SPREAD * position), measured[1:], yerr=[measured[1:] - low, high - measured[1:]],
                fmt=marker, color=LOOKS["sgd"].color, markersize=4, markerfacecolor="none", elinewidth=0.6,
                label=f"SGD from {group.start:g}",
            )  # fmt: skip
            exact = [np.interp(group.start, grid, share) for share in shares[1:]]
            steps.plot(np.arange(1, len(shares)), exact, "--", color=TRUTH, linewidth=0.9)
        title = "By step, 95 % intervals (dashed: exact)"
        steps.set(title=title, xlabel="step", xscale="log", ylim=(-0.03, 1.03))
        steps.xaxis.set_major_formatter("{x:g}")
        steps.legend(loc="upper left")
        return picture(figure, *_escape_caption(groups, noise, grid, shares))


def _draw_walk(axes: Axes, trial: Trial, filled: bool) -> None:
    color, path = LOOKS[trial.name].color, trial.path[:, 0]
    face = color if filled else "none"
    axes.plot(path, _loss(path), "o", color=color, alpha=0.5 if filled else 1, markersize=4 if filled else 7,
              markeredgewidth=0 if filled else 1, markerfacecolor=face, label=_label(trial))  # fmt: skip
    end = "end of GD" if trial.name == "gd" else "end of SGD"
    axes.plot(path[-1], _loss(path[-1]), "X", color=color, markersize=9, markeredgecolor="white", label=end)


def _draw_by_step(axes: Axes, group: StartTrials, examples: list[Trial]) -> None:
    for trial, alpha in zip(examples, (1.0, 0.4), strict=False):
        axes.plot(trial.path[:, 0], color=LOOKS["sgd"].color, alpha=alpha, linewidth=1.0, label=_label(trial))
    axes.plot(group.gd.path[:, 0], color=LOOKS["gd"].color, linewidth=1.8, label=_label(group.gd))
    for theta, name in zip(stationary_points(), ("global\nminimum", "ridge", "local\nminimum"), strict=True):
        axes.axhline(theta, color=TRUTH, linestyle="--", linewidth=0.9)
        axes.annotate(name, (1.01, theta), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set(ylim=(-2.3, 1.95))
    axes.legend(loc="lower left", ncols=3)


def _label(trial: Trial) -> str:
    return f"SGD, seed {trial.seed}" if trial.name == "sgd" else "GD"


def _loss(theta: np.ndarray) -> np.ndarray:
    return np.asarray(theta**4 - 3 * theta**2 + theta)


def _draw_by_start(axes: Axes, groups: list[StartTrials]) -> None:
    starts, seeds = [group.start for group in groups], len(groups[0].sgd)
    shares = np.array([group.share for group in groups])
    low, high = np.transpose([group.interval for group in groups])
    axes.errorbar(
        starts, shares, yerr=[shares - low, high - shares], fmt="o", color=LOOKS["sgd"].color, capsize=3,
        label=f"SGD, {seeds} seeds, 95 % interval",
    )  # fmt: skip
    ends = [float(ends_in_global_valley(group.gd)) for group in groups]
    axes.plot(starts, ends, "s", color=LOOKS["gd"].color, markersize=8, markerfacecolor="none", label="GD")
    axes.set(
        title=f"After {groups[0].gd.steps} steps", xlabel="start θ", ylabel="share in the global valley",
        xlim=(min(starts) - 0.2, max(starts) + 0.2), ylim=(-0.03, 1.03),
    )  # fmt: skip
    axes.legend(loc="lower left")


def _paths_caption(group: StartTrials, examples: list[Trial], noise: float) -> tuple[str, ...]:
    low, high = group.interval
    visited = sum(bool((trial.path[:, 0] < ridge()).any()) for trial in group.sgd)
    grid, shares = exact_shares(group.gd.setting["learning_rate"], noise, group.gd.steps)
    minimum, diverged = stationary_points()[0], _divergence_clause(group.sgd)
    clauses = ", and ".join(
        f"seed {trial.seed}, which ends in the {_valley(trial)} valley" for trial in examples
    )
    return (
        f"From {group.start:g}, gradient descent ends at {group.gd.theta[0]:.4f} with a loss of",
        f"{group.gd.loss[-1]:.4f}, in the {_valley(group.gd)} valley; the global minimum is at {minimum:.4f}, with a",
        f"loss of {_loss(np.array(minimum)):.4f}. With gradient noise of standard deviation {noise:g},",
        f"{group.escaped} of {len(group.sgd)} seeds end in the global valley after {group.gd.steps} steps",
        f"({_percent(group.share)}, 95 % interval {_percent(low)} to {_percent(high)}), and {visited} have been left",
        "of the ridge at some step. The transition probabilities of a step give",
        f"{_percent(np.interp(group.start, grid, shares[-1]))}. The figure shows {clauses}{diverged}.",
    )


def _escape_caption(
    groups: list[StartTrials], noise: float, grid: np.ndarray, shares: np.ndarray
) -> tuple[str, ...]:
    stays = sum(ends_in_global_valley(group.gd) == (group.start < ridge()) for group in groups)
    right, left = (
        [group for group in groups if (group.start > ridge()) is is_right] for is_right in (True, False)
    )
    clauses = [
        f"{_percent(group.share)} from {group.start:g} ({' to '.join(map(_percent, group.interval))})"
        for group in right
    ]
    left_trials = [trial for group in left for trial in group.sgd]
    returned = sum(trial.status != TrialStatus.DIVERGED and trial.theta[0] > ridge() for trial in left_trials)
    diverged = _divergence_clause([trial for group in groups for trial in group.sgd])
    exact = np.interp([group.start for group in groups], grid, shares[-1])
    covered = sum(
        group.interval[0] <= share <= group.interval[1] for share, group in zip(exact, groups, strict=True)
    )
    sentences = (
        f"Gradient descent ends in the valley it starts in from {stays} of {len(groups)} starts. With gradient noise",
        f"of standard deviation {noise:g}, the share of {len(groups[0].sgd)} seeds that has left the local valley for",
        f"the global one after {groups[0].gd.steps} steps is {', '.join(clauses)}, each with its 95 % interval",
        f"(Wilson). Of the {len(left_trials)} trials that start left of the ridge, {returned} end right of it.",
        "The dashed lines are the exact probabilities, computed from the distribution of a single step; at the",
        f"end they lie in the intervals of {covered} of {len(groups)} starts{diverged}.",
    )
    if not right:
        return sentences
    errors, start, step = largest_deviation(right, grid, shares)
    return (
        *sentences,
        "All starts see the same noise, that of the same seeds, so their deviations from the exact probabilities are",
        "not independent: if these seeds escape early from one start, they do so from all. The largest deviation in",
        f"the right panel is {errors:.1f} standard errors, from {start:g} after step {step}.",
    )


def _valley(trial: Trial) -> str:
    return "global" if ends_in_global_valley(trial) else "local"


def _divergence_clause(trials: list[Trial]) -> str:
    """Count the trials that diverged, as an addition to a sentence; return "" if there are none."""
    count = sum(trial.status == TrialStatus.DIVERGED for trial in trials)
    return f"; {count} of {len(trials)} trials diverged, and count as ending in no valley" if count else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
