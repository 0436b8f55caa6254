"""Gradient descent and momentum on the anisotropic quadratic, with the rates that theory predicts."""

import math

import numpy as np

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import LineStyle, theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.motion import Mover
from benchbed_course.figures.optimizers import (
    by_optimizer,
    calls_label,
    first_named,
    highest_loss,
    label_of,
    looks_of,
    optimizer_sentences,
    side_changes,
)
from benchbed_course.figures.quadratic_animation import animate_paths
from benchbed_course.figures.quadratic_plane import EIGENVALUES, FRAME, draw_contours, start_of
from benchbed_course.figures.step_lines import PATH
from benchbed_course.figures.trials import Trial, trials_of

BETA = (9 / 11) ** 2
"""The course's momentum, ((√λ₂ − √λ₁) / (√λ₂ + √λ₁))²."""
HEAVY_BALL_LOOK = LOOKS["momentum"]._replace(color=(0.63, 0.31, 0.0))
HEAVY_BALL_RATE = 0.1
"""Learning rate 4 / (√λ₂ + √λ₁)² / (1 − β), the optimal one of the heavy ball."""
SETTLING_STEPS = 20
"""Steps after which the jumps across the valley are compared."""
DOUBLE_ROOT = (
    "The optimal heavy ball has a double root, which adds a factor of the number of steps: its loss takes that slope "
    "only late."
)
PANELS = 3
"""Panels in a row."""


def draw_paths(study: Study) -> Picture:
    """Draw the paths of gradient descent, momentum and added optimizers over the contours of the loss."""
    trials = first_trials(study)
    looks, labels = path_looks(trials), path_labels(trials)
    rows = math.ceil(len(trials) / PANELS)
    columns = math.ceil(len(trials) / rows)
    with theme("quadratic-paths"):
        figure, panels = canvas(columns, rows, width=10.0, height=3.9)
        for axes, trial in zip(panels, trials, strict=False):
            draw_contours(axes)
            axes.plot(
                *trial.path.T, "-o", color=looks[trial.optimizer].color, markersize=2.5, linewidth=0.7, gid=PATH
            )  # fmt: skip
            axes.plot(0, 0, "*", color=TRUTH, markersize=12)
            axes.set(title=wrap_label(labels[trial.optimizer]))
        for axes in panels[len(trials) :]:
            axes.remove()
        movers = [
            Mover(trial, wrap_label(labels[trial.optimizer]), looks[trial.optimizer].color)
            for trial in trials
        ]
        return picture(
            figure,
            *_path_sentences(trials, labels),
            *optimizer_sentences(study),
            gif=animate_paths(movers),
            losses={labels[trial.optimizer]: trial.loss for trial in trials},
        )


def draw_rates(study: Study) -> Picture:
    """Draw the loss of each step with the rates that the spectral radius of the iteration predicts."""
    trials = first_trials(study)
    looks, labels = path_looks(trials), path_labels(trials)
    rates, others = [], []
    with theme("quadratic-rates"):
        figure, (axes,) = canvas(height=4.2)
        for trial in trials:
            steps, label, look = np.arange(len(trial.loss)), labels[trial.optimizer], looks[trial.optimizer]
            axes.semilogy(steps, trial.loss, color=look.color, label=wrap_label(label), gid=PATH)
            rate = measured_rate(trial.path) if trial.name in ("gd", "sgd", "momentum") else None
            if rate is None:
                others.append(f"{label}: {trial.loss[-1]:.2g} after {trial.steps} steps ({trial.status})")
                continue
            theory = theoretical_rate(trial)
            line = trial.loss[-1] * theory ** (2.0 * (steps - steps[-1]))
            axes.semilogy(
                steps, line, "--", color=look.color, linewidth=0.9, label=f"theory: × {theory:.4f}² a step"
            )
            rates.append(f"{label}: {rate:.4f} (theory {theory:.4f})")
        axes.set_ylim(top=highest_loss(trials))
        axes.set(
            xlabel="step", ylabel="loss", title=f"Loss on ½ θᵀ diag(1, 100) θ from {start_of(trials[0])}"
        )
        legend_below(figure, axes)
        return picture(
            figure,
            "In the long run each step of gradient descent and momentum multiplies the distance from the minimizer by",
            "the spectral radius of the iteration, and the loss by its square; the dashed lines have that slope.",
            *([DOUBLE_ROOT] if any(map(is_heavy_ball, trials)) else []),
            f"Measured from the paths: {'; '.join(rates)}.",
            *([f"Losses of the others at the end: {'; '.join(others)}."] if others else []),
            *optimizer_sentences(study),
        )


