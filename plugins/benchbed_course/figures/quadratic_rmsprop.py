"""RMSProp against gradient descent on the anisotropic quadratic, at the same learning rate."""

import numpy as np

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import theme, wrap_label
from benchbed_course.figures.canvas import TRUTH, canvas, picture
from benchbed_course.figures.motion import Mover
from benchbed_course.figures.optimizers import (
    first_named,
    highest_loss,
    label_of,
    looks_of,
    optimizer_sentences,
    side_changes,
)
from benchbed_course.figures.quadratic import first_trials
from benchbed_course.figures.quadratic_animation import animate_paths
from benchbed_course.figures.quadratic_plane import draw_contours, start_of
from benchbed_course.figures.step_lines import PATH
from benchbed_course.figures.trials import Trial

COURSE_STEPS = 125
"""Steps of the course's comparison with RMSProp; the suite runs longer to show the steps that follow."""
OSCILLATION_STEPS = 100
"""Last steps of RMSProp, over which the loss of its oscillation is measured."""
FLOOR = 1e-8
"""Lower limit of the loss axis: RMSProp's loss falls far below it for a while."""
STRAIGHT = 0.05
"""Largest distance from a straight line, relative to its length, of a path that is called almost straight."""


def draw_rmsprop(study: Study) -> Picture:
    """Draw RMSProp, gradient descent and added optimizers: the course's paths, and the losses beyond them."""
    trials = first_trials(study)
    gd, rmsprop = (first_named(trials, name)[0] for name in ("gd", "rmsprop"))
    looks, course = looks_of(trials), {gd.optimizer, rmsprop.optimizer}
    movers, losses = [], {}
    with theme("quadratic-rmsprop"):
        figure, (plane, loss) = canvas(columns=2, width=10.0, height=4.2)
        draw_contours(plane)
        for trial in trials:
            look, label = looks[trial.optimizer], trial.name if trial.optimizer in course else label_of(trial)
            plane.plot(
                *trial.path[: COURSE_STEPS + 1].T, look.marker, linestyle="-", color=look.color, markersize=2.5,
                linewidth=1.0, gid=PATH,
            )  # fmt: skip
            loss.semilogy(
                np.arange(len(trial.loss)), trial.loss, color=look.color, label=wrap_label(label), gid=PATH
            )
            movers.append(Mover(trial, wrap_label(label), look.color))
            losses[label] = trial.loss
        plane.plot(0, 0, "*", color=TRUTH, markersize=12)
        rates = " and ".join(sorted({f"{trial.setting['learning_rate']:g}" for trial in (gd, rmsprop)}))
        others = " (gd and rmsprop)" if len(trials) > 2 else ""
        plane.set(title=f"{COURSE_STEPS} steps from {start_of(gd)}, η = {rates}{others}")
        label = f"{COURSE_STEPS} steps, as in the course"
        loss.axvline(COURSE_STEPS, color=TRUTH, linestyle=":", linewidth=0.9, label=label)
        loss.set(title="Loss", xlabel="step", ylabel="loss")
        loss.set_ylim(FLOOR, highest_loss(trials))
        loss.legend()
        return picture(
            figure,
            *_rmsprop_sentences(gd, rmsprop),
            *_further_sentences([trial for trial in trials if trial.optimizer not in course]),
            *optimizer_sentences(study),
            gif=animate_paths(movers),
            losses=losses,
        )


def overtaking_step(slow: Trial, fast: Trial) -> int | None:
    """Return the first step from which the loss of `slow` stays below that of `fast`, None if there is none."""
    steps = min(len(slow.loss), len(fast.loss))
    is_behind = np.flatnonzero(slow.loss[:steps] >= fast.loss[:steps])
    step = int(is_behind[-1]) + 1 if is_behind.size else 0
    return step if step < steps else None


def bend(path: np.ndarray) -> float:
    """Compute the largest distance of a path `[steps + 1, 2]` from the line between its start and 0, by its length."""
    x, y = path[0] / np.linalg.norm(path[0])
    return float(np.abs(path @ (-y, x)).max() / np.linalg.norm(path[0]))


def _rmsprop_sentences(gd: Trial, rmsprop: Trial) -> list[str]:
    steps = min(COURSE_STEPS, gd.steps, rmsprop.steps)
    closest, bends = int(rmsprop.loss.argmin()), [bend(trial.path[: steps + 1]) for trial in (rmsprop, gd)]
    is_straight = bends[0] < STRAIGHT < bends[1]
    sentences = [
        "RMSProp divides each coordinate by the size of its recent gradients"
        + (": both coordinates move alike, and the path is almost straight." if is_straight else "."),
        f"In {steps} steps it departs from the straight line to the minimizer by up to {bends[0]:.1%} of its length,",
        f"gradient descent by {bends[1]:.1%}. After {steps} steps the loss is {gd.loss[steps]:.2g} with gradient",
        f"descent and {rmsprop.loss[steps]:.2g} with RMSProp. RMSProp comes closest after {closest} steps (loss",
        f"{rmsprop.loss[closest]:.1e}{', below the frame' if rmsprop.loss[closest] < FLOOR else ''}).",
    ]
    window = min(OSCILLATION_STEPS, rmsprop.steps)
    oscillation = float(np.median(rmsprop.loss[-window:]))
    changes = min(side_changes(coordinate[-window - 1 :]) for coordinate in rmsprop.path.T)
    if oscillation > 10 * rmsprop.loss[closest] and changes > window / 2:
        sentences.append(
            "It does not stay: the average by which it divides shrinks with the gradients, so its steps stay long near"
            " the minimizer, and it ends by jumping back and forth across it, at a median loss of"
            f" {oscillation:.2g} over the last {window} of {rmsprop.steps} steps."
        )
    else:
        sentences.append(
            f"Over the last {window} of {rmsprop.steps} steps its median loss is {oscillation:.2g}; each coordinate"
            f" changes its sign in at least {changes} of them."
        )
    step = overtaking_step(gd, rmsprop)
    if step is None:
        return [*sentences, f"Gradient descent does not overtake it in {min(gd.steps, rmsprop.steps)} steps."]
    verb = f"overtakes it at step {step}" if step else "is ahead from the start"
    return [*sentences, f"Gradient descent {verb} and has a loss of {gd.loss[-1]:.1e} at the end."]


def _further_sentences(trials: list[Trial]) -> list[str]:
    """Compare added optimizers after the course's steps and at the end."""
    return [
        f"{label_of(trial)} has a loss of {trial.loss[min(COURSE_STEPS, trial.steps)]:.2g} after"
        f" {min(COURSE_STEPS, trial.steps)} steps and {trial.loss[-1]:.2g} after {trial.steps} ({trial.status})."
        for trial in trials
    ]
