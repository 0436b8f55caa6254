"""Figures of findings: every kind of series is drawn, and equal data are equal bytes."""

import pytest

from benchbed_findings.drawing import draw
from benchbed_findings.record import Panel, Series

CURVE = Panel(
    "curves", "step", "loss",
    [
        Series("measured", range(40), [0.5**step for step in range(40)], reference=((20, 39), (0.5**20, 0.5**39))),
        Series("alone", range(40), [0.0] * 40, ([0.0] * 40, [1.0] * 40)),
    ],
    bounds={"bound": 1e-9},
)  # fmt: skip
POINTS = Panel(
    "points", "rate", "loss",
    [Series("mean", [1, 2, 4], [1.0, 2.0, 3.0], ([0.5, 1.5, 2.5], [1.5, 2.5, 3.5]), ([1, 4], [1.0, 3.0]))],
    log_x=True,
)  # fmt: skip
NAMES = Panel(
    "names", "network", "accuracy",
    [Series("signals", ["MLP", "CNN"], [0.6, 0.9], ([0.5, 0.8], [0.7, 1.0]), (["MLP", "CNN"], [0.61, 0.92]))],
    "published", log_y=False,
)  # fmt: skip


@pytest.mark.parametrize("panel", [CURVE, POINTS, NAMES], ids=["curves", "points", "names"])
def test_a_panel_has_its_texts_and_legend(panel):
    """In the comments of the SVG file, whose letters are outlines."""
    svg = draw("part", [panel])["svg"].decode()
    legend = f"lines: {panel.reference}"
    texts = [
        panel.title,
        panel.x_label,
        panel.y_label,
        legend,
        *panel.bounds,
        *(one.label for one in panel.series),
    ]
    assert [text for text in texts if f"<!-- {text} -->" not in svg] == []


def test_equal_data_are_equal_bytes():
    """So that a figure changes only with its numbers."""
    assert draw("part", [CURVE, POINTS]) == draw("part", [CURVE, POINTS])
