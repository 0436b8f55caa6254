"""Escapes of stochastic gradient descent from the valley in which gradient descent stays."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.motion import Mover
from benchbed_course.figures.optimizers import label_of, optimizer_sentences
from benchbed_course.figures.quartic_animation import animate_walks
from benchbed_course.figures.quartic_escape import (
    StartTrials,
    divergence_clause,
    ends_in_global_valley,
    escapes,
    exact_shares,
    looks_of_groups,
    noise_of,
    percent,
    representatives,
    stationary_points,
    trials_by_start,
)
from benchbed_course.figures.step_lines import PATH
from benchbed_course.figures.trials import Trial
from benchbed_problems.quartic import ridge


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
        _draw_other_ends(curve, group)
        _draw_by_step(steps, group, examples)
        if group.others:
            legend_below(figure, curve, steps)
        else:
            curve.legend(loc="upper center")
            steps.legend(loc="lower left", ncols=3)
        rate = group.gd.setting["learning_rate"]
        steps.set(title=f"By step, η = {rate:g}, noise {noise:g}", xlabel="step", ylabel="θ")
        others = [_other_sentence(trials) for trials in group.others]
        movers = [
            Mover(trial, trial.name.upper(), LOOKS[trial.name].color) for trial in (group.gd, *group.sgd)
        ]
        looks = looks_of_groups([group])
        movers += [
            Mover(trial, wrap_label(label_of(trial)), looks[trial.optimizer].color)
            for trials in group.others
            for trial in trials
        ]
        return picture(
            figure,
            *_paths_caption(group, examples, noise),
            *others,
            *optimizer_sentences(study),
            gif=animate_walks(movers),
            losses={_label(trial): trial.loss for trial in (group.gd, examples[0])}
            | {f"{label_of(trial)}, seed {trial.seed}": trial.loss for trial, *_ in group.others},
        )


def _draw_walk(axes: Axes, trial: Trial, filled: bool) -> None:
    color, path = LOOKS[trial.name].color, trial.path[:, 0]
    face = color if filled else "none"
    axes.plot(path, _loss(path), "o", color=color, alpha=0.5 if filled else 1, markersize=4 if filled else 7,
              markeredgewidth=0 if filled else 1, markerfacecolor=face, label=_label(trial), gid=PATH)  # fmt: skip
    end = "end of GD" if trial.name == "gd" else "end of SGD"
    axes.plot(path[-1], _loss(path[-1]), "X", color=color, markersize=9, markeredgecolor="white", label=end)


def _draw_by_step(axes: Axes, group: StartTrials, examples: list[Trial]) -> None:
    for trial, alpha in zip(examples, (1.0, 0.4), strict=False):
        axes.plot(trial.path[:, 0], color=LOOKS["sgd"].color, alpha=alpha, linewidth=1.0, label=_label(trial),
                  gid=PATH)  # fmt: skip
    axes.plot(group.gd.path[:, 0], color=LOOKS["gd"].color, linewidth=1.8, label=_label(group.gd), gid=PATH)
    for theta, name in zip(stationary_points(), ("global\nminimum", "ridge", "local\nminimum"), strict=True):
        axes.axhline(theta, color=TRUTH, linestyle="--", linewidth=0.9)
        axes.annotate(name, (1.01, theta), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    looks = looks_of_groups([group])
    for trial, *_ in group.others:
        look = looks[trial.optimizer]
        axes.plot(
            trial.path[:, 0], color=look.color, linestyle=look.dashes, linewidth=1.2,
            label=wrap_label(f"{label_of(trial)}, seed {trial.seed}"), gid=PATH,
        )  # fmt: skip
    axes.set(ylim=(-2.3, 1.95))


def _draw_other_ends(axes: Axes, group: StartTrials) -> None:
    """Draw the ends of all seeds of each added optimizer on the curve, as far as they lie in its frame."""
    axes.set_xlim(axes.get_xlim())
    looks = looks_of_groups([group])
    for trials in group.others:
        ends = np.array([trial.theta[0] for trial in trials if trial.status != TrialStatus.DIVERGED])
        look, label = looks[trials[0].optimizer], wrap_label(f"ends of {label_of(trials[0])}")
        axes.plot(
            ends, _loss(ends), look.marker, color=look.color, markersize=5, alpha=0.6, markeredgewidth=0, label=label
        )  # fmt: skip


def _label(trial: Trial) -> str:
    return f"SGD, seed {trial.seed}" if trial.name == "sgd" else "GD"


def _loss(theta: np.ndarray) -> np.ndarray:
    return np.asarray(theta**4 - 3 * theta**2 + theta)


def _paths_caption(group: StartTrials, examples: list[Trial], noise: float) -> tuple[str, ...]:
    low, high = group.interval
    visited = sum(bool((trial.path[:, 0] < ridge()).any()) for trial in group.sgd)
    grid, shares = exact_shares(group.gd.setting["learning_rate"], noise, group.gd.steps)
    minimum, diverged = stationary_points()[0], divergence_clause(group.sgd)
    clauses = ", and ".join(
        f"seed {trial.seed}, which ends in the {_valley(trial)} valley" for trial in examples
    )
    return (
        f"From {group.start:g}, gradient descent ends at {group.gd.theta[0]:.4f} with a loss of",
        f"{group.gd.loss[-1]:.4f}, in the {_valley(group.gd)} valley; the global minimum is at {minimum:.4f}, with a",
        f"loss of {_loss(np.array(minimum)):.4f}. With gradient noise of standard deviation {noise:g},",
        f"{group.escaped} of {len(group.sgd)} seeds end in the global valley after {group.gd.steps} steps",
        f"({percent(group.share)}, 95 % interval {percent(low)} to {percent(high)}), and {visited} have been left",
        "of the ridge at some step. The transition probabilities of a step give",
        f"{percent(np.interp(group.start, grid, shares[-1]))}. The figure shows {clauses}{diverged}.",
    )


def _valley(trial: Trial) -> str:
    return "global" if ends_in_global_valley(trial) else "local"


def _other_sentence(trials: list[Trial]) -> str:
    """Describe the ends of an added optimizer: the valley of a single trial, or the share of several."""
    label = label_of(trials[0])
    if len(trials) == 1:
        (trial,) = trials
        if trial.status == TrialStatus.DIVERGED:
            return f"{label} diverges after {trial.steps} steps."
        return f"{label} ends at {trial.theta[0]:.4f}, in the {_valley(trial)} valley, after {trial.steps} steps."
    count, (low, high) = escapes(trials)
    return (
        f"With {label}, {count} of {len(trials)} seeds end in the global valley ({percent(count / len(trials))}, 95 %"
        f" interval {percent(low)} to {percent(high)}){divergence_clause(trials)}."
    )
