"""Lay out a figure in stacked panels with legends beside them, and turn it into PNG and SVG."""

import functools
import io
import math
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

WIDTH = 9.0  # inches: fits a page
_LINE, _GAP = 0.135, 0.06  # inches that a line of a legend takes, and the room between two entries
_TITLE = 0.6  # inches for title and axis label of a panel
_DPI = 150
_COMPRESSION = 3  # of 9: half the time of the usual 6, and files a fiftieth larger
_NOTE_SIZE = 8  # points
_NOTE_LINE, _NOTE_MARGIN = 0.14, 0.1  # inches that a line of the notes takes, and the room around them
_POINTS = 72  # in an inch

Entry = tuple[Artist, str]


def stack(legends: Sequence[Sequence[str]], height: float, width: float = WIDTH) -> tuple[Figure, list[Axes]]:
    """Give one panel below the other, each at least `height` inches and as high as the longest legend."""
    panel = max([height, *(_height(labels) + _TITLE for labels in legends)])
    figure = Figure(figsize=(width, panel * len(legends)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(legends), 1, squeeze=False)
    return figure, [row[0] for row in axes]


def add_legend(axes: Axes, entries: Sequence[Entry]) -> None:
    """Put the legend to the right of the panel, where it covers nothing."""
    axes.legend(
        [handle for handle, _ in entries],
        [label for _, label in entries],
        loc="upper left",
        bbox_to_anchor=(1.01, 1.0),
        borderaxespad=0.0,
        handlelength=3.2,
    )


def save(figure: Figure, name: str, *notes: str) -> dict[str, bytes]:
    """Give `plots/<name>.png` and `.svg`, without dates, so that the same results give the same bytes.

    The `notes` that say something stand below everything, wrapped to the width of the figure, which grows for them.
    """
    _write_below(figure, [note for note in notes if note])
    return {f"plots/{name}.{kind}": content for kind, content in images(figure).items()}


def images(figure: Figure) -> dict[str, bytes]:
    """Give the figure as "png" and "svg", by suffix."""
    with warnings.catch_warnings():
        # A character that the font lacks is drawn as a box; the tables have the name in full.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        return _printed(figure)


def wrapped(text: str, width: float) -> list[str]:
    """Give `text` in lines that are at most `width` inches long at the size of a note, but for a longer word.

    Measured without hinting, in which PNG and SVG would differ: matplotlib's own `wrap` breaks each file elsewhere.
    """
    lines, room = [], -math.inf
    for word in text.split(" "):
        room -= _length(" ") + _length(word)
        if room < 0:
            lines.append(word)
            room = width * _POINTS - _length(word)
        else:
            lines[-1] += f" {word}"
    return lines


@functools.lru_cache(maxsize=10_000)
def _length(text: str) -> float:
    """Give the length of a part of a note in points; those of the parts of a line add up to its own."""
    font = FontProperties(size=_NOTE_SIZE)
    length: float = text_to_path.get_text_width_height_descent(text, font, ismath=False)[0]
    return length


def _write_below(figure: Figure, notes: Sequence[str]) -> None:
    width, height = figure.get_size_inches()
    lines = [
        line
        for note in notes
        for part in note.split("\n")
        for line in wrapped(part, width - 2 * _NOTE_MARGIN)
    ]
    if not lines:
        return
    figure.set_size_inches(width, height + _NOTE_LINE * len(lines) + _NOTE_MARGIN)
    figure.supxlabel(
        "\n".join(lines), x=_NOTE_MARGIN / width, ha="left", fontsize=_NOTE_SIZE, color="#555555",
        parse_math=False,
    )  # fmt: skip


def _height(labels: Sequence[str]) -> float:
    return sum(_GAP + _LINE * (label.count("\n") + 1) for label in labels)


def _printed(figure: Figure) -> dict[str, bytes]:
    """Give the figure as PNG and as SVG, each drawn once: `savefig` would draw it once more to lay it out."""
    figure.set_dpi(_DPI)
    png, svg = io.BytesIO(), io.BytesIO()
    agg: Any = FigureCanvasAgg(figure)  # matplotlib gives these methods no types
    agg.print_png(png, pil_kwargs={"compress_level": _COMPRESSION})
    figure.set_layout_engine("none")  # the second file keeps the positions found for the first
    vector: Any = FigureCanvasSVG(figure)
    vector.print_svg(svg, metadata={"Date": None})
    return {"png": png.getvalue(), "svg": svg.getvalue()}
