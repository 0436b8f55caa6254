"""The figure of the activations: values, slopes and extremes against SciPy and finite differences."""

import math

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar

from benchbed_course.figures.activations import FORMULAS, LABELS, STEPS, draw_activations, measure

pytestmark = pytest.mark.slow

REFERENCES = {
    "relu": lambda x: np.maximum(0, x),
    "gelu": lambda x: x * stats.norm.cdf(x),
    "tanh": np.tanh,
    "silu": lambda x: x / (1 + np.exp(-x)),
}


def slope(name, x, h=1e-6):
    """Compute the central difference of a reference."""
    return (REFERENCES[name](x + h) - REFERENCES[name](x - h)) / (2 * h)


@pytest.fixture(scope="module")
def measured():
    return measure()


def test_values_and_slopes_are_those_of_references(measured):
    """Values by NumPy and SciPy; slopes by central differences, away from the kink of ReLU."""
    x = np.array(measured["x"])
    smooth = np.abs(x) > 1e-3
    for name, reference in REFERENCES.items():
        curve = measured["curves"][name]
        np.testing.assert_allclose(curve["values"], reference(x), rtol=0, atol=1e-14)
        slopes = np.array(curve["slopes"])[smooth]
        np.testing.assert_allclose(slopes, slope(name, x[smooth]), rtol=0, atol=1e-8)


def test_the_caption_names_lowest_values_and_largest_slopes(measured, drawn):
    """Those that SciPy finds, on a grid of hundredths."""
    caption = drawn(draw_activations, measured)[1].caption
    assert "Slopes at 0: ReLU 0, GELU 0.5, tanh 1, SiLU 0.5;" in caption
    for name, label in (("gelu", "GELU"), ("silu", "SiLU")):
        lowest = minimize_scalar(FORMULAS[name], bounds=(-3, 0), method="bounded")
        assert f"{label} −{-lowest.fun:.3f} at x = −{-lowest.x:.2f}" in caption
        steepest = minimize_scalar(lambda x, name=name: -slope(name, x), bounds=(0, 4), method="bounded")
        assert f"{label} {-steepest.fun:.3f} at x = {steepest.x:.2f}" in caption
    assert "differ from these formulas by at most" in caption


def test_an_error_of_a_value_is_reported(measured, drawn):
    """The largest one of all activations."""
    curves = {name: dict(curve) for name, curve in measured["curves"].items()}
    curves["tanh"]["error"] = 2e-3
    assert (
        "by at most 2 × 10⁻³".replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}")
        in drawn(draw_activations, measured | {"curves": curves})[1].caption
    )


def test_both_panels_have_all_curves(measured, drawn):
    """Values left, slopes right."""
    figure, picture = drawn(draw_activations, measured)
    for axes, kind in zip(figure.axes, ("values", "slopes"), strict=True):
        lines = axes.get_lines()
        assert [line.get_label() for line in lines] == [*LABELS.values()]
        assert len(lines[0].get_xdata()) == 2 * STEPS + 1
        assert list(lines[2].get_ydata()) == measured["curves"]["tanh"][kind]
    assert set(picture.files) == {"png", "svg"}
    assert math.isclose(max(measured["curves"]["tanh"]["slopes"]), 1.0)
