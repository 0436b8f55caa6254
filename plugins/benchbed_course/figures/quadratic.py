"""Gradient descent, momentum and RMSProp on the anisotropic quadratic, with the rates that theory predicts."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, picture
from benchbed_course.figures.trials import Trial, trials_of

EIGENVALUES = (1.0, 100.0)
HEAVY_BALL: Color = (0.63, 0.31, 0.0)
HEAVY_BALL_RATE = 0.1
"""Learning rate 4 / (√λ₂ + √λ₁)² / (1 − β), the optimal one of the heavy ball."""
COURSE_STEPS = 125
"""Steps of the course's comparison with RMSProp; the suite runs longer to show what follows."""
OSCILLATION_STEPS = 100
"""Last steps of RMSProp, over which the loss of its oscillation is measured."""
FLOOR = 1e-8
"""Lower limit of the loss axis: RMSProp's loss falls far below it for a while."""
_FRAME = 2.3
_AXIS_LABELS = {"xlabel": "θ₁ (λ₁ = 1)", "ylabel": "θ₂ (λ₂ = 100)"}


def draw_paths(study: Study) -> Picture:
    """Draw the paths of gradient descent and momentum over the contours of the loss."""
    trials = trials_of(study)
    with theme("quadratic-paths"):
        figure, panels = canvas(columns=len(trials), width=10.0, height=3.9)
        for axes, trial in zip(panels, trials, strict=True):
            _draw_contours(axes)
            axes.plot(*trial.path.T, "-o", color=_color(trial), markersize=2.5, linewidth=0.7)
            axes.plot(0, 0, "*", color=TRUTH, markersize=12)
            axes.set(title=_label(trial), **_AXIS_LABELS)
        ends = [
            f"{_label(trial)}: {np.linalg.norm(trial.theta):.1e} after {trial.steps} steps ({trial.status})"
            for trial in trials
        ]
        return picture(
            figure,
            "From (2, 2), gradient descent jumps from wall to wall of the narrow valley while it creeps along its",
            "floor; momentum averages the jumps away. The optimal heavy ball first swings far beyond the frame, and",
            "still arrives first.",
            f"Distance from the minimizer (star) at the end: {'; '.join(ends)}.",
        )


