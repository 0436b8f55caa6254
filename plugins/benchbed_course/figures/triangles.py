"""Draw the composed triangles: as the networks that are them exactly, and as an optimizer finds them, or does not."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.trials import Trial, trials_of, typical
from benchbed_problems.triangles import Triangles, exact_parameters

COLOR = LOOKS["adam"].color
MISSED: Color = (0.62, 0.64, 0.67)
DEPTHS = (1, 2, 3)
EIGHTHS = [Fraction(i, 8) for i in range(9)]
FINE = 513
"""Places at which the exact networks are drawn."""
FLOOR = 1e-8
"""Below this a loss leaves the frame."""
CLOSE = 0.05
"""An end so near to a plateau, relative to it, is counted as lying on it."""


class Search(NamedTuple):
    """The trials at one depth."""

    problem: Triangles
    trials: list[Trial]

    @property
    def found(self) -> int:
        """Number of trials that solve the problem: all targets reached, three checkpoints in a row."""
        return sum(trial.status == "solved" for trial in self.trials)


def measure_exact() -> list[dict[str, Any]]:
    """Evaluate the exact networks of each depth in float64, on the eighths and in between."""
    found = []
    for depth in DEPTHS:
        problem, theta = Triangles(depth=depth), exact_parameters(depth)
        grid = torch.tensor([float(x) for x in EIGHTHS], dtype=torch.float64)
        fine = torch.linspace(0, 1, FINE, dtype=torch.float64)
        found.append(
            {
                "depth": depth,
                "parameters": theta.numel(),
                "grid": problem.predict(theta, grid.unsqueeze(-1)).tolist(),
                "x": fine.tolist(),
                "y": problem.predict(theta, fine.unsqueeze(-1)).tolist(),
            }
        )
    return found


def draw_exact(measured: list[dict[str, Any]]) -> Picture:
    """Show f₁, f₂ and f₃ as their networks give them, with the values on the eighths."""
    with theme("triangles-exact"):
        figure, panels = canvas(columns=len(measured), width=10.0, height=2.9)
        for axes, one in zip(panels, measured, strict=True):
            axes.plot(one["x"], one["y"], color=COLOR, linewidth=1.6, label="network")
            values = [float(composed(x, one["depth"])) for x in EIGHTHS]
            axes.plot(
                [float(x) for x in EIGHTHS],
                values,
                "o",
                color=TRUTH,
                markersize=4.5,
                label="exact values",
                zorder=3,
            )
            axes.set(
                title=f"f{_below(one['depth'])}: {_layers(one['depth'])}, {one['parameters']} parameters",
                xlabel="x",
                ylabel=f"f{_below(one['depth'])}(x)",
                xticks=[0, 0.25, 0.5, 0.75, 1],
            )
        legend_below(figure, panels[0])
        return picture(figure, *_exact_caption(measured))


def draw_training(study: Study) -> Picture:
    """Show the best and the typical fit of each depth, and the losses of all starts by step."""
    searches = searches_of(study)
    with theme("triangles-training"):
        figure, panels = canvas(columns=len(searches), rows=2, width=9.5, height=2.9)
        above, below = panels[: len(searches)], panels[len(searches) :]
        for axes, search in zip(above, searches, strict=True):
            _fits(axes, search)
        for axes, search in zip(below, searches, strict=True):
            _losses(axes, search)
        above[0].set_ylabel("y")
        below[0].set_ylabel("loss")
        legend_below(figure, above[0], below[0])
        return picture(figure, *_training_caption(searches))


def composed(x: Fraction, depth: int) -> Fraction:
    """Give f_k(x), k = `depth`, without rounding: 2 max(0, x) − 4 max(0, x − ½), put into itself."""
    for _ in range(depth):
        x = 2 * max(Fraction(0), x) - 4 * max(Fraction(0), x - Fraction(1, 2))
    return x


def searches_of(study: Study) -> list[Search]:
    """Group the trials of a study by depth, in the suite's order."""
    trials = trials_of(study)
    return [
        Search(Triangles(**planned.parameters), [trial for trial in trials if trial.problem == planned.label])
        for planned in study.plan.problems
    ]


def plateaus(problem: Triangles) -> dict[str, float]:
    """Give the least losses of what is left of a network whose units fall silent, by name.

    Without any it is a constant, and the best one is the mean. With one unit, of a single hidden layer, it is a line
    with one kink that is constant on one side: for each kink least squares has a closed form, and the best of many is
    taken.
    """
    data = problem.shared_data()
    x, y = np.asarray(data.x.squeeze(-1)), np.asarray(data.y.squeeze(-1))
    found = {"best constant": float(y.var() / 2)}
    if problem.depth == 1:
        kinks = np.linspace(0, 1, 2001)[1:-1, None]
        unit = np.concatenate([np.maximum(0, x - kinks), np.maximum(0, kinks - x)])
        covariance = ((unit - unit.mean(-1, keepdims=True)) * (y - y.mean())).mean(-1)
        found["best single unit"] = float(((y.var() - covariance**2 / unit.var(-1)) / 2).min())
    return found