def draw_edge(study: Study) -> Picture:
    """Draw the losses of gradient descent at learning rates around 2/λ₂, beyond which it diverges."""
    trials, edge = trials_of(study), 2 / EIGENVALUES[1]
    with theme("quadratic-edge"):
        figure, (axes,) = canvas()
        for trial in trials:
            rate, has_diverged = trial.setting["learning_rate"], trial.status == TrialStatus.DIVERGED
            axes.loglog(
                trial.calls + 1, trial.loss,
                color=LOST if has_diverged else LOOKS["gd"].color,
                linestyle="--" if abs(rate / edge - 1) > 0.002 else "-",
                label=f"η = {rate:g}: {trial.status}",
            )  # fmt: skip
        title = f"Gradient descent around η = 2/λ₂ = {edge:g}"
        axes.set(xlabel=calls_label(trials), ylabel="loss", title=title)
        axes.legend()
        below = [trial.status for trial in trials if trial.setting["learning_rate"] < edge]
        above = [trial.status for trial in trials if trial.setting["learning_rate"] > edge]
        return picture(
            figure,
            f"Along the steep coordinate a step multiplies θ₂ by 1 − 100 η, which is −1 at η = {edge:g}:",
            f"below that edge {below.count(TrialStatus.SOLVED)} of {len(below)} learning rates solve the problem,",
            f"above it {above.count(TrialStatus.DIVERGED)} of {len(above)} diverge.",
            *optimizer_sentences(study),
        )


def measured_rate(points: np.ndarray) -> float | None:
    """Estimate the spectral radius of a linear two-term iteration from its path `points: [steps, coordinates]`.

    Each coordinate of these rules obeys x(n+2) = a x(n+1) + b x(n) exactly; its rate is the larger absolute value of
    the roots of z² = a z + b. The fit gives all steps equal weight by scaling each equation to norm one. The result is
    None if the path is too short, overflows, or reaches 0 in a coordinate.

    Source: Prony (1795); see Hauer, Demeure & Scharf (1990), https://doi.org/10.1109/59.49090.
    """
    radii = []
    for x in points.T:
        equations = np.stack([x[1:-1], x[:-2], x[2:]], axis=1)
        sizes = np.abs(equations).max(axis=1, keepdims=True)
        if len(equations) < 2 or not np.isfinite(sizes).all() or not sizes.all():
            return None
        scaled = equations / sizes  # first, because the square of a large number overflows
        scaled /= np.linalg.norm(scaled, axis=1, keepdims=True)
        (a, b), *_ = np.linalg.lstsq(scaled[:, :2], scaled[:, 2])
        radii.append(float(np.abs(np.roots([1, -a, -b])).max()))
    return max(radii)


def theoretical_rate(trial: Trial) -> float:
    """Compute the spectral radius of the iteration with the trial's hyperparameters, over both eigenvalues.

    Gradient descent: |1 − ηλ|. Momentum, as a two-term recurrence: the roots of z² − (1 + β − η(1−β)λ) z + β.

    Source: Polyak (1964), Some methods of speeding up the convergence of iteration methods, section 2.
    """
    eta, beta = trial.setting["learning_rate"], trial.setting.get("beta", 0.0)
    pairs = [np.roots([1, -(1 + beta - eta * (1 - beta) * value), beta]) for value in EIGENVALUES]
    return max(float(abs(root)) for pair in pairs for root in pair)


def first_trials(study: Study) -> list[Trial]:
    """Return the first trial of each optimizer: all seeds start at one point, and the problem has no noise."""
    return [group[0] for group in by_optimizer(trials_of(study)).values()]


