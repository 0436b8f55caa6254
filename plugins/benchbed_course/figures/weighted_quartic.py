"""Draw seven optimizers side by side on the weighted quartic: losses and gradient norms."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, picture
from benchbed_course.figures.quartic_escape import stationary_points
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.quartic import lowest_point, quartic
from benchbed_problems.weighted_quartic import WeightedQuartic

_LONG = 5_000
"""Steps from which their axis is logarithmic, as the checkpoints are."""

Trials = dict[str, list[Trial]]
"""The trials of each optimizer, by name, in the suite's order."""
Values = Callable[[Trial], np.ndarray]


def draw_curves(study: Study) -> Picture:
    """Show the loss above the optimum and the gradient norm of each optimizer, by step."""
    trials, problem = by_optimizer(study), problem_of(study)
    with theme(f"{study.plan.name}-curves"):
        figure, (loss, norm) = canvas(columns=2, width=10.5, height=4.4)
        if problem.gradient_noise:
            loss.axhline(local_gap(), color=TRUTH, linestyle=":", linewidth=0.9)
        for axes, values_of in ((loss, _gap), (norm, lambda trial: trial.gradient_norm)):
            for place, (name, mine) in enumerate(trials.items()):
                _line(
                    axes, name, mine, values_of, width=2.6 - 0.2 * place
                )  # what coincides shows at the edges
            _scale(axes, trials)
        if study.plan.tolerance:
            norm.axhline(study.plan.tolerance, color=TRUTH, linestyle="--", linewidth=0.9, label="tolerance")
        several = max(map(len, trials.values()))
        lines = f": median and range of {several} seeds" if several > 1 else ""
        loss.set(title=f"Loss above the optimum{lines}", ylabel="L(θ) − L(θ*)")
        norm.set(title="Norm of the gradient without noise", ylabel="‖∇L(θ)‖")
        figure.legend(*norm.get_legend_handles_labels(), loc="outside lower center", ncols=len(trials) + 1)
        return picture(figure, start_sentence(trials, problem), *_caption(trials, study, problem))


def by_optimizer(study: Study) -> Trials:
    """Give the trials of each optimizer."""
    grouped: Trials = {}
    for trial in trials_of(study):
        grouped.setdefault(trial.name, []).append(trial)
    return grouped


def problem_of(study: Study) -> WeightedQuartic:
    """Give the one problem of the study."""
    (problem,) = study.plan.problems
    return WeightedQuartic(**problem.parameters)


def local_gap() -> float:
    """Give how far above the optimum the loss is with every coordinate in its local minimum."""
    return _loss_at(stationary_points()[2]) - _loss_at(lowest_point())


def settled(trials: Sequence[Trial], values_of: Values) -> tuple[np.ndarray, np.ndarray]:
    """Give steps `[checkpoints]` and values `[trials, checkpoints]`; a trial that stopped earlier stays where it is."""
    steps = max((trial.calls for trial in trials), key=len)
    at = [np.searchsorted(trial.calls, steps, side="right") - 1 for trial in trials]
    return steps, np.array([values_of(trial)[index] for trial, index in zip(trials, at, strict=True)])


def lower_median(values: np.ndarray) -> np.ndarray:
    """Give the median over the first dimension that is one of its values."""
    return np.asarray(np.quantile(values, 0.5, axis=0, method="lower"))


def start_sentence(trials: Trials, problem: WeightedQuartic) -> str:
    """Say where the trials start and what noise they see."""
    first, noise = next(iter(trials.values()))[0], problem.gradient_noise
    seen = f"under gradient noise of standard deviation {noise:g}, which gd does not see"
    where = f"From {first.path[0, 0]:g} in every coordinate, with η = {first.setting['learning_rate']:g}"
    return f"{where}, {seen if noise else 'without noise'}."


def lost_sentences(trials: Trials) -> list[str]:
    """Give a sentence where some trials diverged."""
    lost = {name: sum(trial.status == "diverged" for trial in mine) for name, mine in trials.items()}
    said = [f"{count} of {len(trials[name])} trials of {name}" for name, count in lost.items() if count]
    return [f"Diverged: {', '.join(said)}."] if said else []


