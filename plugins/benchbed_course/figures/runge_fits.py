"""Polynomial fits to one sample of Runge's function: few and many features, at drawn and at equispaced points."""

from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import torch

from benchbed import Plan, Study
from benchbed.interfaces import Picture
from benchbed.plotting import Color, theme
from benchbed_course.figures.canvas import TRUTH, canvas, legend_below, picture
from benchbed_course.figures.least_squares import least_norm, samples_of
from benchbed_problems.runge import Runge, chebyshev, runge

Points = Literal["uniform", "equispaced"]
POINTS: dict[Points, str] = {"uniform": "drawn points", "equispaced": "equispaced points"}
"""Names of the two kinds of training points in titles and captions."""
GRID = np.linspace(-1, 1, 2001)
SEED = 0
"""Evaluation seed whose sample is drawn."""
FRAME = (-0.75, 1.75)
"""Limits of the vertical axis; interpolants leave it by orders of magnitude."""
FIT: Color = (0.34, 0.18, 0.55)


class PolynomialFit(NamedTuple):
    """The least-squares fit of a number of features to one sample."""

    features: int
    z: np.ndarray  # [samples]
    y: np.ndarray  # [samples]
    values: np.ndarray  # [grid], the polynomial on GRID
    train_loss: float
    test_loss: float

    @property
    def peak(self) -> tuple[float, float]:
        """Largest absolute value of the polynomial on GRID, and the z at which it is attained."""
        index = int(np.abs(self.values).argmax())
        return float(np.abs(self.values[index])), float(GRID[index])


def draw_fits(study: Study) -> Picture:
    """Draw the polynomials of least squares with the sample and the function, for both kinds of points."""
    rows = {points: polynomial_fits(study.plan, points) for points in POINTS}
    columns = len(rows["uniform"])
    function, sentences = runge(torch.from_numpy(GRID)).numpy(), []
    with theme("runge-fits"):
        figure, panels = canvas(columns=columns, rows=len(rows), width=10.5, height=2.7)
        for row, (points, fits) in enumerate(rows.items()):
            for axes, fit in zip(panels[row * columns :], fits, strict=False):
                axes.plot(GRID, function, "--", color=TRUTH, linewidth=1.0, label="1/(1 + 25z²)")
                axes.plot(GRID, fit.values, color=FIT, linewidth=1.6, label="least-squares polynomial")
                axes.plot(fit.z, fit.y, "o", color=TRUTH, markersize=3.5, label="sample", zorder=3)
                title = f"d = {fit.features}, test loss {fit.test_loss:.2g}"
                axes.set(ylim=FRAME, xticks=(-1, 0, 1), title=title)
            panels[row * columns].set_ylabel(f"y, {POINTS[points]}")
            numbers = "; ".join(
                f"d = {fit.features}: train {fit.train_loss:.2g}, test {fit.test_loss:.2g},"
                f" largest absolute value {fit.peak[0]:.3g} at z = {fit.peak[1]:.2f}"
                for fit in fits
            )
            sentences.append(f"With {POINTS[points]}, {numbers}.")
        for axes in panels[-columns:]:
            axes.set_xlabel("z")
        legend_below(figure, panels[0])
        samples = len(rows["uniform"][0].z)
        interpolants = [fit for fits in rows.values() for fit in fits if fit.features >= samples]
        residual = max(float(np.sqrt(2 * fit.train_loss)) for fit in interpolants)
        return picture(
            figure,
            f"Least squares with d Chebyshev polynomials on one sample of I = {samples} noisy values; both rows have",
            "the same noise and test set, whose points are drawn. From d = I on the polynomial passes through all",
            f"samples, to a root mean square of {residual:.0e}; for d > I it is the one with the least norm of",
            "coefficients. Losses are half the mean squared error. The frame cuts off larger values.",
            *sentences,
        )


def sizes(samples: int) -> tuple[int, ...]:
    """Return the numbers of features that are drawn: few, more, as many as samples, and twice as many."""
    return (samples // 3, 2 * samples // 3, samples, 2 * samples)


def polynomial_fits(plan: Plan, points: Points) -> list[PolynomialFit]:
    """Compute the fits to the sample of one evaluation seed of the plan, in the Chebyshev basis, of least norm."""
    template = Runge(**plan.problems[0].parameters)
    fits = []
    for features in sizes(template.samples):
        problem = replace(template, features=features, basis="chebyshev", points=points)
        data = samples_of(plan, problem)
        coefficients = torch.from_numpy(least_norm(data))
        polynomial = chebyshev(torch.from_numpy(GRID), features) @ coefficients[SEED]
        lanes = coefficients[:, None]
        losses = [
            float(loss(lanes, data)[SEED, 0]) for loss in (problem.objective, problem.metrics["test-loss"])
        ]
        z, y = (np.asarray(values[SEED, 0]) for values in (data.z, data.y))
        fits.append(PolynomialFit(features, z, y, polynomial.numpy(), *losses))
    return fits
