"""Draw where seven optimizers end on the weighted quartic, coordinate by coordinate."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, picture
from benchbed_course.figures.quartic_escape import stationary_points
from benchbed_course.figures.trials import Trial
from benchbed_course.figures.weighted_quartic import (
    Trials,
    Values,
    by_optimizer,
    lost_sentences,
    problem_of,
    start_sentence,
)
from benchbed_problems.quartic import lowest_point, ridge
from benchbed_problems.weighted_quartic import WeightedQuartic

_COLUMNS = 0.8
"""Share of a coordinate's room that the optimizers' columns take."""
_DIGITS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def draw_ends(study: Study) -> Picture:
    """Show the final coordinates of every trial beside the optimum; without noise, their distances from it too."""
    trials, problem = by_optimizer(study), problem_of(study)
    noisy = problem.gradient_noise > 0
    weights = problem.shared_data().weights.tolist()
    with theme(f"{study.plan.name}-ends"):
        figure, panels = canvas(rows=1 if noisy else 2, width=10.5, height=4.8 if noisy else 3.0)
        _points(panels[0], trials, lambda trial: trial.theta)
        panels[0].axhline(lowest_point(), color=TRUTH, linewidth=1.0, zorder=0, label="optimum")
        panels[0].set(ylabel="final θ", title="Final coordinates")
        if noisy:
            local = stationary_points()[2]
            panels[0].axhline(
                local, color=TRUTH, linestyle=":", linewidth=0.9, zorder=0, label="local minimum"
            )
        else:
            _points(panels[1], trials, lambda trial: np.abs(trial.theta - lowest_point()))
            panels[1].set(yscale="log", ylabel="|θ − θ*|", title="Distance from the optimum")
        panels[-1].set_xticks(
            np.arange(len(weights)),
            [f"{_coordinate(j)}\nw = {weight:.3f}" for j, weight in enumerate(weights)],
        )
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(trials) + 2
        )
        found = _noisy_caption(trials, problem) if noisy else _exact_caption(trials)
        return picture(figure, start_sentence(trials, problem), *found, *lost_sentences(trials))


def in_global_valley(trial: Trial) -> int:
    """Count the coordinates that end left of the ridge; none of a trial that diverged."""
    return 0 if trial.status == "diverged" else int((trial.theta < ridge()).sum())


def farthest(trials: list[Trial]) -> float:
    """Give the largest distance of a final coordinate from the optimum."""
    return max(float(np.abs(trial.theta - lowest_point()).max()) for trial in trials)


def _points(axes: Axes, trials: Trials, values_of: Values) -> None:
    """Draw a column for each optimizer in each coordinate's room; what diverged stands at the upper edge."""
    for place, (name, mine) in enumerate(trials.items()):
        look, alone = LOOKS[name], len(mine) == 1
        for trial in mine:
            columns = np.arange(len(trial.theta)) + _COLUMNS * ((place + 0.5) / len(trials) - 0.5)
            label = name if trial is mine[0] else None
            if trial.status == "diverged":
                upper = np.full(len(columns), 0.98)
                axes.plot(columns, upper, "x", color=LOST, label=label, transform=axes.get_xaxis_transform())
                continue
            axes.plot(columns, values_of(trial), look.marker, color=look.color, markersize=6 if alone else 4,
                      alpha=1.0 if alone else 0.7, markeredgewidth=0, label=label)  # fmt: skip
    rooms = len(next(iter(trials.values()))[0].theta)
    axes.vlines(np.arange(rooms - 1) + 0.5, 0, 1, color="#cfd3d8", linewidth=0.7, zorder=0,
                transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xticks(np.arange(rooms), [""] * rooms)
    axes.grid(visible=False, axis="x")
    axes.set(xlim=(-0.55, rooms - 0.45))


def _noisy_caption(trials: Trials, problem: WeightedQuartic) -> list[str]:
    inside = [
        f"{name} {np.mean([in_global_valley(trial) for trial in mine]):.3g}" for name, mine in trials.items()
    ]
    weights = problem.shared_data().weights.tolist()
    spread = [
        f"{deviation:.2f} for {_coordinate(j)} (w = {weights[j]:.3f})"
        for j, deviation in enumerate(np.std([trial.theta for trial in trials["sgd"]], axis=0))
    ]
    return [
        f"Of {len(weights)} coordinates there end left of the ridge at {ridge():.2f}, in the valley of the optimum,",
        f"as a mean over the seeds: {', '.join(inside)}.",
        "A weight scales the slope of its coordinate but not the noise: with sgd, the standard deviation over the",
        f"seeds is {spread[0]} and {spread[-1]}. RMSProp, Adam and AdamW divide by the size of recent gradients,",
        f"here mostly that of the noise, {problem.gradient_noise:g}, so that their steps are shorter than those of",
        "sgd by about that factor.",
    ]


def _exact_caption(trials: Trials) -> list[str]:
    far = [f"{name} {farthest(mine):.2g}" for name, mine in trials.items()]
    alike = [f"{name} {max(np.ptp(trial.theta) for trial in mine):.1g}" for name, mine in trials.items()]
    return [
        f"Largest distance of a coordinate from the optimum: {', '.join(far)}.",
        "Without division by the size of the gradient a coordinate is as slow as its weight is small; with it, all",
        f"move alike. Largest difference between two final coordinates of a trial: {', '.join(alike)}.",
        "AdamW's decay draws every coordinate towards 0 at every step: in the mean it ends at",
        f"{_mean(trials['adamw']):.4f}, and Adam at {_mean(trials['adam']):.4f}; the optimum is {lowest_point():.4f}.",
    ]


def _mean(trials: list[Trial]) -> float:
    return float(np.mean([trial.theta for trial in trials]))


def _coordinate(position: int) -> str:
    return "θ" + str(position + 1).translate(_DIGITS)