def _gap(trial: Trial) -> np.ndarray:
    return trial.loss - _loss_at(lowest_point())


def _loss_at(place: float) -> float:
    # Of all coordinates in one place, whatever the weights: they sum to 1.
    return float(quartic(torch.tensor(place, dtype=torch.float64)))


def _line(axes: Axes, name: str, trials: list[Trial], values_of: Values, width: float) -> None:
    look, kept = LOOKS[name], [trial for trial in trials if trial.status != "diverged"]
    for trial in trials:
        if trial.status == "diverged":
            axes.plot(trial.calls, values_of(trial), color=LOST, linewidth=0.8)
    steps, values = settled(kept, values_of) if kept else (np.empty(0), np.empty((1, 0)))
    middle = lower_median(values)
    axes.plot(steps, middle, color=look.color, linestyle=look.dashes, linewidth=width, label=name)
    if len(kept) > 1:
        axes.fill_between(steps, values.min(0), values.max(0), color=look.color, alpha=0.12, linewidth=0)
    if kept and all(trial.status == "converged" for trial in kept):
        axes.plot(steps[-1], middle[-1], "X", color=look.color, markersize=9, markeredgecolor="w", zorder=5)


def _scale(axes: Axes, trials: Trials) -> None:
    axes.set(xlabel="step", yscale="log")
    steps = max(trial.steps for mine in trials.values() for trial in mine)
    if steps >= _LONG:
        axes.set_xscale(
            "symlog", linthresh=1, linscale=0.4
        )  # with the start, which has no place on a log axis
        axes.set_xlim(0, 1.6 * steps)


def _caption(trials: Trials, study: Study, problem: WeightedQuartic) -> list[str]:
    ends = f"Loss above the optimum at the end: {_each(trials, lambda trial: _gap(trial)[-1])}."
    norms = f"Norm of the gradient there: {_each(trials, lambda trial: trial.gradient_norm[-1])}."
    local = f"With all coordinates in the local minimum (dotted) it is {local_gap():.3g}."
    stopped = [
        f"{name} after {trial.steps:,} steps" + (f" (seed {trial.seed})" if len(mine) > 1 else "")
        for name, mine in trials.items()
        for trial in mine
        if trial.status == "converged"
    ]
    stops = (
        f"The tolerance of {study.plan.tolerance or 0:g}, which the gradient that an optimizer sees must meet, stops",
        f"{', '.join(stopped) or 'none'}; the budget is {study.plan.problems[0].budget:,} steps.",
    )
    if problem.gradient_noise:
        return [ends, local, norms, *stops, *lost_sentences(trials)]
    return [ends, *_turned_back(trials), norms, *stops, _twins(trials), *lost_sentences(trials)]


def _turned_back(trials: Trials) -> list[str]:
    """Say which optimizers came ten times nearer to the optimal loss than they ended."""
    sentences = []
    for name, (trial, *_) in trials.items():
        gap = _gap(trial)
        if gap.min() < 0.1 * gap[-1]:
            at = trial.calls[gap.argmin()]
            sentences.append(f"On its way {name} was as near as {gap.min():.1g}, after {at:.0f} steps.")
    return sentences


def _twins(trials: Trials) -> str:
    (gd,), (sgd,) = trials["gd"], trials["sgd"]
    same = gd.path.shape == sgd.path.shape and bool((gd.path == sgd.path).all())
    found = "the same to the last bit" if same else "not the same"
    return f"Without noise gd and sgd are one rule on one oracle; their paths are {found}."


def _each(trials: Trials, value_of: Callable[[Trial], float]) -> str:
    """Say a value of each optimizer: the median, and the range where there are several seeds."""
    said = []
    for name, mine in trials.items():
        values = np.array([value_of(trial) for trial in mine])
        spread = f" ({values.min():.2g} to {values.max():.2g})" if len(values) > 1 else ""
        said.append(f"{name} {float(lower_median(values)):.3g}{spread}")
    return ", ".join(said)
