"""Draw how noise carries stochastic gradient descent out of the valley in which gradient descent stays."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import theme
from benchbed_course.figures.canvas import LOOKS, TRUTH, canvas, picture
from benchbed_course.figures.quartic_escape import (
    Row,
    ends_in_global_valley,
    exact_shares,
    noise_of,
    representatives,
    rows_of,
    shares_by_step,
    stationary_points,
)
from benchbed_course.figures.trials import Trial
from benchbed_problems.quartic import ridge

_MARKERS = "osD^vPX"


def draw_paths(study: Study) -> Picture:
    """Show gradient descent and its stochastic form on the curve of the loss, and by step."""
    (row,), noise = rows_of(study), noise_of(study)
    shown = representatives(row.sgd)
    with theme("quartic-paths"):
        figure, (curve, steps) = canvas(columns=2, width=10.5, height=4.2)
        _curve(curve)
        _walk(curve, shown[0], filled=True)
        _walk(curve, row.gd, filled=False)
        curve.plot(row.start, row.gd.loss[0], "D", color=TRUTH, markersize=5, label="start")
        curve.set(
            title=f"Paths from {row.start:g} on the curve of L", xlabel="θ", ylabel="L(θ)", ylim=(-4, 3.2)
        )
        curve.legend(loc="upper center")
        _by_step(steps, row, shown)
        rate = row.gd.setting["learning_rate"]
        steps.set(title=f"By step, η = {rate:g}, noise {noise:g}", xlabel="step", ylabel="θ")
        return picture(figure, *_paths_caption(row, shown, noise))


def draw_escape(study: Study) -> Picture:
    """Show which share of the seeds is in the global valley: at the end by start, and by step for those beyond."""
    rows, noise = rows_of(study), noise_of(study)
    grid, shares = exact_shares(rows[0].gd.setting["learning_rate"], noise, rows[0].gd.steps)
    with theme("quartic-escape"):
        figure, (starts, steps) = canvas(columns=2, width=10.5, height=4.2)
        starts.axvline(ridge(), color=TRUTH, linestyle=":", linewidth=0.9, label="ridge")
        starts.plot(grid, shares[-1], "--", color=TRUTH, linewidth=1.0, label="SGD, exact")
        _by_start(starts, rows)
        for row, marker in zip([row for row in rows if row.start > ridge()], _MARKERS, strict=False):
            calls, measured = shares_by_step(row.sgd)
            look, label = LOOKS["sgd"], f"SGD from {row.start:g}"
            steps.plot(calls[1:], measured[1:], marker, color=look.color, markersize=4, markerfacecolor="none",
                       label=label)  # fmt: skip
            exact = [np.interp(row.start, grid, share) for share in shares[1:]]
            steps.plot(np.arange(1, len(shares)), exact, "--", color=TRUTH, linewidth=0.9)
        steps.set(title="By step (dashed: exact)", xlabel="step", xscale="log", ylim=(-0.03, 1.03))
        steps.xaxis.set_major_formatter("{x:g}")
        steps.legend(loc="upper left")
        return picture(figure, *_escape_caption(rows, noise, grid, shares[-1]))


def _curve(axes: Axes) -> None:
    theta = np.linspace(-2.05, 2.05, 300)
    axes.plot(theta, _loss(theta), color=TRUTH, linewidth=1.0)


def _walk(axes: Axes, trial: Trial, filled: bool) -> None:
    color, path = LOOKS[trial.name].color, trial.path[:, 0]
    face = color if filled else "none"
    axes.plot(path, _loss(path), "o", color=color, alpha=0.5 if filled else 1, markersize=4 if filled else 7,
              markeredgewidth=0 if filled else 1, markerfacecolor=face, label=_label(trial))  # fmt: skip
    end = "end of GD" if trial.name == "gd" else "end of SGD"
    axes.plot(path[-1], _loss(path[-1]), "X", color=color, markersize=9, markeredgecolor="white", label=end)


def _by_step(axes: Axes, row: Row, shown: list[Trial]) -> None:
    for trial, alpha in zip(shown, (1.0, 0.4), strict=False):
        axes.plot(trial.path[:, 0], color=LOOKS["sgd"].color, alpha=alpha, linewidth=1.0, label=_label(trial))
    axes.plot(row.gd.path[:, 0], color=LOOKS["gd"].color, linewidth=1.8, label=_label(row.gd))
    for place, name in zip(stationary_points(), ("global\nminimum", "ridge", "local\nminimum"), strict=True):
        axes.axhline(place, color=TRUTH, linestyle="--", linewidth=0.9)
        axes.annotate(name, (1.01, place), xycoords=("axes fraction", "data"), va="center", fontsize=8)
    axes.set(ylim=(-2.3, 1.95))
    axes.legend(loc="lower left", ncols=3)


def _label(trial: Trial) -> str:
    return f"SGD, seed {trial.seed}" if trial.name == "sgd" else "GD"


def _loss(theta: np.ndarray) -> np.ndarray:
    return np.asarray(theta**4 - 3 * theta**2 + theta)


def _by_start(axes: Axes, rows: list[Row]) -> None:
    starts, seeds = [row.start for row in rows], len(rows[0].sgd)
    shares, (low, high) = np.array([row.share for row in rows]), np.transpose([row.interval for row in rows])
    axes.errorbar(
        starts, shares, yerr=[shares - low, high - shares], fmt="o", color=LOOKS["sgd"].color, capsize=3,
        label=f"SGD, {seeds} seeds, 95 % interval",
    )  # fmt: skip
    ends = [float(ends_in_global_valley(row.gd)) for row in rows]
    axes.plot(starts, ends, "s", color=LOOKS["gd"].color, markersize=8, markerfacecolor="none", label="GD")
    axes.set(
        title=f"After {rows[0].gd.steps} steps", xlabel="start θ", ylabel="share in the global valley",
        xlim=(min(starts) - 0.2, max(starts) + 0.2), ylim=(-0.03, 1.03),
    )  # fmt: skip
    axes.legend(loc="lower left")


def _paths_caption(row: Row, shown: list[Trial], noise: float) -> tuple[str, ...]:
    low, high = row.interval
    visited = sum(bool((trial.path[:, 0] < ridge()).any()) for trial in row.sgd)
    grid, shares = exact_shares(row.gd.setting["learning_rate"], noise, row.gd.steps)
    drawn = ", and ".join(
        f"seed {trial.seed}, which ends in the {'global' if ends_in_global_valley(trial) else 'local'} valley"
        for trial in shown
    )
    return (
        f"From {row.start:g}, gradient descent ends at {row.gd.theta[0]:.4f} with a loss of {row.gd.loss[-1]:.4f}, in",
        f"the {'global' if ends_in_global_valley(row.gd) else 'local'} valley; the global minimum is at",
        f"{stationary_points()[0]:.4f}, with a loss of {_loss(np.array(stationary_points()[0])):.4f}. With gradient",
        f"noise of standard deviation {noise:g}, {row.escaped} of {len(row.sgd)} seeds end in the global valley after",
        f"{row.gd.steps} steps ({_percent(row.share)}, 95 % interval {_percent(low)} to",
        f"{_percent(high)}), and {visited} have been left of the ridge at some step. The transition probabilities of a",
        f"step give {_percent(np.interp(row.start, grid, shares[-1]))}. Drawn are {drawn}{_lost(row.sgd)}.",
    )


def _escape_caption(rows: list[Row], noise: float, grid: np.ndarray, exact: np.ndarray) -> tuple[str, ...]:
    stays = sum(ends_in_global_valley(row.gd) == (row.start < ridge()) for row in rows)
    right, left = ([row for row in rows if (row.start > ridge()) is beyond] for beyond in (True, False))
    shares = [
        f"{_percent(row.share)} from {row.start:g} ({' to '.join(map(_percent, row.interval))})"
        for row in right
    ]
    returned = sum(one.status != "diverged" and one.theta[0] > ridge() for row in left for one in row.sgd)
    predicted = np.interp([row.start for row in rows], grid, exact)
    held = sum(
        low <= share <= high
        for share, (low, high) in zip(predicted, (row.interval for row in rows), strict=True)
    )
    trials = [trial for row in rows for trial in row.sgd]
    return (
        f"Gradient descent ends in the valley it starts in from {stays} of {len(rows)} starts. With gradient noise",
        f"of standard deviation {noise:g}, the share of {len(rows[0].sgd)} seeds that has left the local valley for",
        f"the global one after {rows[0].gd.steps} steps is {', '.join(shares)}, each with its 95 % interval (Wilson).",
        f"Of the {sum(len(row.sgd) for row in left)} trials that start left of the ridge, {returned} end right of it.",
        "The dashed lines are the probabilities that follow from those of a single step, without simulation; at the",
        f"end they lie in the intervals of {held} of {len(rows)} starts{_lost(trials)}.",
    )


def _lost(trials: list[Trial]) -> str:
    """Give an addition to a sentence where some trials diverged."""
    lost = sum(trial.status == "diverged" for trial in trials)
    return f"; {lost} of {len(trials)} trials diverged, and count as ending in no valley" if lost else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
