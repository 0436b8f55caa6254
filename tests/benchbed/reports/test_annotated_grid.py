"""Cells say what they show, in an ink that can be read on their ground."""

import math

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchbed.reports.annotated_grid import Cell, draw_cells

CELLS = [
    [Cell(0.0, "a"), Cell(math.nan, "–"), Cell(0.1, "a"), Cell(0.2, "")],
    [Cell(0.9, "b", is_bold=True), Cell(0.5, "c"), Cell(0.95, "a"), Cell(0.3, "b")],
]


@pytest.fixture(scope="module")
def axes():
    """Give two rows of cells, one of them open, as drawn."""
    panel = Figure().subplots()
    draw_cells(panel, CELLS, "YlGnBu")
    return panel


@pytest.fixture(scope="module")
def writings(axes):
    """Give the outlines of the texts: of each text, weight and ink one collection."""
    return [collection for collection in axes.collections if not collection.get_label().startswith("_")]


def test_rows_run_from_the_top_down(axes, writings):
    """Each text stands in the middle of its cell; one that is empty stands nowhere."""
    found = sorted((text.get_label(), *place) for text in writings for place in text.get_offsets().tolist())
    assert found == [
        ("a", 0.5, 0.5),
        ("a", 2.5, 0.5),
        ("a", 2.5, 1.5),
        ("b", 0.5, 1.5),
        ("b", 3.5, 1.5),
        ("c", 1.5, 1.5),
        ("–", 1.5, 0.5),
    ]
    assert axes.yaxis_inverted()


def test_ink_is_white_on_dark_ground_alone(writings):
    """The map runs from pale yellow to dark blue; an open cell is white, so its ink is black."""
    white = [
        tuple(place)
        for text in writings
        if text.get_facecolor().tolist() == [[1, 1, 1, 1]]
        for place in text.get_offsets()
    ]
    assert sorted(white) == [(0.5, 1.5), (2.5, 1.5)]
    assert {tuple(text.get_facecolor()[0]) for text in writings} == {(0, 0, 0, 1), (1, 1, 1, 1)}


def test_bold_is_what_was_asked_for(writings):
    """Its outline is wider than that of the same letter elsewhere."""
    width = {
        tuple(text.get_offsets()[0]): text.get_paths()[0].get_extents().width
        for text in writings
        if text.get_label() == "b"
    }
    assert width[0.5, 1.5] > 1.05 * width[3.5, 1.5]


@pytest.mark.parametrize("dots", [72, 300])
@pytest.mark.parametrize("is_bold", [False, True])
def test_outlines_cover_what_text_would(dots, is_bold):
    """matplotlib's own text of that size, centred there, blackens the same dots, but for one at each edge."""
    outlined, written = _panel(dots), _panel(dots)
    draw_cells(outlined, [[Cell(math.nan, "0.123 ×4", is_bold)]], "YlGnBu")
    draw_cells(written, [[Cell(math.nan, "")]], "YlGnBu")
    written.text(
        0.5, 0.5, "0.123 ×4", ha="center", va="center_baseline", size=8, weight="bold" if is_bold else "normal"
    )  # fmt: skip
    assert np.abs(_black(outlined) - _black(written)).max() <= 1 + dots / 150


def _panel(dots):
    figure = Figure(figsize=(2, 1), dpi=dots)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return axes


def _black(axes):
    """Give the first and last row and column that something is drawn in."""
    axes.figure.canvas.draw()
    is_dark = np.asarray(axes.figure.canvas.buffer_rgba())[..., 0] < 128
    return np.array([np.flatnonzero(is_dark.any(axis=axis))[[0, -1]] for axis in (0, 1)])
