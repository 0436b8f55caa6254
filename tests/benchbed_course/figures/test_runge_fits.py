"""The polynomials of the figure, against NumPy and SciPy."""

import numpy as np
import pytest
from scipy.interpolate import BarycentricInterpolator

from benchbed_course.figures.canvas import typeset
from benchbed_course.figures.runge_fits import FRAME, GRID, POINTS, draw_fits, polynomial_fits, sizes

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def study(study_of):
    """A suite with six samples; the figure needs its plan alone."""
    return study_of(
        "course-runge", problems=["runge[features=3, samples=6, basis=chebyshev]"], steps=2, seeds=2
    )


def test_sizes_lie_on_both_sides_of_the_threshold():
    """5, 10, 15 and 30 for the course's fifteen samples."""
    assert sizes(15) == (5, 10, 15, 30)


@pytest.mark.parametrize("points", POINTS)
def test_the_polynomials_are_numpys_and_scipys(study, points):
    """Least squares below the threshold, the interpolant at it, and the pseudo-inverse beyond it."""
    fits = polynomial_fits(study.plan, points)
    for fit in fits[:2]:
        expected = np.polynomial.Polynomial.fit(fit.z, fit.y, fit.features - 1)
        np.testing.assert_allclose(fit.values, expected(GRID), rtol=0, atol=1e-10)
        assert fit.train_loss == pytest.approx(((expected(fit.z) - fit.y) ** 2).mean() / 2, rel=1e-9)
    interpolant = BarycentricInterpolator(fits[2].z, fits[2].y)(GRID)
    np.testing.assert_allclose(fits[2].values, interpolant, rtol=0, atol=1e-9 * abs(interpolant).max())
    design = np.polynomial.chebyshev.chebvander(fits[3].z, fits[3].features - 1)
    least = np.polynomial.chebyshev.chebval(GRID, np.linalg.pinv(design) @ fits[3].y)
    np.testing.assert_allclose(fits[3].values, least, rtol=0, atol=1e-9)
    assert max(fit.train_loss for fit in fits[2:]) < 1e-20


def test_the_samples_are_drawn_or_equispaced(study):
    """With the same noise."""
    drawn_fit, even = (polynomial_fits(study.plan, points)[0] for points in POINTS)
    np.testing.assert_allclose(even.z, np.linspace(-1, 1, 6), rtol=0, atol=1e-15)
    assert len({*np.diff(np.sort(drawn_fit.z)).round(6).tolist()}) == 5
    noises = [fit.y - 1 / (1 + 25 * fit.z**2) for fit in (drawn_fit, even)]
    np.testing.assert_allclose(*noises, rtol=0, atol=1e-15)


def test_the_caption_lists_losses_and_extremes(study, drawn):
    """Of every panel, computed from the curve that it draws."""
    figure, picture = drawn(draw_fits, study)
    for row, points in enumerate(POINTS):
        for column, fit in enumerate(polynomial_fits(study.plan, points)):
            axes = figure.axes[4 * row + column]
            lines = {line.get_label(): line for line in axes.get_lines()}
            values = np.array(lines["least-squares polynomial"].get_ydata())
            np.testing.assert_array_equal(values, fit.values)
            assert list(lines["sample"].get_ydata()) == fit.y.tolist()
            assert axes.get_ylim() == FRAME
            highest, z = abs(values).max(), GRID[abs(values).argmax()]
            expected = f"test {fit.test_loss:.2g}, largest absolute value {highest:.3g} at z = {z:.2f}"
            assert typeset(f"d = {fit.features}: train {fit.train_loss:.2g}, {expected}") in picture.caption
    assert "With drawn points, d = 2:" in picture.caption
    assert "With equispaced points, d = 2:" in picture.caption
