"""Gradient descent and its stochastic form on the way to the mean of a large sample."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, picture
from benchbed_course.figures.intervals import mean_interval
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.toy_mean import ToyMean

FAINT = 0.25
"""Opacity of the seeds behind the first one."""


def draw_paths(gd_study: Study, sgd_study: Study) -> Picture:
    """Draw the paths by step, the same near the mean, and the distance from the mean by cost."""
    (gd,), sgd = trials_of(gd_study), trials_of(sgd_study)
    problem = ToyMean(**sgd_study.plan.problems[0].parameters)
    mean, deviation = float(problem.minimizer(problem.shared_data())), stationary_deviation(problem, sgd[0])
    with theme("toy-mean-paths"):
        figure, (paths, near_mean, cost) = canvas(columns=3, width=10.5, height=3.6)
        for axes in (paths, near_mean):
            _draw_paths(axes, gd, sgd, mean)
        near_mean.axhspan(mean - deviation, mean + deviation, color=TRUTH, alpha=0.12, linewidth=0)
        near_mean.set(
            title="Near the mean; band: theory, ± 1 sd",
            ylim=(mean - 5 * deviation, mean + 5 * deviation),
            ylabel="θ",
        )
        paths.set(title=f"Paths, η = {gd.setting['learning_rate']:g}", ylabel="θ")
        paths.legend(loc="lower right")
        _draw_cost(cost, gd, sgd, mean, deviation)
        return picture(figure, *_caption(gd, sgd, mean, deviation))


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
        )  # fmt: skip
    axes.plot(gd.path[:, 0], color=LOOKS["gd"].color, linewidth=1.6, label="GD")
    axes.axhline(mean, color=TRUTH, linestyle="--", linewidth=0.9, label="mean of the sample")
    axes.set(xlabel="step")


def _draw_cost(axes: Axes, gd: Trial, sgd: list[Trial], mean: float, deviation: float) -> None:
    distances = np.abs([trial.path[:, 0] - mean for trial in sgd])
    calls = np.maximum(sgd[0].calls, 0.5)  # the start costs nothing, which a log axis cannot show
    label = f"SGD, root mean square of {len(sgd)} seeds"
    axes.loglog(calls, np.sqrt((distances**2).mean(0)), color=LOOKS["sgd"].color, label=label)
    axes.step(
        np.maximum(gd.calls, 0.5), np.abs(gd.path[:, 0] - mean), where="post", color=LOOKS["gd"].color, label="GD"
    )  # fmt: skip
    remaining = (1 - 2 * sgd[0].setting["learning_rate"]) ** (2.0 * np.arange(len(calls)))
    theory = np.sqrt(distances[0, 0] ** 2 * remaining + deviation**2 * (1 - remaining))
    axes.loglog(calls, theory, "--", color=TRUTH, linewidth=0.9, label="theory for SGD")
    axes.set(
        title="Distance from the mean, by cost",
        xlabel="gradient calls (start drawn at ½)",
        ylabel="|θ − mean|",
    )
    axes.legend(loc="lower left")


def _caption(gd: Trial, sgd: list[Trial], mean: float, deviation: float) -> tuple[str, ...]:
    distances = np.abs(gd.path[:, 0] - mean)
    factor = 1 - 2 * gd.setting["learning_rate"]
    closed_form = mean + (gd.path[0, 0] - mean) * factor ** np.arange(len(distances))
    error = np.abs(gd.path[:, 0] - closed_form).max()
    root, low, high = spread(sgd, mean)
    gd_price, sgd_price = (trial.calls[-1] / trial.steps for trial in (gd, sgd[0]))
    return (
        f"From {gd.path[0, 0]:g}, gradient descent on all observations comes closer to their mean, {mean:.4f}, in",
        f"{int((np.diff(distances) < 0).sum())} of {gd.steps} steps. Its path equals the closed form, which multiplies",
        f"the distance by {factor:g} a step, to {error:.0e}. Stochastic gradient descent follows this path and then",
        f"fluctuates around the mean: over the last {sgd[0].steps - sgd[0].steps // 2} steps of {len(sgd)} seeds its",
        f"root mean square distance is {root:.4f} (95 % interval {low:.4f} to {high:.4f}), where the stationary",
        f"variance η σ² / ((1 − η) B) predicts {deviation:.4f}. A step costs {gd_price:g} calls with all observations",
        f"and {sgd_price:g} with a batch, which is {gd_price / sgd_price:g} times less: {gd.calls[-1]:,.0f} calls",
        f"against {sgd[0].calls[-1]:,.0f} for the {gd.steps} steps of the figure.",
    )
