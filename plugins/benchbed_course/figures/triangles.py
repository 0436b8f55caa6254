"""The composed triangles: as exact networks, and as a training problem."""

from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.intervals import success_interval
from benchbed_course.figures.optimizer_grid import optimizer_grid
from benchbed_course.figures.optimizers import (
    by_optimizer,
    calls_label,
    highest_loss,
    label_of,
    looks_of,
    optimizer_sentences,
)
from benchbed_course.figures.trials import Trial, trials_of, typical
from benchbed_problems.triangles import Triangles, exact_parameters

COLOR = LOOKS["adam"].color
MISSED: Color = (0.62, 0.64, 0.67)
DEPTHS = (1, 2, 3)
EIGHTHS = [Fraction(i, 8) for i in range(9)]
FINE = 513
"""Points at which the exact networks are drawn."""
FLOOR = 1e-8
"""Lower limit of the loss axis."""
CLOSE = 0.05
"""Relative distance from a plateau within which an end counts as lying on it."""
PLATEAU_DASHES = {"best constant": ":", "best single unit": (0, (6, 2, 1, 2))}


class DepthTrials(NamedTuple):
    """The trials of one optimizer at one depth."""

    problem: Triangles
    trials: list[Trial]

    @property
    def solved(self) -> int:
        """Number of trials that reach all targets."""
        return sum(trial.status == TrialStatus.SOLVED for trial in self.trials)


def measure_exact() -> list[dict[str, Any]]:
    """Evaluate the exact networks of each depth in float64, on the eighths and on a fine grid."""
    measurements = []
    for depth in DEPTHS:
        problem, theta = Triangles(depth=depth), exact_parameters(depth)
        grid = torch.tensor([float(x) for x in EIGHTHS], dtype=torch.float64)
        fine = torch.linspace(0, 1, FINE, dtype=torch.float64)
        measurements.append(
            {
                "depth": depth,
                "parameters": theta.numel(),
                "grid": problem.predict(theta, grid.unsqueeze(-1)).tolist(),
                "x": fine.tolist(),
                "y": problem.predict(theta, fine.unsqueeze(-1)).tolist(),
            }
        )
    return measurements


def draw_exact(measured: list[dict[str, Any]]) -> Picture:
    """Draw f₁, f₂ and f₃ as their networks compute them, with the exact values on the eighths."""
    with theme("triangles-exact"):
        figure, panels = canvas(columns=len(measured), width=10.0, height=2.9)
        for axes, network in zip(panels, measured, strict=True):
            name = _name(network["depth"])
            values = [float(composed(x, network["depth"])) for x in EIGHTHS]
            axes.plot(network["x"], network["y"], color=COLOR, linewidth=1.6, label="network")
            axes.plot(
                [float(x) for x in EIGHTHS], values, "o", color=TRUTH, markersize=4.5, label="exact values", zorder=3
            )  # fmt: skip
            axes.set(
                title=f"{name}: {_layers(network['depth'])}, {network['parameters']} parameters",
                xlabel="x",
                ylabel=f"{name}(x)",
                xticks=[0, 0.25, 0.5, 0.75, 1],
            )
        legend_below(figure, panels[0])
        pairs = [
            (composed(x, network["depth"]), value)
            for network in measured
            for x, value in zip(EIGHTHS, network["grid"], strict=True)
        ]
        lists = [
            f"{_name(network['depth'])}: {' '.join(f'{value:g}' for value in network['grid'])}"
            for network in measured
        ]
        teeth = [sum(value == 0 for value in network["y"]) - 1 for network in measured]
        counts = [f"{network['parameters']} ({_layers(network['depth'])})" for network in measured]
        return picture(
            figure,
            "Networks of two units in each hidden layer, their weights set by hand. On 0, 1/8, …, 1 their values are",
            f"{'; '.join(lists)}. {sum(value == exact for exact, value in pairs)} of {len(pairs)} values equal the",
            f"exact fractions to the last bit. The numbers of parameters are {', '.join(counts)}, 6k + 1 for k hidden",
            f"layers; the numbers of triangles are {', '.join(map(str, teeth))}.",
        )


def draw_training(study: Study) -> Picture:
    """Draw the best and the typical fit of each depth, and the losses of all starts by step.

    Each added optimizer has two rows of its own.
    """
    groups = trials_by_depth(study)
    optimizers = list(dict.fromkeys(group.trials[0].optimizer for group in groups))
    looks = looks_of(group.trials[0] for group in groups)
    with theme("triangles-training"):
        figure, cells = optimizer_grid([group.trials[0] for group in groups], 9.5, ("y", "loss"))
        for group, (fits, losses) in zip(groups, cells, strict=True):
            color = looks[group.trials[0].optimizer].color
            _draw_fits(fits, group, color)
            _draw_losses(losses, group, color)
        legend_below(figure, *cells[0])
        target = min(groups[0].problem.targets)
        return picture(
            figure,
            "Training on mini-batches; a trial is solved when its gap is at most",
            f"{target:.0e} at three checkpoints in a row or at its end.",
            *(sentence for selector in optimizers for sentence in _result_sentences(selector, groups)),
            *optimizer_sentences(study),
        )


def composed(x: Fraction, depth: int) -> Fraction:
    """Compute f_k(x), k = `depth`, without rounding: 2 max(0, x) − 4 max(0, x − ½), composed with itself."""
    for _ in range(depth):
        x = 2 * max(Fraction(0), x) - 4 * max(Fraction(0), x - Fraction(1, 2))
    return x


