"""A deep network that learns a polynomial in ten dimensions: its loss, its predictions, and the diagonal."""

from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture, TrialStatus
from benchbed.plotting import Color, LineStyle, theme, wrap_label
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, legend_below, picture
from benchbed_course.figures.loss_history import loss_table
from benchbed_course.figures.optimizers import (
    by_optimizer,
    calls_label,
    label_of,
    looks_of,
    optimizer_sentences,
    range_of,
    steps_of,
)
from benchbed_course.figures.trials import Trial, trials_of, typical
from benchbed_problems.polynomial_network import PolynomialNetwork, PolynomialSamples

COLOR = LOOKS["adam"].color
SEEN: Color = (0.62, 0.64, 0.67)
SCATTERED = 1_500
"""Samples in the scatter plot: more of them would only cover each other."""


class Predictions(NamedTuple):
    """Outputs of the trained networks, `[seeds, points]`, in float64."""

    train: np.ndarray
    test: np.ndarray
    diagonal: np.ndarray


def draw_fit(study: Study) -> Picture:
    """Draw the loss by step, predictions against data, and the diagonal, of which training has no sample."""
    (trials, *further), problem = by_optimizer(trials_of(study)).values(), problem_of(study)
    data = problem.shared_data()
    outputs = predictions(problem, data, trials)
    looks = looks_of([trials[0], *(group[0] for group in further)])
    with theme("polynomial-network"):
        figure, (losses, scatter, diagonal) = canvas(columns=3, width=10.5, height=3.5)
        _draw_losses(losses, trials, float(data.y.var(correction=0)) / 2)
        _draw_scatter(scatter, data, outputs, trials.index(typical(trials)))
        _draw_diagonal(diagonal, data, trials, outputs)
        sentences = []
        for group in further:
            look, middle = looks[group[0].optimizer], typical(group)
            own_outputs = predictions(problem, data, group)
            _draw_further(losses, diagonal, middle, data, own_outputs.diagonal[group.index(middle)], look)
            sentences.append(_further_sentence(group, data, own_outputs))
        if further:
            losses.plot([], [], color=COLOR, linewidth=1.6, label=wrap_label(label_of(trials[0])))
            legend_below(figure, losses, diagonal)
        else:
            losses.legend(loc="lower left")
            diagonal.legend(loc="lower left")
        losses.set_xlabel(calls_label(chain(trials, *further)))
        caption = _caption(problem, data, trials, outputs)
        # The table ends a paragraph: no sentence follows it.
        notes = [*optimizer_sentences(study), *loss_table(typical(trials))]
        return picture(figure, *caption, *sentences, *notes)


def problem_of(study: Study) -> PolynomialNetwork:
    """Build the only problem of the study."""
    (plan,) = study.plan.problems
    return PolynomialNetwork(**plan.parameters)


def predictions(problem: PolynomialNetwork, data: PolynomialSamples, trials: list[Trial]) -> Predictions:
    """Evaluate the trained networks on the first samples, the test points and the diagonal."""
    theta = torch.from_numpy(np.stack([trial.theta for trial in trials]))
    inputs = (data.x[:SCATTERED], data.test_x, data.diagonal_x)
    return Predictions(*(problem.predict(theta, x).numpy() for x in inputs))