def draw_rates(study: Study) -> Picture:
    """Draw the loss of each step with the rates that the spectral radius of the iteration predicts."""
    trials = trials_of(study)
    rates = []
    with theme("quadratic-rates"):
        figure, (axes,) = canvas(height=4.2)
        for trial in trials:
            steps, theory = np.arange(len(trial.loss)), theoretical_rate(trial)
            axes.semilogy(steps, trial.loss, color=_color(trial), label=_label(trial))
            line = trial.loss[-1] * theory ** (2.0 * (steps - steps[-1]))
            label = f"theory: × {theory:.4f}² a step"
            axes.semilogy(steps, line, "--", color=_color(trial), linewidth=0.9, label=label)
            rates.append(f"{_label(trial)}: {measured_rate(trial.path):.4f} (theory {theory:.4f})")
        axes.set(xlabel="step", ylabel="loss", title="Loss on ½ θᵀ diag(1, 100) θ from (2, 2)")
        axes.legend(loc="upper right")
        return picture(
            figure,
            "In the long run each step multiplies the distance from the minimizer by the spectral radius of the",
            "iteration, and the loss by its square; the dashed lines have that slope. The optimal heavy ball has a",
            "double root, which adds a factor of the number of steps: its loss takes that slope only late.",
            f"Measured from the paths: {'; '.join(rates)}.",
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
        axes.set(
            xlabel="1 + gradient calls", ylabel="loss", title=f"Gradient descent around η = 2/λ₂ = {edge:g}"
        )
        axes.legend()
        below = [trial.status for trial in trials if trial.setting["learning_rate"] < edge]
        above = [trial.status for trial in trials if trial.setting["learning_rate"] > edge]
        return picture(
            figure,
            f"Along the steep coordinate a step multiplies θ₂ by 1 − 100 η, which is −1 at η = {edge:g}:",
            f"below that edge {below.count(TrialStatus.SOLVED)} of {len(below)} learning rates solve the problem,",
            f"above it {above.count(TrialStatus.DIVERGED)} of {len(above)} diverge.",
        )


def draw_rmsprop(study: Study) -> Picture:
    """Draw RMSProp and gradient descent at the same learning rate: the course's path, and the loss beyond it."""
    trials = trials_of(study)
    gd, rmsprop = trials
    with theme("quadratic-rmsprop"):
        figure, (plane, loss) = canvas(columns=2, width=10.0, height=4.2)
        _draw_contours(plane)
        for trial in trials:
            look = LOOKS[trial.name]
            plane.plot(
                *trial.path[: COURSE_STEPS + 1].T, look.marker, linestyle="-", color=look.color, markersize=2.5,
                linewidth=1.0,
            )  # fmt: skip
            loss.semilogy(np.arange(len(trial.loss)), trial.loss, color=look.color, label=trial.name)
        plane.plot(0, 0, "*", color=TRUTH, markersize=12)
        rate = gd.setting["learning_rate"]
        plane.set(title=f"{COURSE_STEPS} steps from (2, 2), η = {rate:g}", **_AXIS_LABELS)
        label = f"{COURSE_STEPS} steps, as in the course"
        loss.axvline(COURSE_STEPS, color=TRUTH, linestyle=":", linewidth=0.9, label=label)
        loss.set(title="Loss", xlabel="step", ylabel="loss")
        loss.set_ylim(bottom=FLOOR)
        loss.legend()
        return picture(figure, *_rmsprop_caption(gd, rmsprop))


def overtaking_step(slow: Trial, fast: Trial) -> int | None:
    """Return the first step from which the loss of `slow` stays below that of `fast`, None if there is none."""
    is_behind = np.flatnonzero(slow.loss >= fast.loss)
    step = int(is_behind[-1]) + 1 if is_behind.size else 0
    return step if step < len(slow.loss) else None


def measured_rate(points: np.ndarray) -> float:
    """Estimate the spectral radius of a linear two-term iteration from its path `points: [steps, coordinates]`.

    Each coordinate of these rules obeys x(n+2) = a x(n+1) + b x(n) exactly; its rate is the larger absolute value of
    the roots of z² = a z + b. The fit gives all steps equal weight by scaling each equation to norm one.

    Source: Prony (1795); see Hauer, Demeure & Scharf (1990), https://doi.org/10.1109/59.49090.
    """
    radii = []
    for x in points.T:
        equations = np.stack([x[1:-1], x[:-2], x[2:]], axis=1)
        scaled = equations / np.linalg.norm(equations, axis=1, keepdims=True)
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


def _rmsprop_caption(gd: Trial, rmsprop: Trial) -> list[str]:
    closest, oscillation = int(rmsprop.loss.argmin()), np.median(rmsprop.loss[-OSCILLATION_STEPS:])
    sentences = [
        "RMSProp divides each coordinate by the size of its recent gradients: both coordinates move alike, and the",
        f"path is almost straight. After {COURSE_STEPS} steps the loss is {gd.loss[COURSE_STEPS]:.2g} with gradient",
        f"descent and {rmsprop.loss[COURSE_STEPS]:.2g} with RMSProp. RMSProp comes closest after {closest} steps (loss",
        f"{rmsprop.loss[closest]:.1e}{', below the frame' if rmsprop.loss[closest] < FLOOR else ''}), but does not",
        "stay: the average by which it divides shrinks with the gradients, so its steps stay long near the minimizer.",
        f"It ends by jumping back and forth across it, at a median loss of {oscillation:.2g} over the last",
        f"{OSCILLATION_STEPS} of {rmsprop.steps} steps,",
    ]
    step = overtaking_step(gd, rmsprop)
    if step is None:
        return [*sentences, "and gradient descent does not overtake it in that time."]
    return [
        *sentences,
        f"while gradient descent overtakes it at step {step} and has a loss of {gd.loss[-1]:.1e} at the end.",
    ]


def _label(trial: Trial) -> str:
    rate = trial.setting["learning_rate"]
    if trial.name == "gd":
        return f"gradient descent, η = {rate:.4f}"
    return f"{'optimal heavy ball' if rate == HEAVY_BALL_RATE else 'momentum'}, η = {rate:.4f}"


def _color(trial: Trial) -> Color:
    is_heavy_ball = trial.name == "momentum" and trial.setting["learning_rate"] == HEAVY_BALL_RATE
    return HEAVY_BALL if is_heavy_ball else LOOKS[trial.name].color


def _draw_contours(axes: Axes) -> None:
    x = np.linspace(-_FRAME, _FRAME, 161)
    first, second = np.meshgrid(x, x)
    loss = 0.5 * (EIGENVALUES[0] * first**2 + EIGENVALUES[1] * second**2)
    height = np.log10(loss + 1e-3)  # finite at the minimizer; shows the valley as well as the slopes
    axes.contour(first, second, height, levels=14, colors="#b9bec6", linewidths=0.5, linestyles="solid")
    axes.grid(visible=False)
    axes.set(xlim=(-_FRAME, _FRAME), ylim=(-_FRAME, _FRAME), aspect="equal")