def trials_by_depth(study: Study) -> list[DepthTrials]:
    """Group the trials of a study by optimizer and depth, in the suite's order."""
    parameters = {plan.label: plan.parameters for plan in study.plan.problems}
    return [
        DepthTrials(Triangles(**parameters[problem]), [trial for trial in trials if trial.problem == problem])
        for trials in by_optimizer(trials_of(study)).values()
        for problem in dict.fromkeys(trial.problem for trial in trials)
    ]


def plateaus(problem: Triangles) -> dict[str, float]:
    """Compute by name the least losses of networks some of whose units are inactive on all samples.

    Without active units a network is a constant, and the best one is the mean. With one active unit, of a single hidden
    layer, it is a line with one kink that is constant on one side: for each kink least squares has a closed form, and
    the result is the best of many kinks.
    """
    data = problem.shared_data()
    x, y = np.asarray(data.x.squeeze(-1)), np.asarray(data.y.squeeze(-1))
    losses = {"best constant": float(y.var() / 2)}
    if problem.depth == 1:
        kinks = np.linspace(0, 1, 2001)[1:-1, None]
        unit = np.concatenate([np.maximum(0, x - kinks), np.maximum(0, kinks - x)])
        covariance = ((unit - unit.mean(-1, keepdims=True)) * (y - y.mean())).mean(-1)
        losses["best single unit"] = float(((y.var() - covariance**2 / unit.var(-1)) / 2).min())
    return losses


def _draw_fits(axes: Axes, group: DepthTrials, color: Color) -> None:
    data = group.problem.shared_data()
    x = data.test_x.squeeze(-1)
    axes.plot(x, data.test_y, color=TRUTH, linestyle="--", linewidth=1.2, label="target", zorder=3)
    best = min(group.trials, key=lambda trial: np.nan_to_num(trial.loss[-1], nan=np.inf))
    for trial, fit_color, label in (
        (typical(group.trials), MISSED, "fit of median loss"),
        (best, color, "fit of lowest loss"),
    ):
        values = group.problem.predict(torch.tensor(trial.theta), data.test_x)
        axes.plot(x, values, color=fit_color, linewidth=2.0, label=label)
    low, high = success_interval(group.solved, len(group.trials))
    title = f"{_name(group.problem.depth)}: solved from {group.solved} of {len(group.trials)} starts"
    axes.set(title=f"{title} ({low:.0%} to {high:.0%})", xlabel="x")


def _draw_losses(axes: Axes, group: DepthTrials, color: Color) -> None:
    for trial in sorted(group.trials, key=lambda trial: trial.status == TrialStatus.SOLVED):
        trial_color = {TrialStatus.SOLVED: color, TrialStatus.DIVERGED: LOST}.get(trial.status, MISSED)
        axes.plot(1 + trial.calls, trial.loss, color=trial_color, linewidth=0.6, alpha=0.5)
    for line_color, label in ((color, "solved"), (MISSED, "not solved")):
        axes.plot([], [], color=line_color, linewidth=1.0, label=label)
    for name, level in plateaus(group.problem).items():
        axes.axhline(level, color=TRUTH, linestyle=PLATEAU_DASHES[name], linewidth=1.0, label=name)
    axes.set(xlabel=calls_label(group.trials), xscale="log", yscale="log")
    lowest = 0.6 * min(float(np.nanmin(trial.loss)) for trial in group.trials)
    axes.set_ylim(max(FLOOR, lowest), highest_loss(group.trials))


def _name(depth: int) -> str:
    return "f" + "₀₁₂₃₄₅₆₇₈₉"[depth]


def _layers(depth: int) -> str:
    return f"{depth} hidden layer{'s' if depth > 1 else ''}"


def _result_sentences(selector: str, groups: list[DepthTrials]) -> list[str]:
    """Describe the results of one optimizer at each depth."""
    own_groups = [group for group in groups if group.trials[0].optimizer == selector]
    trials = [trial for group in own_groups for trial in group.trials]
    starts = max(len(group.trials) for group in own_groups)
    steps = max(trial.steps for trial in trials)
    opening = f"{label_of(trials[0])} runs from {starts} starts, for up to {steps:,} steps."
    return [opening, *(_result_sentence(group) for group in own_groups)]


def _result_sentence(group: DepthTrials) -> str:
    count, losses = len(group.trials), np.array([trial.loss[-1] for trial in group.trials])
    low, high = success_interval(group.solved, count)
    on_plateaus = [
        f"{int((np.abs(losses / level - 1) < CLOSE).sum())} end within {CLOSE:.0%} of the {name}'s loss, {level:.4f}"
        for name, level in plateaus(group.problem).items()
    ]
    diverged = sum(trial.status == TrialStatus.DIVERGED for trial in group.trials)
    return (
        f"With {_layers(group.problem.depth)} {group.solved} of {count} starts solve {_name(group.problem.depth)}"
        f" ({group.solved / count:.0%}, 95% interval {low:.0%} to {high:.0%})"
        f"; {', '.join(on_plateaus)}; the lowest loss is {np.nanmin(losses):.1e} and the median"
        f" {typical(group.trials).loss[-1]:.4f}" + (f"; {diverged} diverged (red)." if diverged else ".")
    )
