"""Gradient descent and its stochastic form on the way to the mean of a large sample."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import LineStyle, theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.intervals import mean_interval
from benchbed_course.figures.motion import Mover
from benchbed_course.figures.optimizers import (
    first_named,
    label_of,
    looks_of,
    optimizer_sentences,
    others,
    range_of,
    steps_of,
)
from benchbed_course.figures.step_lines import PATH
from benchbed_course.figures.toy_mean_animation import animate_paths
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.toy_mean import ToyMean

FAINT = 0.25
"""Opacity of the seeds behind the first one."""


def draw_paths(gd_study: Study, sgd_study: Study) -> Picture:
    """Draw the paths by step, the same near the mean, and the distance from the mean by cost."""
    gd_trials, sgd_trials = trials_of(gd_study), trials_of(sgd_study)
    gd, sgd, trials = first_named(gd_trials, "gd")[0], first_named(sgd_trials, "sgd"), gd_trials + sgd_trials
    further, looks = others(trials, gd, sgd[0]), looks_of([gd, *sgd, *trials])
    problem = ToyMean(**sgd_study.plan.problems[0].parameters)
    data = problem.shared_data()
    mean, deviation = float(problem.minimizer(data)), stationary_deviation(problem, sgd[0])
    with theme("toy-mean-paths"):
        figure, (paths, near_mean, cost) = canvas(columns=3, width=10.5, height=3.6)
        for axes in (paths, near_mean):
            for trial, *_ in further.values():
                look = looks[trial.optimizer]
                axes.plot(
                    trial.path[:, 0], color=look.color, linestyle=look.dashes, linewidth=1.2,
                    label=wrap_label(label_of(trial)), gid=PATH,
                )  # fmt: skip
            _draw_paths(axes, gd, sgd, mean)
        near_mean.axhspan(mean - deviation, mean + deviation, color=TRUTH, alpha=0.12, linewidth=0)
        near_mean.set(
            title="Near the mean; band: theory, ± 1 sd",
            ylim=(mean - 5 * deviation, mean + 5 * deviation),
            ylabel="θ",
        )
        low, high = sorted((gd.path[0, 0], mean))  # an added optimizer may leave the frame
        margin = 0.25 * (high - low)
        paths.set(
            title=f"Paths, η = {gd.setting['learning_rate']:g}",
            ylabel="θ",
            ylim=(low - margin, high + margin),
        )
        _draw_cost(cost, gd, sgd, mean, deviation)
        for group in further.values():
            _draw_distance(cost, group, looks[group[0].optimizer], mean)
        if further:
            legend_below(figure, paths, cost)
        else:
            paths.legend(loc="lower right")
            cost.legend(loc="lower left")
        sentences = [_further_sentence(group, mean) for group in further.values()]
        notes = optimizer_sentences(gd_study, sgd_study)
        movers = [
            Mover(gd, "GD", LOOKS["gd"].color),
            *(Mover(trial, "SGD", LOOKS["sgd"].color) for trial in sgd),
        ]
        movers += [
            Mover(trial, wrap_label(label_of(trial)), looks[trial.optimizer].color)
            for trial, *_ in further.values()
        ]
        gif = animate_paths(movers, mean, deviation, float(problem.optimum(data)))
        return picture(figure, *_caption(gd, sgd, mean, deviation), *sentences, *notes, gif=gif)


def stationary_deviation(problem: ToyMean, trial: Trial) -> float:
    """Compute the standard deviation of θ around the mean in the long run.

    A step multiplies θ − mean by 1 − 2η and adds 2η times the error of a batch's mean, of variance σ²/B. The variance
    v that stays the same, v = (1 − 2η)² v + 4η² σ²/B, is η σ² / ((1 − η) B).
    """
    eta, variance = trial.setting["learning_rate"], float(problem.optimum(problem.shared_data()))
    return float(np.sqrt(eta * variance / ((1 - eta) * problem.batch_size)))


def spread(trials: list[Trial], mean: float) -> tuple[float, float, float]:
    """Compute the root mean square distance from the mean over the second half of the steps, and its 95 % interval."""
    squares = np.array([((trial.path[:, 0] - mean)[trial.steps // 2 + 1 :] ** 2).mean() for trial in trials])
    low, high = mean_interval(squares)
    return float(np.sqrt(squares.mean())), float(np.sqrt(low)), float(np.sqrt(high))


def _draw_paths(axes: Axes, gd: Trial, sgd: list[Trial], mean: float) -> None:
    for trial in reversed(sgd):
        is_first = trial is sgd[0]
        axes.plot(
            trial.path[:, 0], color=LOOKS["sgd"].color, alpha=1 if is_first else FAINT,
            linewidth=1.0 if is_first else 0.5, label=f"SGD (faint: {len(sgd) - 1} more seeds)" if is_first else None,
            gid=PATH,
        )  # fmt: skip
    axes.plot(gd.path[:, 0], color=LOOKS["gd"].color, linewidth=1.6, label="GD", gid=PATH)
    axes.axhline(mean, color=TRUTH, linestyle="--", linewidth=0.9, label="mean of the sample")
    axes.set(xlabel="step")


def _draw_cost(axes: Axes, gd: Trial, sgd: list[Trial], mean: float, deviation: float) -> None:
    distances = np.abs([trial.path[:, 0] - mean for trial in sgd])
    calls = np.maximum(sgd[0].calls, 0.5)  # the start costs nothing, which a log axis cannot show
    label = f"SGD, root mean square of {len(sgd)} seeds"
    axes.loglog(calls, np.sqrt((distances**2).mean(0)), color=LOOKS["sgd"].color, label=label, gid=PATH)
    axes.step(
        np.maximum(gd.calls, 0.5), np.abs(gd.path[:, 0] - mean), where="post", color=LOOKS["gd"].color, label="GD",
        gid=PATH,
    )  # fmt: skip
    remaining = (1 - 2 * sgd[0].setting["learning_rate"]) ** (2.0 * np.arange(len(calls)))
    theory = np.sqrt(distances[0, 0] ** 2 * remaining + deviation**2 * (1 - remaining))
    axes.loglog(calls, theory, "--", color=TRUTH, linewidth=0.9, label="theory for SGD")
    axes.set(
        title="Distance from the mean, by cost",
        xlabel="gradient calls (start drawn at ½)",
        ylabel="|θ − mean|",
    )


def _draw_distance(axes: Axes, trials: list[Trial], look: LineStyle, mean: float) -> None:
    """Draw the root mean square distance of an added optimizer from the mean against the calls."""
    length = min(len(trial.path) for trial in trials)  # trials of an adaptive rule may differ in their calls
    distances = np.sqrt(np.mean([(trial.path[:length, 0] - mean) ** 2 for trial in trials], axis=0))
    calls = np.maximum(np.mean([trial.calls[:length] for trial in trials], axis=0), 0.5)
    axes.loglog(
        calls, distances, color=look.color, linestyle=look.dashes, label=wrap_label(label_of(trials[0])), gid=PATH
    )  # fmt: skip


def _caption(gd: Trial, sgd: list[Trial], mean: float, deviation: float) -> tuple[str, ...]:
    distances = np.abs(gd.path[:, 0] - mean)
    factor = 1 - 2 * gd.setting["learning_rate"]
    closed_form = mean + (gd.path[0, 0] - mean) * factor ** np.arange(len(distances))
    error = np.abs(gd.path[:, 0] - closed_form).max()
    root, low, high = spread(sgd, mean)
    steps = min(gd.steps, sgd[0].steps)
    farthest = max(np.abs(trial.path[: steps + 1, 0] - gd.path[: steps + 1, 0]).max() for trial in sgd)
    second_half = f"over the last {sgd[0].steps - sgd[0].steps // 2} steps of {len(sgd)} seeds"
    verb = "contains" if low <= deviation <= high else "does not contain"
    gd_price, sgd_price = (trial.calls[-1] / trial.steps for trial in (gd, sgd[0]))
    return (
        f"From {gd.path[0, 0]:g}, gradient descent on all observations comes closer to their mean, {mean:.4f}, in",
        f"{int((np.diff(distances) < 0).sum())} of {gd.steps} steps. Its path equals the closed form, which multiplies",
        f"the distance by {factor:g} a step, to {error:.0e}. Stochastic gradient descent stays within",
        f"{farthest:.2g} of this path: {second_half} its root mean square distance from the mean is {root:.4f} (95 %",
        f"interval {low:.4f} to {high:.4f}, which {verb} the prediction of the stationary variance,",
        f"η σ² / ((1 − η) B): {deviation:.4f}). A step costs {gd_price:g} calls with all observations and",
        f"{sgd_price:g} with a batch, which is {gd_price / sgd_price:g} times less: {gd.calls[-1]:,.0f} calls against",
        f"{sgd[0].calls[-1]:,.0f} for the {gd.steps} steps of the figure.",
    )


def _further_sentence(trials: list[Trial], mean: float) -> str:
    """Compare an added optimizer by its distances from the mean."""
    half = [np.sqrt(((trial.path[trial.steps // 2 + 1 :, 0] - mean) ** 2).mean()) for trial in trials]
    statuses = ", ".join(dict.fromkeys(trial.status for trial in trials))
    calls = range_of((trial.calls[-1] for trial in trials), ",.0f")
    return (
        f"{label_of(trials[0])} takes {steps_of(trials)} for {calls} calls ({statuses}); over the second half of its"
        f" steps its root mean square distance from the mean is {float(np.sqrt(np.mean(np.square(half)))):.2g}."
    )
