"""Losses and gradient norms of optimizers on the weighted quartic."""

from collections.abc import Callable, Sequence
from itertools import chain

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import LineStyle, theme, wrap_label
from benchbed_course.figures.canvas import LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.optimizers import (
    by_optimizer,
    first_named,
    label_of,
    looks_of,
    optimizer_sentences,
    turning_sentences,
    unit_of,
)
from benchbed_course.figures.quartic_escape import stationary_points
from benchbed_course.figures.step_lines import CURVE
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.quartic import lowest_point, quartic
from benchbed_problems.weighted_quartic import WeightedQuartic

_LONG = 5_000
"""Runs of at least so many steps are drawn on a logarithmic axis, as their checkpoints lie."""
STOPPED = "stopped by the tolerance"

OptimizerTrials = dict[str, list[Trial]]
"""The trials of each optimizer, by label, in the suite's order."""
TrialValues = Callable[[Trial], np.ndarray]


def draw_curves(study: Study) -> Picture:
    """Draw the loss above the optimum and the gradient norm of each optimizer by step."""
    trials, problem = labelled_trials(study), problem_of(study)
    looks, everything = labelled_looks(trials), list(chain.from_iterable(trials.values()))
    unit, calls = unit_of(everything), max(trial.calls[-1] for trial in everything)
    gid = CURVE if unit == "step" else None  # the slider of the page compares optimizers at equal steps
    with theme(f"{study.plan.name}-curves"):
        figure, (loss, norm) = canvas(columns=2, width=10.5, height=4.4)
        for axes, values_of in ((loss, _gap), (norm, lambda trial: trial.gradient_norm)):
            for position, (name, own_trials) in enumerate(trials.items()):
                width = max(1.2, 2.6 - 0.2 * position)  # curves that coincide stay visible at the edges
                _draw_optimizer(axes, name, own_trials, values_of, width, looks[name], gid)
            axes.set(xlabel=unit, yscale="log")
            if calls >= _LONG:
                axes.set_xscale("symlog", linthresh=1, linscale=0.4)  # shows step 0, which a log axis cannot
                axes.set_xlim(0, 1.6 * calls)
            _draw_ranges(axes, trials, values_of, looks)
        if problem.gradient_noise:
            label = "all coordinates in the local minimum"
            loss.axhline(local_gap(), color=TRUTH, linestyle=":", linewidth=0.9, label=label)
        if study.plan.tolerance:
            norm.axhline(study.plan.tolerance, color=TRUTH, linestyle="--", linewidth=0.9, label="tolerance")
        if any(trial.status == TrialStatus.CONVERGED for trial in everything):
            norm.plot([], [], "X", color=TRUTH, markersize=9, markeredgecolor="w", label=STOPPED)
        seeds = max(map(len, trials.values()))
        explanation = f": median of {seeds} seeds" if seeds > 1 else ""
        loss.set(title=f"Loss above the optimum{explanation}", ylabel="L(θ) − L(θ*)")
        norm.set(title="Norm of the gradient without noise", ylabel="‖∇L(θ)‖")
        if seeds > 1:
            loss.plot([], [], color=TRUTH, linewidth=3, label="range of the seeds at the end")
        legend_below(figure, norm, loss)
        caption = [*_caption(trials, study, problem), *optimizer_sentences(study)]
        return picture(figure, start_sentence(trials, problem), *caption)


def labelled_trials(study: Study) -> OptimizerTrials:
    """Return the trials of each optimizer.

    The label of an optimizer whose selector has at most the learning rate of the first one, which the caption states,
    is its name.
    """
    groups = list(by_optimizer(trials_of(study)).values())
    rate = groups[0][0].setting["learning_rate"]

    def has_name(trial: Trial) -> bool:
        is_short = trial.optimizer in (trial.name, f"{trial.name}[learning_rate={rate:g}]")
        return is_short and trial.setting.get("learning_rate", rate) == rate

    return {
        trial.name if has_name(trial) else label_of(trial): trials
        for trials in groups
        for trial in trials[:1]
    }


def labelled_looks(trials: OptimizerTrials) -> dict[str, LineStyle]:
    """Return the look of each optimizer, by label."""
    looks = looks_of(chain.from_iterable(trials.values()))
    return {label: looks[own_trials[0].optimizer] for label, own_trials in trials.items()}


def problem_of(study: Study) -> WeightedQuartic:
    """Build the only problem of the study."""
    (problem,) = study.plan.problems
    return WeightedQuartic(**problem.parameters)


def local_gap() -> float:
    """Return the loss above the optimum with every coordinate in its local minimum."""
    return _loss_at(stationary_points()[2]) - _loss_at(lowest_point())


def settled(trials: Sequence[Trial], values_of: TrialValues) -> tuple[np.ndarray, np.ndarray]:
    """Return steps `[checkpoints]` and values `[trials, checkpoints]`; a trial that stopped keeps its last value."""
    steps = max((trial.calls for trial in trials), key=len)
    rows = []
    for trial in trials:
        indices = np.searchsorted(trial.calls, steps, side="right") - 1
        rows.append(values_of(trial)[indices])
    return steps, np.array(rows)


def lower_median(values: np.ndarray) -> np.ndarray:
    """Compute the median over the first dimension; of an even number of values, the lower of the middle two."""
    return np.asarray(np.quantile(values, 0.5, axis=0, method="lower"))


