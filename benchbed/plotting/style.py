"""Colors, line styles and theme: one look for an optimizer in every plot."""

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
import seaborn as sns

from benchbed.formatting import printable

Color = tuple[float, float, float]
"""Red, green and blue, each from 0 to 1."""
Dashes = tuple[int, tuple[float, ...]]
"""Offset and lengths of dashes and gaps, as matplotlib's `linestyle` takes them."""

GREY: Color = (0.35, 0.35, 0.35)
_ORDER = (0, 1, 2, 3, 4, 9, 5, 7, 6, 8)  # seaborn's colorblind palette, its palest colors last
_DASHES: tuple[Dashes, ...] = (
    (0, ()),
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (7, 1.5, 1.5, 1.5)),
    (0, (4, 1.2, 1.2, 1.2, 1.2, 1.2)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "<", ">", "p", "h", "d")  # with five dashes: 55 distinct pairs
_SETTINGS: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so plots look the same on every machine
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "text.hinting": "no_hinting",  # hinting moves letters to whole pixels, so PNG and SVG would differ
}
_BREAKS = re.compile(r"(?<=[:_ ])|(?<=[,-])(?!\d)|(?=\[)")  # where a selector may continue on the next line


class LineStyle(NamedTuple):
    """Color, dashes and marker of one optimizer."""

    color: Color
    dashes: Dashes
    marker: str


def palette(names: Sequence[str]) -> dict[str, Color]:
    """Return a distinct color for each name: seaborn's colorblind palette up to ten, else evenly spaced hues."""
    if len(names) <= len(_ORDER):
        colors = [sns.color_palette("colorblind")[index] for index in _ORDER]
    else:
        colors = sns.color_palette("husl", len(names))
    return {name: tuple(color) for name, color in zip(names, colors, strict=False)}


def line_styles(names: Sequence[str]) -> dict[str, LineStyle]:
    """Return a line style for each name; color and the pair of dashes and marker are each distinct up to 55 names."""
    return {
        name: LineStyle(color, _DASHES[index % len(_DASHES)], _MARKERS[index % len(_MARKERS)])
        for index, (name, color) in enumerate(palette(names).items())
    }


def wrap_label(text: str, width: int = 34) -> str:
    """Wrap `text` to lines of at most `width` characters, escaped so that matplotlib draws it literally."""
    lines = [""]
    for segment in _BREAKS.split(printable(text)):
        for chunk in textwrap.wrap(segment, width, drop_whitespace=False) or [""]:
            if len(lines[-1]) + len(chunk) <= width:
                lines[-1] += chunk
            else:
                lines.append(chunk)
    label = "\n".join(lines).replace("$", r"\$")
    # Matplotlib hides labels with a leading underscore.
    return f" {label}" if label.startswith("_") else label


@contextmanager
def theme(salt: str) -> Iterator[None]:
    """Apply the style of the built-in plots; the same `salt` gives the same identifiers in SVG files."""
    settings = {**sns.axes_style("whitegrid"), **_SETTINGS, "svg.hashsalt": salt}
    with mpl.rc_context(settings):
        yield
