"""Cells say what they show, in an ink that can be read on their ground."""

import math

import pytest
from matplotlib.figure import Figure

from benchbed.reports.cells import Cell, draw_cells


@pytest.fixture(scope="module")
def axes():
    """Give two rows of cells, of which the second is open, as drawn."""
    panel = Figure().subplots()
    draw_cells(
        panel,
        [[Cell(0.0, "a"), Cell(math.nan, "–")], [Cell(0.9, "b", is_bold=True), Cell(0.5, "c")]],
        "YlGnBu",
    )
    return panel


def test_rows_run_from_the_top_down(axes):
    """Each text stands in the middle of its cell."""
    assert [(text.get_text(), text.get_position()) for text in axes.texts] == [
        ("a", (0.5, 0.5)),
        ("–", (1.5, 0.5)),
        ("b", (0.5, 1.5)),
        ("c", (1.5, 1.5)),
    ]
    assert axes.yaxis_inverted()


def test_ink_is_white_on_dark_ground_alone(axes):
    """The map runs from pale yellow to dark blue; an open cell is white, so its ink is black."""
    assert [text.get_color() for text in axes.texts] == ["black", "black", "white", "black"]


def test_bold_is_what_was_asked_for(axes):
    """And nothing else."""
    assert [text.get_fontweight() for text in axes.texts] == ["normal", "normal", "bold", "normal"]
