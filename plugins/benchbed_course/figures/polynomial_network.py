"""Draw a deep network that learns a polynomial in ten dimensions: its loss, its predictions, and the diagonal."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from matplotlib.axes import Axes

from benchbed import Study
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import LOOKS, LOST, TRUTH, canvas, picture
from benchbed_course.figures.trials import Trial, trials_of, typical
from benchbed_problems.polynomial_network import PolynomialNetwork, PolynomialSamples

COLOR = LOOKS["adam"].color
SEEN: Color = (0.62, 0.64, 0.67)
SHOWN = 1_500
"""Samples in the scatter: more of them only cover each other."""


class Predictions(NamedTuple):
    """What the networks of some trials give, `[seeds, points]`, in float64."""

    train: np.ndarray
    test: np.ndarray
    diagonal: np.ndarray


def draw_fit(study: Study) -> Picture:
    """Show the loss by step, predictions against data, and the diagonal that training never sees."""
    trials, problem = trials_of(study), problem_of(study)
    data = problem.shared_data()
    found, shown = predictions(problem, data, trials), trials.index(typical(trials))
    with theme("polynomial-network"):
        figure, (losses, scatter, diagonal) = canvas(columns=3, width=10.5, height=3.5)
        _losses(losses, trials, float(data.y.var(correction=0)) / 2)
        _scatter(scatter, data, found, shown)
        _diagonal(diagonal, data, trials, found)
        return picture(figure, *_caption(problem, data, trials, found))


def problem_of(study: Study) -> PolynomialNetwork:
    """Give the one problem of the study."""
    (planned,) = study.plan.problems
    return PolynomialNetwork(**planned.parameters)


def predictions(problem: PolynomialNetwork, data: PolynomialSamples, trials: list[Trial]) -> Predictions:
    """Evaluate the networks where the trials ended, on the first samples, the test points and the diagonal."""
    theta = torch.from_numpy(np.stack([trial.theta for trial in trials]))
    places = (data.x[:SHOWN], data.test_x, data.diagonal_x)
    return Predictions(*(problem.predict(theta, x).numpy() for x in places))


def relative_errors(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Give ‖values − exact‖ / ‖exact‖ for each seed."""
    return np.asarray(np.linalg.norm(values - exact, axis=-1) / np.linalg.norm(exact))


def explained(values: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Give the share of the variance that is explained, R², for each seed."""
    return np.asarray(1 - ((values - exact) ** 2).mean(-1) / exact.var())


def _losses(axes: Axes, trials: list[Trial], constant: float) -> None:
    middle = typical(trials)
    for trial in trials:
        width, alpha = (1.6, 1.0) if trial is middle else (0.8, 0.5)
        axes.loglog(1 + trial.calls, trial.loss, color=_color(trial), linewidth=width, alpha=alpha)
    axes.axhline(constant, color=TRUTH, linestyle=":", linewidth=1.0, label="best constant")
    axes.set(title="Loss over all samples", xlabel="1 + steps", ylabel="½ mean squared error")
    axes.legend(loc="lower left")


def _scatter(axes: Axes, data: PolynomialSamples, found: Predictions, shown: int) -> None:
    exact = data.y[:SHOWN].squeeze(-1), data.test_y.squeeze(-1)
    for x, y, color, label in (
        (exact[0], found.train[shown], SEEN, f"{len(exact[0]):,} of the samples"),
        (exact[1], found.test[shown], COLOR, f"{len(exact[1]):,} unseen points"),
    ):
        axes.plot(x, y, ".", color=color, markersize=2.5, label=label)
    ends = [float(min(values.min() for values in exact)), float(max(values.max() for values in exact))]
    axes.plot(ends, ends, "--", color=TRUTH, linewidth=0.9)
    axes.set(title="Predictions", xlabel="f(x)", ylabel="network(x)")
    axes.legend(loc="upper left", markerscale=4)


def _diagonal(axes: Axes, data: PolynomialSamples, trials: list[Trial], found: Predictions) -> None:
    z, middle = data.diagonal_x[:, 0], typical(trials)
    axes.axhspan(
        float(data.y.min()),
        float(data.y.max()),
        color=TRUTH,
        alpha=0.06,
        linewidth=0,
        label="samples' values",
    )
    for trial, values in zip(trials, found.diagonal, strict=True):
        width, alpha = (1.8, 1.0) if trial is middle else (0.8, 0.5)
        label = "network" if trial is middle else None
        axes.plot(z, values, color=_color(trial), linewidth=width, alpha=alpha, label=label)
    axes.plot(z, data.diagonal_y, "--", color=TRUTH, linewidth=1.0, label="p(z)")
    axes.set(title="The diagonal x = (z, …, z)", xlabel="z")
    axes.legend(loc="lower left")


def _color(trial: Trial) -> Color:
    return LOST if trial.status == "diverged" else COLOR


def _caption(
    problem: PolynomialNetwork, data: PolynomialSamples, trials: list[Trial], found: Predictions
) -> tuple[str, ...]:
    errors = relative_errors(found.diagonal, np.asarray(data.diagonal_y.squeeze(-1)))
    shares = explained(found.test, np.asarray(data.test_y.squeeze(-1)))
    first, last = ([trial.loss[at] for trial in trials] for at in (0, -1))
    y, diagonal_y, widths = (
        np.asarray(data.y),
        np.asarray(data.diagonal_y),
        " → ".join(map(str, problem.widths)),
    )
    lost, seeds = sum(trial.status == "diverged" for trial in trials), len(trials)
    setting, seconds = trials[0].setting, sum(trial.wall_seconds for trial in trials)
    return (
        f"A network {widths} ({problem.layout.dimension:,} parameters) after {trials[0].steps:,} steps of Adam at",
        f"η = {setting['learning_rate']:g} on batches of {problem.batch_size} from {problem.samples:,} samples, with",
        f"{f'{seeds} seeds (thick: the one of median loss)' if seeds > 1 else '1 seed'}. The loss is",
        f"{_range(first, '.2g')} at the start and {_range(last, '.1e')} at the end; that of the best constant is",
        f"{y.var() / 2:.2g}. On unseen points the network explains",
        f"{_range(100 * shares, '.2f')}% of the variance. No sample lies on the diagonal, where f goes from",
        f"{diagonal_y.min():.2f} to {diagonal_y.max():.2f}; the samples' values (shaded) go from {y.min():.2f} to",
        f"{y.max():.2f}. On the diagonal the network follows p(z) with a relative error of",
        f"{_range(100 * errors, '.1f')}%. The steps took {seconds:.1f} seconds in all, without what it takes to",
        "compile them and to measure the loss over all samples in between.",
        *([f"{lost} of {seeds} trials diverged (red)."] if lost else []),
    )


def _range(values: Sequence[float] | np.ndarray, form: str) -> str:
    low, high = format(min(values), form), format(max(values), form)
    return low if low == high else f"{low} to {high}"
