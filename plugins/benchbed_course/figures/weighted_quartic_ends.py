"""Final coordinates of optimizers on the weighted quartic."""

from itertools import chain

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import LineStyle, theme, wrap_label
from benchbed_course.figures.canvas import LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.noise_response import noise_response
from benchbed_course.figures.optimizers import first_named, optimizer_sentences
from benchbed_course.figures.quartic_escape import stationary_points
from benchbed_course.figures.trials import Trial
from benchbed_course.figures.weighted_quartic import (
    OptimizerTrials,
    TrialValues,
    divergence_sentences,
    labelled_looks,
    labelled_trials,
    problem_of,
    start_sentence,
)
from benchbed_problems.quartic import lowest_point, ridge
from benchbed_problems.weighted_quartic import WeightedQuartic

ALIKE = (
    "Without division by the size of the gradient (gd), light coordinates are slow; with it (rmsprop, adam), all move "
    "alike."
)
_COLUMN_SHARE = 0.8
"""Share of a coordinate's width that the columns of the optimizers take."""
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def draw_ends(study: Study) -> Picture:
    """Draw the final coordinates of every trial with the optimum; without noise, their distances from it too."""
    trials, problem = labelled_trials(study), problem_of(study)
    looks = labelled_looks(trials)
    is_noisy = problem.gradient_noise > 0
    weights = problem.shared_data().weights.tolist()
    with theme(f"{study.plan.name}-ends"):
        figure, panels = canvas(rows=1 if is_noisy else 2, width=10.5, height=4.8 if is_noisy else 3.0)
        _draw_points(panels[0], trials, lambda trial: trial.theta, looks)
        panels[0].axhline(lowest_point(), color=TRUTH, linewidth=1.0, zorder=0, label="optimum")
        panels[0].set(ylabel="final θ", title="Final coordinates")
        if is_noisy:
            local = stationary_points()[2]
            panels[0].axhline(
                local, color=TRUTH, linestyle=":", linewidth=0.9, zorder=0, label="local minimum"
            )
        else:
            _draw_points(panels[1], trials, lambda trial: np.abs(trial.theta - lowest_point()), looks)
            panels[1].set(yscale="log", ylabel="|θ − θ*|", title="Distance from the optimum")
        labels = [f"{_coordinate(j)}\nw = {weight:.3f}" for j, weight in enumerate(weights)]
        panels[-1].set_xticks(np.arange(len(weights)), labels)
        legend_below(figure, panels[0])
        caption = _noisy_caption(trials, problem) if is_noisy else _exact_caption(trials)
        notes = [*divergence_sentences(trials), *optimizer_sentences(study)]
        return picture(figure, start_sentence(trials, problem), *caption, *notes)


def in_global_valley(trial: Trial) -> int:
    """Count the coordinates that end left of the ridge; a trial that diverged has none."""
    return 0 if trial.status == TrialStatus.DIVERGED else int((trial.theta < ridge()).sum())


def farthest(trials: list[Trial]) -> float:
    """Return the largest distance of a final coordinate from the optimum."""
    return max(float(np.abs(trial.theta - lowest_point()).max()) for trial in trials)


def _draw_points(
    axes: Axes, trials: OptimizerTrials, values_of: TrialValues, looks: dict[str, LineStyle]
) -> None:
    """Draw one column for each optimizer and coordinate; trials that diverged are marked at the upper edge."""
    for position, (name, own_trials) in enumerate(trials.items()):
        look, is_single = looks[name], len(own_trials) == 1
        for trial in own_trials:
            columns = np.arange(len(trial.theta)) + _COLUMN_SHARE * ((position + 0.5) / len(trials) - 0.5)
            label = wrap_label(name) if trial is own_trials[0] else None
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
    weights, noise = problem.shared_data().weights.tolist(), problem.gradient_noise
    named = {
        name: first_named(chain.from_iterable(trials.values()), name) for name in ("sgd", "rmsprop", "adam")
    }
    sgd, rmsprop, adam = (noise_response(own_trials[0], noise) for own_trials in named.values())
    slope = max(own_trials[0].gradient_norm[-1] for own_trials in named.values()) / np.sqrt(len(weights))
    deviations = [
        f"{deviation:.2f} for {_coordinate(j)} (w = {weights[j]:.3f})"
        for j, deviation in enumerate(np.std([trial.theta for trial in named["sgd"]], axis=0))
    ]
    averaging = ", because Adam also averages" if adam.step < rmsprop.step else ""
    mostly = ", which here are mostly noise" if slope < noise / 2 else ""
    return [
        f"Of the {len(weights)} coordinates, this many end left of the ridge at {ridge():.2f}, in the valley of the",
        f"optimum (mean over the seeds): {', '.join(counts)}.",
        "A weight scales the slope of its coordinate but not the noise: with sgd, the standard deviation over the",
        f"seeds is {deviations[0]} and {deviations[-1]}.",
        f"RMSProp, Adam and AdamW divide by the root mean square of recent gradients{mostly}: at the end the",
        f"gradient without noise has at most {slope:.2g} a coordinate. On noise alone a step of RMSProp is",
        f"{_times(sgd.step / rmsprop.step, 'shorter', 'longer')} than a step of sgd, and a step of Adam",
        f"{_times(sgd.step / adam.step, 'shorter', 'longer')}{averaging};",
        "averaged steps keep their direction for longer: over many steps noise moves a coordinate",
        f"{_times(sgd.drift / rmsprop.drift, 'less', 'more')} with RMSProp and",
        f"{_times(sgd.drift / adam.drift, 'less', 'more')} with Adam than with sgd.",
    ]


def _exact_caption(trials: OptimizerTrials) -> list[str]:
    stable = {
        name: [trial for trial in own_trials if trial.status != TrialStatus.DIVERGED]
        for name, own_trials in trials.items()
    }
    distances = [f"{name} {farthest(own_trials):.2g}" for name, own_trials in stable.items() if own_trials]
    differences = [
        f"{name} {max(np.ptp(trial.theta) for trial in own_trials):.1g}"
        for name, own_trials in stable.items()
        if own_trials
    ]
    named = {
        name: first_named(chain.from_iterable(trials.values()), name)
        for name in ("gd", "rmsprop", "adam", "adamw")
    }
    ranges = {name: max(np.ptp(trial.theta) for trial in own_trials) for name, own_trials in named.items()}
    adam, adamw = (np.mean([trial.theta for trial in named[name]]) for name in ("adam", "adamw"))
    are_alike = max(ranges["rmsprop"], ranges["adam"]) < 0.1 * ranges["gd"]
    return [
        f"Largest distance of a coordinate from the optimum: {', '.join(distances)}.",
        "The slope of a coordinate is proportional to its weight.",
        *([ALIKE] if are_alike else []),
        f"Largest difference between two final coordinates of a trial: {', '.join(differences)}.",
        "The weight decay of AdamW pulls every coordinate towards 0 at every step: the mean of its final coordinates",
        f"is {adamw:.4f}, that of Adam's {adam:.4f}; the optimum is {lowest_point():.4f}.",
    ]


def _times(ratio: float, less: str, more: str) -> str:
    """Format a ratio of two sizes: "2.0 times shorter", or longer if the ratio is below 1."""
    return f"{ratio:.1f} times {less}" if ratio >= 1 else f"{1 / ratio:.1f} times {more}"


def _coordinate(position: int) -> str:
    return "θ" + str(position + 1).translate(_SUBSCRIPTS)
