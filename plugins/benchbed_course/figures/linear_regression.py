"""Gradient descent on the loss surface of a linear regression, as a picture and as an animation."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.image import AxesImage

from benchbed import Study, evaluation_instances
from benchbed.interfaces import Data, Picture
from benchbed.plotting import theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, TRUTH, animation, canvas, legend_below, picture
from benchbed_course.figures.motion import Mover
from benchbed_course.figures.optimizers import first_named, label_of, looks_of, optimizer_sentences, others
from benchbed_course.figures.step_lines import PATH
from benchbed_course.figures.trials import Trial, trials_of
from benchbed_problems.linear_regression import TRUE_BIAS, TRUE_WEIGHT, LinearRegression

COLOR = LOOKS["gd"].color
MARGIN = 0.8
"""Distance of the panel's edges from the path, in units of the parameters."""
CLOSE = 0.12
"""Half the width of the panel around the estimate."""
PIXELS = 201
"""Points of the heatmap in each direction."""
TICKS = (0.2, 0.5, 1, 2, 5, 10)
"""Losses labelled on the colour bar."""
FRAMES = 20
"""Frames of the animation for the course's own steps, and as many for the rest."""


def draw_path(course: Study, longer: Study) -> Picture:
    """Draw the path over the surface, its end near the estimate, and the gradient norm down to the tolerance."""
    all_short, all_long = trials_of(course), trials_of(longer)
    short, long = (first_named(trials, "gd")[0] for trials in (all_short, all_long))
    further, looks = others(all_long, long), looks_of(all_long)
    estimate, owner = estimate_of(course), "gradient descent, " if further else ""
    with theme("linear-regression-path"):
        figure, (surface, end, norms) = canvas(columns=3, width=11.0, height=3.6)
        image = _draw_surface(surface, course, *_limits(short, estimate))
        bar = figure.colorbar(image, ax=surface, label="loss", ticks=TICKS, format="%g")
        bar.ax.minorticks_off()
        _draw_surface(end, course, estimate - CLOSE, estimate + CLOSE)
        for axes in (surface, end):
            for trial, *_ in further.values():
                look, label = looks[trial.optimizer], wrap_label(f"{label_of(trial)}, {trial.steps:,} steps")
                axes.plot(
                    *trial.path.T, color=look.color, linestyle=look.dashes, linewidth=1.2, label=label, gid=PATH
                )  # fmt: skip
            for trial, width in ((long, 1.0), (short, 3.0)):
                label = f"{owner}{trial.steps:,} steps"
                axes.plot(*trial.path.T, color=COLOR, linewidth=width, label=label, gid=PATH)
            _draw_landmarks(axes, estimate)
        surface.set(title="Gradient descent on the loss surface")
        if further:
            legend_below(figure, surface)
        else:
            surface.legend(loc="lower right", labelspacing=0.3, frameon=True, framealpha=0.8)
        end.set(title="Near the estimate (another colour scale)")
        movers = [Mover(long, "gradient descent", COLOR)]
        for trial, *_ in further.values():
            look = looks[trial.optimizer]
            norms.semilogy(
                trial.gradient_norm, color=look.color, linestyle=look.dashes, linewidth=1.2, gid=PATH
            )
            movers.append(Mover(trial, wrap_label(label_of(trial)), look.color))
        for trial, width in ((long, 1.0), (short, 3.0)):
            norms.semilogy(trial.gradient_norm, color=COLOR, linewidth=width, gid=PATH)
        if longer.plan.tolerance is not None:
            label = f"tolerance {longer.plan.tolerance:g}"
            norms.axhline(longer.plan.tolerance, color=TRUTH, linestyle="--", linewidth=0.9, label=label)
            norms.legend(loc="upper right")
        norms.set(title="Gradient norm", xlabel="step", ylabel="‖∇L‖")
        gif = _animate(course, short, movers, estimate)
        sentences = [_further_sentence(trials[0], all_short, estimate) for trials in further.values()]
        caption = [*_caption(course, short, long, estimate), *sentences, *optimizer_sentences(course, longer)]
        losses = {"gradient descent": long.loss} | {
            label_of(trial): trial.loss for trial, *_ in further.values()
        }
        return picture(figure, *caption, gif=gif, losses=losses)


def estimate_of(study: Study) -> np.ndarray:
    """Return the least-squares estimate (w, b) of the study's instance, `[2]`."""
    problem, data = _instance(study)
    estimate = problem.minimizer(data)
    if estimate is None:
        raise ValueError("the problem has no minimizer to mark; draw this figure from a linear-regression")
    return np.asarray(estimate.reshape(2))


def _instance(study: Study) -> tuple[LinearRegression, Data]:
    (planned,) = study.plan.problems
    problem = LinearRegression(**planned.parameters)
    return problem, evaluation_instances(problem, planned.name, [0], study.plan.study_seed).data