def path_looks(trials: list[Trial]) -> dict[str, LineStyle]:
    """Return the look of each optimizer, with one for the optimal heavy ball."""
    looks = looks_of(trial for trial in trials if not is_heavy_ball(trial))
    return looks | {trial.optimizer: HEAVY_BALL_LOOK for trial in trials if is_heavy_ball(trial)}


def path_labels(trials: list[Trial]) -> dict[str, str]:
    """Return the label of each optimizer, by its selector.

    The first gradient descent, momentum and heavy ball, those of the suite, have the course's names with their learning
    rates. The label of an added optimizer contains its selector.
    """
    labels, names = {}, set[str]()
    for trial in trials:
        name = "gradient descent" if trial.name == "gd" else ""
        if trial.name == "momentum" and math.isclose(trial.setting["beta"], BETA):
            name = "optimal heavy ball" if is_heavy_ball(trial) else "momentum"
        is_own = name != "" and name not in names
        label = f"{name}, η = {trial.setting['learning_rate']:.4f}" if is_own else label_of(trial)
        labels[trial.optimizer] = label
        names.add(name)
    return labels


def is_heavy_ball(trial: Trial) -> bool:
    """Return whether a trial runs momentum with the optimal learning rate and β of the heavy ball."""
    setting = trial.setting
    is_momentum = trial.name == "momentum" and math.isclose(setting["beta"], BETA)
    return is_momentum and math.isclose(setting["learning_rate"], HEAVY_BALL_RATE)


def _path_sentences(trials: list[Trial], labels: dict[str, str]) -> list[str]:
    gd, momentum = first_named(trials, "gd")[0], first_named(trials, "momentum")[0]
    ends = [
        f"{labels[trial.optimizer]}: {np.linalg.norm(trial.theta):.2g} after {trial.steps} steps ({trial.status})"
        for trial in trials
    ]
    jumps, step = side_changes(gd.path[:, 1]), min(SETTLING_STEPS, gd.steps, momentum.steps)
    ratios = np.abs(gd.path[1:, 0] / gd.path[:-1, 0])  # of successive distances along the floor
    sentences = [f"From {start_of(gd)},"]
    if jumps >= 0.9 * gd.steps and ratios.min() > 0.9 and ratios.max() < 1:
        sentences.append(
            f"gradient descent jumps from wall to wall of the narrow valley (in {jumps} of {gd.steps} steps) while it"
            f" creeps along its floor, by at most {1 - ratios.min():.1%} of the rest a step."
        )
    else:
        sentences.append(f"gradient descent changes the side of the valley in {jumps} of {gd.steps} steps.")
    heights = [float(np.abs(trial.path[step:, 1]).max()) for trial in (momentum, gd)]
    is_calm = heights[0] < 0.1 * heights[1]
    sentences.append(
        f"From step {step} on, momentum comes as far from the floor as |θ₂| = {heights[0]:.2g}, and gradient descent as"
        f" {heights[1]:.2g}{': momentum averages the jumps away' if is_calm else ''}."
    )
    sentences += [_arrival_sentence(trial, trials, labels) for trial in trials if is_heavy_ball(trial)]
    return [*sentences, f"Distance from the minimizer (star) at the end: {'; '.join(ends)}."]


def _arrival_sentence(ball: Trial, trials: list[Trial], labels: dict[str, str]) -> str:
    """Describe how far the heavy ball swings, and whether it solves the problem in the fewest steps."""
    farthest = float(np.abs(ball.path).max())
    frame = ", beyond the frame," if farthest > FRAME else ""
    faster = [
        labels[trial.optimizer]
        for trial in trials
        if trial is not ball and trial.status == TrialStatus.SOLVED and trial.steps <= ball.steps
    ]
    if ball.status != TrialStatus.SOLVED:
        arrival = f"does not arrive in {ball.steps} steps"
    elif faster:
        arrival = f"arrives after {ball.steps} steps, not before {' and '.join(faster)}"
    else:
        arrival = f"{'still ' if frame else ''}arrives first, after {ball.steps} steps"
    return f"The optimal heavy ball swings as far as {farthest:.1f}{frame} and {arrival}."