def relative_errors(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Compute ‖values − exact‖ / ‖exact‖ for each seed."""
    return np.asarray(np.linalg.norm(values - exact, axis=-1) / np.linalg.norm(exact))


def explained(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Compute the share of the variance that is explained, R², for each seed."""
    return np.asarray(1 - ((values - exact) ** 2).mean(-1) / exact.var())


def _draw_losses(axes: Axes, trials: list[Trial], constant: float) -> None:
    middle = typical(trials)
    for trial in trials:
        width, alpha = (1.6, 1.0) if trial is middle else (0.8, 0.5)
        axes.loglog(1 + trial.calls, trial.loss, color=_color(trial), linewidth=width, alpha=alpha)
    axes.axhline(constant, color=TRUTH, linestyle=":", linewidth=1.0, label="best constant")
    axes.set(title="Loss over all samples", ylabel="½ mean squared error")


def _draw_scatter(axes: Axes, data: PolynomialSamples, outputs: Predictions, index: int) -> None:
    exact = data.y[:SCATTERED].squeeze(-1), data.test_y.squeeze(-1)
    for x, y, color, label in (
        (exact[0], outputs.train[index], SEEN, f"{len(exact[0]):,} of the samples"),
        (exact[1], outputs.test[index], COLOR, f"{len(exact[1]):,} unseen points"),
    ):
        axes.plot(x, y, ".", color=color, markersize=2.5, label=label)
    ends = [float(min(values.min() for values in exact)), float(max(values.max() for values in exact))]
    axes.plot(ends, ends, "--", color=TRUTH, linewidth=0.9)
    axes.set(title="Predictions", xlabel="f(x)", ylabel="network(x)")
    axes.legend(loc="upper left", markerscale=4)


def _draw_diagonal(axes: Axes, data: PolynomialSamples, trials: list[Trial], outputs: Predictions) -> None:
    z, middle = data.diagonal_x[:, 0], typical(trials)
    low, high = float(data.y.min()), float(data.y.max())
    axes.axhspan(low, high, color=TRUTH, alpha=0.06, linewidth=0, label="samples' values")
    for trial, values in zip(trials, outputs.diagonal, strict=True):
        width, alpha = (1.8, 1.0) if trial is middle else (0.8, 0.5)
        label = "network" if trial is middle else None
        axes.plot(z, values, color=_color(trial), linewidth=width, alpha=alpha, label=label)
    axes.plot(z, data.diagonal_y, "--", color=TRUTH, linewidth=1.0, label="p(z)")
    axes.set(title="The diagonal x = (z, …, z)", xlabel="z")


def _draw_further(
    losses: Axes, diagonal: Axes, trial: Trial, data: PolynomialSamples, values: np.ndarray, look: LineStyle
) -> None:
    """Draw the trial of median loss of an added optimizer, in the frames of the others."""
    color = LOST if trial.status == TrialStatus.DIVERGED else look.color
    for axes, x, y in ((losses, 1 + trial.calls, trial.loss), (diagonal, data.diagonal_x[:, 0], values)):
        axes.set_ylim(axes.get_ylim())
        axes.plot(x, y, color=color, linestyle=look.dashes, linewidth=1.2, label=wrap_label(label_of(trial)))


def _color(trial: Trial) -> Color:
    return LOST if trial.status == TrialStatus.DIVERGED else COLOR


def _caption(
    problem: PolynomialNetwork, data: PolynomialSamples, trials: list[Trial], outputs: Predictions
) -> tuple[str, ...]:
    y, test_y, diagonal_y = (np.asarray(values) for values in (data.y, data.test_y, data.diagonal_y))
    errors = relative_errors(outputs.diagonal, diagonal_y.squeeze(-1))
    shares = explained(outputs.test, test_y.squeeze(-1))
    first, last = ([trial.loss[index] for trial in trials] for index in (0, -1))
    widths, seeds = " → ".join(map(str, problem.widths)), len(trials)
    diverged = sum(trial.status == TrialStatus.DIVERGED for trial in trials)
    rate, seconds = trials[0].setting["learning_rate"], sum(trial.wall_seconds for trial in trials)
    return (
        f"A network {widths} ({problem.layout.dimension:,} parameters) after {steps_of(trials)} of",
        f"{trials[0].name} at η = {rate:g} on batches of {problem.batch_size} from {problem.samples:,} samples, with",
        f"{f'{seeds} seeds (thick: the one of median loss)' if seeds > 1 else '1 seed'}. The loss is",
        f"{range_of(first, '.2g')} at the start and {range_of(last, '.1e')} at the end; that of the best constant is",
        f"{y.var() / 2:.2g}. On unseen points the network explains",
        f"{range_of(100 * shares, '.2f')}% of the variance. No sample lies on the diagonal, where f ranges from",
        f"{diagonal_y.min():.2f} to {diagonal_y.max():.2f}; the samples' values (shaded) range from {y.min():.2f} to",
        f"{y.max():.2f}. On the diagonal the network differs from p(z) by a relative error of",
        f"{range_of(100 * errors, '.1f')}%. The steps took {seconds:.1f} seconds in all, without compilation and",
        "without the measurements of the loss over all samples.",
        *([f"{diverged} of {seeds} trials diverged (red)."] if diverged else []),
    )


def _further_sentence(trials: list[Trial], data: PolynomialSamples, outputs: Predictions) -> str:
    """Describe the losses and errors of an added optimizer, whose trials that diverged have none."""
    label, count = label_of(trials[0]), len(trials)
    stable = [index for index, trial in enumerate(trials) if trial.status != TrialStatus.DIVERGED]
    if not stable:
        return f"{label} diverges from all of {count} starts (red)."
    stable_trials = [trials[index] for index in stable]
    losses, calls = zip(*((trial.loss[-1], trial.calls[-1]) for trial in stable_trials), strict=True)
    shares = explained(outputs.test[stable], np.asarray(data.test_y.squeeze(-1)))
    errors = relative_errors(outputs.diagonal[stable], np.asarray(data.diagonal_y.squeeze(-1)))
    lost = f"; {count - len(stable)} of {count} trials diverged" if len(stable) < count else ""
    return (
        f"{label} has a loss of {range_of(losses, '.1e')} after {steps_of(stable_trials)}, for"
        f" {range_of(calls, ',.0f')} calls; it explains {range_of(100 * shares, '.2f')}% of the variance on unseen"
        f" points, with a relative error of {range_of(100 * errors, '.1f')}% on the diagonal{lost}."
    )
