"""Final coordinates of seven optimizers on the weighted quartic."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.noise_response import noise_response
from benchbed_course.figures.quartic_escape import stationary_points
from benchbed_course.figures.trials import Trial
from benchbed_course.figures.weighted_quartic import (
    OptimizerTrials,
    TrialValues,
    by_optimizer,
    divergence_sentences,
    problem_of,
    start_sentence,
)
from benchbed_problems.quartic import lowest_point, ridge
from benchbed_problems.weighted_quartic import WeightedQuartic

_COLUMN_SHARE = 0.8
"""Share of a coordinate's width that the columns of the optimizers take."""
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def draw_ends(study: Study) -> Picture:
    """Draw the final coordinates of every trial with the optimum; without noise, their distances from it too."""
    trials, problem = by_optimizer(study), problem_of(study)
    is_noisy = problem.gradient_noise > 0
    weights = problem.shared_data().weights.tolist()
    with theme(f"{study.plan.name}-ends"):
        figure, panels = canvas(rows=1 if is_noisy else 2, width=10.5, height=4.8 if is_noisy else 3.0)
        _draw_points(panels[0], trials, lambda trial: trial.theta)
        panels[0].axhline(lowest_point(), color=TRUTH, linewidth=1.0, zorder=0, label="optimum")
        panels[0].set(ylabel="final θ", title="Final coordinates")
        if is_noisy:
            local = stationary_points()[2]
            panels[0].axhline(
                local, color=TRUTH, linestyle=":", linewidth=0.9, zorder=0, label="local minimum"
            )
        else:
            _draw_points(panels[1], trials, lambda trial: np.abs(trial.theta - lowest_point()))
            panels[1].set(yscale="log", ylabel="|θ − θ*|", title="Distance from the optimum")
        labels = [f"{_coordinate(j)}\nw = {weight:.3f}" for j, weight in enumerate(weights)]
        panels[-1].set_xticks(np.arange(len(weights)), labels)
        legend_below(figure, panels[0])
        caption = _noisy_caption(trials, problem) if is_noisy else _exact_caption(trials)
        return picture(figure, start_sentence(trials, problem), *caption, *divergence_sentences(trials))


def in_global_valley(trial: Trial) -> int:
    """Count the coordinates that end left of the ridge; a trial that diverged has none."""
    return 0 if trial.status == TrialStatus.DIVERGED else int((trial.theta < ridge()).sum())


def farthest(trials: list[Trial]) -> float:
    """Return the largest distance of a final coordinate from the optimum."""
    return max(float(np.abs(trial.theta - lowest_point()).max()) for trial in trials)


def _draw_points(axes: Axes, trials: OptimizerTrials, values_of: TrialValues) -> None:
    """Draw one column for each optimizer and coordinate; trials that diverged are marked at the upper edge."""
    for position, (name, own_trials) in enumerate(trials.items()):
        look, is_single = LOOKS[name], len(own_trials) == 1
        for trial in own_trials:
            columns = np.arange(len(trial.theta)) + _COLUMN_SHARE * ((position + 0.5) / len(trials) - 0.5)
            label = name if trial is own_trials[0] else None
            if trial.status == TrialStatus.DIVERGED:
                upper = np.full(len(columns), 0.98)
                axes.plot(columns, upper, "x", color=LOST, label=label, transform=axes.get_xaxis_transform())
                continue
            axes.plot(columns, values_of(trial), look.marker, color=look.color, markersize=6 if is_single else 4,
                      alpha=1.0 if is_single else 0.7, markeredgewidth=0, label=label)  # fmt: skip
    coordinates = len(next(iter(trials.values()))[0].theta)
    axes.vlines(np.arange(coordinates - 1) + 0.5, 0, 1, color="#cfd3d8", linewidth=0.7, zorder=0,
                transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xticks(np.arange(coordinates), [""] * coordinates)
    axes.grid(visible=False, axis="x")
    axes.set(xlim=(-0.55, coordinates - 0.45))


def _noisy_caption(trials: OptimizerTrials, problem: WeightedQuartic) -> list[str]:
    counts = [
        f"{name} {np.mean([in_global_valley(trial) for trial in own_trials]):.3g}"
        for name, own_trials in trials.items()
    ]
    weights = problem.shared_data().weights.tolist()
    sgd, rmsprop, adam = (
        noise_response(trials[name][0], problem.gradient_noise) for name in ("sgd", "rmsprop", "adam")
    )
    deviations = [
        f"{deviation:.2f} for {_coordinate(j)} (w = {weights[j]:.3f})"
        for j, deviation in enumerate(np.std([trial.theta for trial in trials["sgd"]], axis=0))
    ]
    return [
        f"Of the {len(weights)} coordinates, this many end left of the ridge at {ridge():.2f}, in the valley of the",
        f"optimum (mean over the seeds): {', '.join(counts)}.",
        "A weight scales the slope of its coordinate but not the noise: with sgd, the standard deviation over the",
        f"seeds is {deviations[0]} and {deviations[-1]}.",
        "RMSProp, Adam and AdamW divide by the root mean square of recent gradients, which here are mostly noise. On",
        f"noise alone a step of RMSProp is {sgd.step / rmsprop.step:.1f} times shorter than a step of sgd, and a step",
        f"of Adam {sgd.step / adam.step:.1f} times, because Adam also averages; but averaged steps keep their",
        f"direction for longer, so over many steps noise moves a coordinate {sgd.drift / rmsprop.drift:.1f} times less",
        f"with RMSProp and {sgd.drift / adam.drift:.1f} times less with Adam than with sgd.",
    ]


def _exact_caption(trials: OptimizerTrials) -> list[str]:
    distances = [f"{name} {farthest(own_trials):.2g}" for name, own_trials in trials.items()]
    differences = [
        f"{name} {max(np.ptp(trial.theta) for trial in own_trials):.1g}"
        for name, own_trials in trials.items()
    ]
    adam, adamw = (np.mean([trial.theta for trial in trials[name]]) for name in ("adam", "adamw"))
    return [
        f"Largest distance of a coordinate from the optimum: {', '.join(distances)}.",
        "The slope of a coordinate is proportional to its weight: without division by the size of the gradient, light",
        "coordinates are slow; with it, all move alike. Largest difference between two final coordinates of a trial:",
        f"{', '.join(differences)}.",
        "The weight decay of AdamW pulls every coordinate towards 0 at every step: the mean of its final coordinates",
        f"is {adamw:.4f}, that of Adam's {adam:.4f}; the optimum is {lowest_point():.4f}.",
    ]


def _coordinate(position: int) -> str:
    return "θ" + str(position + 1).translate(_SUBSCRIPTS)