def start_sentence(trials: OptimizerTrials, problem: WeightedQuartic) -> str:
    """Describe start, learning rate and noise of the trials."""
    first, noise = next(iter(trials.values()))[0], problem.gradient_noise
    rate = first.setting["learning_rate"]
    all_trials = chain.from_iterable(trials.values())
    is_shared = all(trial.setting.get("learning_rate") == rate for trial in all_trials)
    noise_clause = f"under gradient noise of standard deviation {noise:g}, which gd does not see"
    return (
        f"From {first.path[0, 0]:g} in every coordinate, with η = {rate:g}"
        f"{'' if is_shared else ' where the legend names no other'}, {noise_clause if noise else 'without noise'}."
    )


def divergence_sentences(trials: OptimizerTrials) -> list[str]:
    """Count the trials that diverged; return no sentence if there are none."""
    counts = {
        name: sum(trial.status == TrialStatus.DIVERGED for trial in own_trials)
        for name, own_trials in trials.items()
    }
    clauses = [f"{count} of {len(trials[name])} trials of {name}" for name, count in counts.items() if count]
    return [f"Diverged: {', '.join(clauses)}."] if clauses else []


def _gap(trial: Trial) -> np.ndarray:
    return trial.loss - _loss_at(lowest_point())


def _loss_at(coordinate: float) -> float:
    """Compute the loss with all coordinates at one value; the weights sum to 1 and do not matter."""
    return float(quartic(torch.tensor(coordinate, dtype=torch.float64)))


def _draw_optimizer(
    axes: Axes,
    label: str,
    trials: list[Trial],
    values_of: TrialValues,
    width: float,
    look: LineStyle,
    gid: str | None,
) -> None:
    stable = [trial for trial in trials if trial.status != TrialStatus.DIVERGED]
    for trial in trials:
        if trial.status == TrialStatus.DIVERGED:
            axes.plot(trial.calls, values_of(trial), color=LOST, linewidth=0.8, gid=gid)
    steps, values = settled(stable, values_of) if stable else (np.empty(0), np.empty((1, 0)))
    middle = lower_median(values)
    axes.plot(
        steps, middle, color=look.color, linestyle=look.dashes, linewidth=width, label=wrap_label(label), gid=gid
    )  # fmt: skip
    if stable and all(trial.status == TrialStatus.CONVERGED for trial in stable):
        axes.plot(steps[-1], middle[-1], "X", color=look.color, markersize=9, markeredgecolor="w", zorder=5)


def _draw_ranges(
    axes: Axes, trials: OptimizerTrials, values_of: TrialValues, looks: dict[str, LineStyle]
) -> None:
    """Draw the range of the seeds at the end as bars beside the curves; bands would cover each other."""
    x = 1.02  # as a share of the panel's width, so that the bars stand to the right of it
    for name, own_trials in trials.items():
        ends = [values_of(trial)[-1] for trial in own_trials if trial.status != TrialStatus.DIVERGED]
        if len(ends) > 1:
            axes.plot([x, x], [min(ends), max(ends)], color=looks[name].color, linewidth=3, solid_capstyle="butt",
                      transform=axes.get_yaxis_transform(), clip_on=False)  # fmt: skip
            x += 0.016


def _caption(trials: OptimizerTrials, study: Study, problem: WeightedQuartic) -> list[str]:
    ends = f"Loss above the optimum at the end: {_each(trials, lambda trial: _gap(trial)[-1])}."
    norms = f"Norm of the gradient there: {_each(trials, lambda trial: trial.gradient_norm[-1])}."
    stopped = [
        f"{name} after {trial.steps:,} steps" + (f" (seed {trial.seed})" if len(own_trials) > 1 else "")
        for name, own_trials in trials.items()
        for trial in own_trials
        if trial.status == TrialStatus.CONVERGED
    ]
    stops = (
        f"A trial stops when the gradient that its optimizer sees has a norm of at most {study.plan.tolerance or 0:g};",
        f"this stops {', '.join(stopped) or 'none'}. The budget is {study.plan.problems[0].budget:,} steps.",
    )
    if problem.gradient_noise:
        local = f"With all coordinates in the local minimum (dotted) it is {local_gap():.3g}."
        return [ends, local, norms, *stops, *divergence_sentences(trials)]
    gd, sgd = (first_named(chain.from_iterable(trials.values()), name)[0] for name in ("gd", "sgd"))
    is_same = gd.path.shape == sgd.path.shape and bool((gd.path == sgd.path).all())
    twins = (
        "Without noise gd and sgd apply the same rule to the same gradient; their paths are"
        f" {'the same to the last bit' if is_same else 'not the same'}."
    )
    gaps = {name: _gap(trial) for name, (trial, *_) in trials.items() if trial.status != TrialStatus.DIVERGED}
    return [ends, *turning_sentences(gaps), norms, *stops, twins, *divergence_sentences(trials)]


def _each(trials: OptimizerTrials, value_of: Callable[[Trial], float]) -> str:
    """Format a value of each optimizer: the median, and the range if there are several seeds."""
    clauses = []
    for name, own_trials in trials.items():
        values = np.array([value_of(trial) for trial in own_trials])
        range_text = f" ({values.min():.2g} to {values.max():.2g})" if len(values) > 1 else ""
        clauses.append(f"{name} {float(lower_median(values)):.3g}{range_text}")
    return ", ".join(clauses)