def _fits(axes: Axes, search: Search) -> None:
    data = search.problem.shared_data()
    x = data.test_x.squeeze(-1)
    axes.plot(x, data.test_y, color=TRUTH, linestyle="--", linewidth=1.2, label="target", zorder=3)
    best = min(search.trials, key=lambda trial: np.nan_to_num(trial.loss[-1], nan=np.inf))
    for trial, color, label in (
        (typical(search.trials), MISSED, "fit of median loss"),
        (best, COLOR, "fit of lowest loss"),
    ):
        values = search.problem.predict(torch.tensor(trial.theta), data.test_x)
        axes.plot(x, values, color=color, linewidth=2.0, label=label)
    low, high = success_interval(search.found, len(search.trials))
    title = f"f{_below(search.problem.depth)}: found by {search.found} of {len(search.trials)} starts"
    axes.set(title=f"{title} ({low:.0%} to {high:.0%})", xlabel="x")


def _losses(axes: Axes, search: Search) -> None:
    for trial in sorted(search.trials, key=lambda trial: trial.status == "solved"):
        axes.plot(1 + trial.calls, trial.loss, color=_color(trial), linewidth=0.6, alpha=0.5)
    for level in plateaus(search.problem).values():
        axes.axhline(level, color=TRUTH, linestyle=":", linewidth=0.9)
    for color, label in ((COLOR, "solved"), (MISSED, "not solved")):
        axes.plot([], [], color=color, label=label)
    axes.plot([], [], color=TRUTH, linestyle=":", label="plateaus")
    axes.set(xlabel="1 + steps", xscale="log", yscale="log")
    axes.set_ylim(bottom=max(FLOOR, 0.6 * min(trial.loss.min() for trial in search.trials)))


def _color(trial: Trial) -> Color:
    return {"solved": COLOR, "diverged": LOST}.get(trial.status, MISSED)


def _below(depth: int) -> str:
    return "₀₁₂₃₄₅₆₇₈₉"[depth]


def _layers(depth: int) -> str:
    return f"{depth} hidden layer{'s' if depth > 1 else ''}"


def _exact_caption(measured: list[dict[str, Any]]) -> tuple[str, ...]:
    pairs = [
        (composed(x, one["depth"]), value)
        for one in measured
        for x, value in zip(EIGHTHS, one["grid"], strict=True)
    ]
    listed = [
        f"f{_below(one['depth'])}: {' '.join(f'{value:g}' for value in one['grid'])}" for one in measured
    ]
    counts = [f"{one['parameters']} ({_layers(one['depth'])})" for one in measured]
    return (
        "Networks of two units in each hidden layer, their weights set by hand. On 0, 1/8, …, 1 they give",
        f"{'; '.join(listed)}. Of these, {sum(value == exact for exact, value in pairs)} of {len(pairs)} values are",
        f"those of exact fractions to the last bit. The parameters are {', '.join(counts)}, 6k + 1 for k hidden",
        "layers; each further layer doubles the number of triangles.",
    )


def _training_caption(searches: list[Search]) -> tuple[str, ...]:
    trials, target = searches[0].trials, min(searches[0].problem.targets)
    steps = max(one.steps for search in searches for one in search.trials)
    return (
        f"Adam (η = {trials[0].setting['learning_rate']:g}) on mini-batches from {len(trials)} starts, for up to",
        f"{steps:,} steps; a trial is solved when its gap is at most {target:.0e} at three checkpoints in a row.",
        *(_found(search) for search in searches),
    )


def _found(search: Search) -> str:
    count, losses = len(search.trials), np.array([trial.loss[-1] for trial in search.trials])
    low, high = success_interval(search.found, count)
    stuck = [
        f"{int((np.abs(losses / level - 1) < CLOSE).sum())} end within {CLOSE:.0%} of the {name}'s loss, {level:.4f}"
        for name, level in plateaus(search.problem).items()
    ]
    lost = sum(trial.status == "diverged" for trial in search.trials)
    return (
        f"With {_layers(search.problem.depth)} {search.found} of {count} starts find f{_below(search.problem.depth)}"
        f" ({search.found / count:.0%}, 95% interval {low:.0%} to {high:.0%}); {', '.join(stuck)};"
        f" the lowest loss is {np.nanmin(losses):.1e} and the median {typical(search.trials).loss[-1]:.4f}"
        + (f"; {lost} diverged (red)." if lost else ".")
    )
