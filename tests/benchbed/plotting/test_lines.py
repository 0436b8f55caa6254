"""Lines are drawn in the styles of their optimizers, and listed in the legend in order."""

import math

import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from benchbed.plotting import add_legend, draw_lines, line_styles

DATA = pd.DataFrame(
    {"calls": [1, 2, 3] * 2, "gap": [3.0, 2.0, 1.0, 5.0, math.nan, 4.0], "label": ["sgd"] * 3 + ["adam"] * 3}
)


def draw():
    axes = Figure().subplots()
    axes.set(xlabel="x", ylabel="y")
    styles = line_styles(["adam", "sgd"])
    draw_lines(axes, DATA, "calls", "gap", styles, clip_on=False)
    return axes, styles


def test_lines_have_their_styles():
    """Color and marker; rows without a value are left out."""
    axes, styles = draw()
    lines = {line.get_color(): line for line in axes.lines if len(line.get_path())}
    assert lines.keys() == {style.color for style in styles.values()}
    adam = lines[styles["adam"].color]
    assert adam.get_marker() == styles["adam"].marker
    assert adam.get_xydata().tolist() == [[1, 5], [3, 4]]
    assert not adam.get_clip_on()


def test_the_legend_follows_the_styles_and_later_artists():
    """Axis labels are unchanged."""
    axes, styles = draw()
    axes.axhline(1, color="grey", label="target")
    add_legend(axes)
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["adam", "sgd", "target"]
    assert to_rgb(legend.get_lines()[0].get_color()) == styles["adam"].color
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("x", "y")
