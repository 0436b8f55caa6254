"""Draw gradient descent, momentum and RMSProp on the anisotropic quadratic, with what theory says of their rates."""

import numpy as np
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, picture
from benchbed_course.figures.trials import Trial, trials_of

EIGENVALUES = (1.0, 100.0)
HEAVY_BALL: Color = (0.63, 0.31, 0.0)
HEAVY_BALL_RATE = 0.1
"""Learning rate 4 / (√λ₂ + √λ₁)² / (1 − β), which is the heavy ball's best."""
_FRAME = 2.3


def draw_paths(study: Study) -> Picture:
    """Show the paths of gradient descent and momentum over the contours of the loss."""
    trials = trials_of(study)
    with theme("quadratic-paths"):
        figure, panels = canvas(columns=len(trials), width=10.0, height=3.9)
        for axes, trial in zip(panels, trials, strict=True):
            _contours(axes)
            axes.plot(*trial.path.T, "-o", color=_color(trial), markersize=2.5, linewidth=0.7)
            axes.plot(0, 0, "*", color=TRUTH, markersize=12)
            axes.set(title=_label(trial), xlabel="θ₀ (λ = 1)", ylabel="θ₁ (λ = 100)")
        ends = [
            f"{_label(trial)}: {np.linalg.norm(trial.theta):.1e} after {trial.steps} steps ({trial.status})"
            for trial in trials
        ]
        return picture(
            figure,
            "From (2, 2), gradient descent jumps from wall to wall of the narrow valley while it creeps along its",
            "floor; momentum averages the jumps away. The optimal heavy ball first swings far beyond the frame, and is",
            "still the first to arrive.",
            f"Distance from the minimizer (star) at the end: {'; '.join(ends)}.",
        )


def draw_rates(study: Study) -> Picture:
    """Show the loss of each step with the rates that the spectral radius of the iteration predicts."""
    trials = trials_of(study)
    found = []
    with theme("quadratic-rates"):
        figure, (axes,) = canvas(height=4.2)
        for trial in trials:
            steps, rate, theory = (
                np.arange(len(trial.loss)),
                measured_rate(trial.path),
                theoretical_rate(trial),
            )
            axes.semilogy(steps, trial.loss, color=_color(trial), label=_label(trial))
            line = trial.loss[-1] * theory ** (2.0 * (steps - steps[-1]))
            label = f"theory: × {theory:.4f}² a step"
            axes.semilogy(steps, line, "--", color=_color(trial), linewidth=0.9, label=label)
            found.append(f"{_label(trial)}: {rate:.4f} (theory {theory:.4f})")
        axes.set(xlabel="step", ylabel="loss", title="Loss on ½ θᵀ diag(1, 100) θ from (2, 2)")
        axes.legend(loc="upper right")
        return picture(
            figure,
            "In the long run each step multiplies the distance from the minimizer by the spectral radius of the",
            "iteration, and the loss by its square; the dashed lines have that slope. The optimal heavy ball's double",
            "root adds a factor of the number of steps, so that it comes near its slope only late.",
            f"Measured from the paths: {'; '.join(found)}.",
        )


def draw_edge(study: Study) -> Picture:
    """Show where gradient descent stops to converge: at a learning rate of 2/λ₂."""
    trials, edge = trials_of(study), 2 / EIGENVALUES[1]
    with theme("quadratic-edge"):
        figure, (axes,) = canvas()
        for trial in trials:
            rate, lost = trial.setting["learning_rate"], trial.status == "diverged"
            axes.loglog(
                trial.calls + 1, trial.loss,
                color=LOST if lost else LOOKS["gd"].color,
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
            f"Along the steep coordinate a step multiplies θ₁ by 1 − 100 η, which is −1 at η = {edge:g}:",
            f"below that edge {below.count('solved')} of {len(below)} learning rates solve the problem,",
            f"above it {above.count('diverged')} of {len(above)} diverge.",
        )


def draw_rmsprop(study: Study) -> Picture:
    """Show RMSProp beside gradient descent at the same learning rate: path and loss."""
    trials = trials_of(study)
    with theme("quadratic-rmsprop"):
        figure, (plane, loss) = canvas(columns=2, width=10.0, height=4.2)
        _contours(plane)
        for trial in trials:
            look = LOOKS[trial.name]
            plane.plot(
                *trial.path.T, look.marker, linestyle="-", color=look.color, markersize=2.5, linewidth=1.0
            )
            loss.semilogy(np.arange(len(trial.loss)), trial.loss, color=look.color, label=trial.name)
        plane.plot(0, 0, "*", color=TRUTH, markersize=12)
        rate = trials[0].setting["learning_rate"]
        plane.set(title=f"Paths from (2, 2), η = {rate:g}", xlabel="θ₀ (λ = 1)", ylabel="θ₁ (λ = 100)")
        loss.set(title="Loss", xlabel="step", ylabel="loss")
        loss.legend()
        gd, rmsprop = trials
        return picture(
            figure,
            "RMSProp divides each coordinate by the size of its recent gradients, so that both move alike and the path",
            f"is almost straight. After {gd.steps} steps the loss is {gd.loss[-1]:.2g} with gradient descent and",
            f"{rmsprop.loss[-1]:.2g} with RMSProp.",
        )


def measured_rate(points: np.ndarray) -> float:
    """Estimate the spectral radius of a linear two-term iteration from its path `points: [steps, coordinates]`.

    Each coordinate of these rules obeys x(n+2) = a x(n+1) + b x(n), exactly; the larger root of z² = a z + b in
    absolute value is its rate. The fit weighs all steps alike by scaling each equation to size one.

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
    """Give the spectral radius of the iteration with the trial's hyperparameters, over both eigenvalues.

    Gradient descent: |1 − ηλ|. Momentum, as a two-term recurrence: the roots of z² − (1 + β − η(1−β)λ) z + β.

    Source: Polyak (1964), Some methods of speeding up the convergence of iteration methods, section 2.
    """
    eta, beta = trial.setting["learning_rate"], trial.setting.get("beta", 0.0)
    pairs = [np.roots([1, -(1 + beta - eta * (1 - beta) * value), beta]) for value in EIGENVALUES]
    return max(float(abs(root)) for pair in pairs for root in pair)


def _label(trial: Trial) -> str:
    rate = trial.setting["learning_rate"]
    if trial.name == "gd":
        return f"gradient descent, η = {rate:.4f}"
    return f"{'optimal heavy ball' if rate == HEAVY_BALL_RATE else 'momentum'}, η = {rate:.4f}"


def _color(trial: Trial) -> Color:
    best = trial.name == "momentum" and trial.setting["learning_rate"] == HEAVY_BALL_RATE
    return HEAVY_BALL if best else LOOKS[trial.name].color


def _contours(axes: Axes) -> None:
    x = np.linspace(-_FRAME, _FRAME, 161)
    first, second = np.meshgrid(x, x)
    loss = 0.5 * (EIGENVALUES[0] * first**2 + EIGENVALUES[1] * second**2)
    height = np.log10(loss + 1e-3)  # finite at the minimizer, and the valley shows as well as the slopes
    axes.contour(first, second, height, levels=14, colors="#b9bec6", linewidths=0.5, linestyles="solid")
    axes.grid(visible=False)
    axes.set(xlim=(-_FRAME, _FRAME), ylim=(-_FRAME, _FRAME), aspect="equal")