def _limits(trial: Trial, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points = np.array([trial.path[0], estimate, [TRUE_WEIGHT, TRUE_BIAS]])
    return points.min(0) - MARGIN, points.max(0) + MARGIN


def _draw_surface(axes: Axes, study: Study, low: np.ndarray, high: np.ndarray) -> AxesImage:
    w, b = (np.linspace(low[i], high[i], PIXELS) for i in range(2))
    points = np.stack(np.meshgrid(w, b), axis=-1).reshape(-1, 2)
    problem, data = _instance(study)
    loss = problem.objective(torch.from_numpy(points)[None], data).reshape(PIXELS, PIXELS).numpy()
    axes.grid(visible=False)
    axes.set(xlabel="w", ylabel="b", xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    extent = (low[0], high[0], low[1], high[1])
    return axes.imshow(loss, cmap="YlOrBr", norm=LogNorm(), extent=extent, origin="lower", aspect="auto")


def _draw_landmarks(axes: Axes, estimate: np.ndarray) -> None:
    for (w, b), marker, size, label in (
        ((TRUE_WEIGHT, TRUE_BIAS), "o", 6, "true parameters"),
        (estimate, "*", 11, "least squares"),
    ):
        axes.plot(
            w, b, marker, color=TRUTH, markeredgecolor="white", markersize=size, zorder=4, linestyle="none", label=label
        )  # fmt: skip


def _animate(study: Study, short: Trial, movers: Sequence[Mover], estimate: np.ndarray) -> bytes:
    figure, (axes,) = canvas(width=4.8, height=3.9)
    _draw_surface(axes, study, *_limits(short, estimate))
    _draw_landmarks(axes, estimate)
    lines = [axes.plot([], [], color=mover.color, linewidth=2.5, label=mover.label)[0] for mover in movers]
    # Rings below the landmarks, so that they do not hide the star at the end.
    heads = [
        axes.plot([], [], "o", color=mover.color, markerfacecolor="white", markeredgewidth=1.5, markersize=13, zorder=3)
        for mover in movers
    ]  # fmt: skip
    legend_below(figure, axes)

    def show(step: int) -> None:
        for mover, line, (head,) in zip(movers, lines, heads, strict=True):
            line.set_data(*mover.trial.path[: step + 1].T)
            head.set_data(*mover.point(step)[:, None])
        axes.set_title(f"step {step}: loss of {movers[0].label} {movers[0].loss(step):.4f}")

    last = max(mover.trial.steps for mover in movers)
    later_steps = np.geomspace(short.steps, last, FRAMES + 1)[1:]  # the path slows down
    steps = np.concatenate([np.linspace(0, short.steps, FRAMES + 1), later_steps])
    return animation(figure, show, steps.round().astype(int).tolist())


def _caption(course: Study, short: Trial, long: Trial, estimate: np.ndarray) -> tuple[str, ...]:
    problem, data = _instance(course)
    least_loss = float(problem.optimum(data))
    remaining = (short.theta - estimate) / (short.path[0] - estimate)
    rate, distance = short.setting["learning_rate"], np.linalg.norm(long.theta - estimate)
    return (
        f"The data were simulated with w = {TRUE_WEIGHT:g} and b = {TRUE_BIAS:g} (dot); least squares gives",
        f"({estimate[0]:.4f}, {estimate[1]:.4f}) (star), the point of least loss.",
        f"From ({short.path[0, 0]:g}, {short.path[0, 1]:g}), the course's {short.steps} steps at η = {rate:g} end at",
        f"({short.theta[0]:.4f}, {short.theta[1]:.4f}), with {remaining[0]:.0%} of the way left in w and",
        f"{remaining[1]:.0%} in b (a curvature of 1 leaves {(1 - rate) ** short.steps:.0%}), a gradient norm of",
        f"{short.gradient_norm[-1]:.2g} and a loss of {short.loss[-1]:.4f}, against {least_loss:.4f} at the star. With",
        f"the same η the gradient norm is {long.gradient_norm[-1]:.2g} after {long.steps:,} steps ({long.status}):",
        f"with {long.steps / short.steps:.1f} times as many steps, gradient descent ends at a distance of",
        f"{distance:.1e} in (w, b) from the closed form.",
    )


def _further_sentence(trial: Trial, short_trials: list[Trial], estimate: np.ndarray) -> str:
    """Describe how close to the closed form an added optimizer comes in the steps of both runs."""
    ends = [each for each in short_trials if each.optimizer == trial.optimizer][:1]
    clauses = [
        f"{np.linalg.norm(each.theta - estimate):.2g} after {each.steps:,} steps ({each.status})"
        for each in [*ends, trial]
    ]
    return f"{label_of(trial)} ends at a distance of {' and of '.join(clauses)} from the closed form."
