"""Figures of stacked panels with legends beside them and captions below, rendered as PNG and SVG."""

import io
import math
import warnings
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

WIDTH = 9.0
"""Width of a figure in inches."""
_LEGEND_LINE, _LEGEND_GAP = 0.135, 0.06  # inches
_TITLE = 0.6  # inches for the title and axis label of a panel
_DPI = 150
_CAPTION_SIZE = 8  # points
_CAPTION_LINE, _CAPTION_MARGIN = 0.14, 0.1  # inches
_POINTS = 72  # points in an inch


def stacked_panels(legends: Sequence[Sequence[str]], height: float) -> tuple[Figure, list[Axes]]:
    """Create a figure with one panel below the other.

    Args:
        legends: The labels of each panel's legend; every panel is high enough for the longest.
        height: Smallest height of a panel in inches.
    """
    panel_height = max([height, *(legend_height(labels) + _TITLE for labels in legends)])
    figure = Figure(figsize=(WIDTH, panel_height * len(legends)), layout="constrained")
    return figure, list(figure.subplots(len(legends), 1, squeeze=False)[:, 0])


def small_columns(panels: int) -> int:
    """Return how many small panels stand side by side."""
    return 3 if panels <= 3 else 4 if panels <= 8 else 6


def small_panels(block: FigureBase, count: int) -> list[Axes]:
    """Create `count` small panels, row by row, with tick labels only at the left and at the bottom."""
    columns = small_columns(count)
    panels = list(block.subplots(math.ceil(count / columns), columns, squeeze=False).flat)
    for axes in panels[count:]:
        axes.remove()
    for index, axes in enumerate(panels[:count]):
        is_lowest = index + columns >= count
        axes.tick_params(labelsize=7, labelleft=index % columns == 0, labelbottom=is_lowest)
    return panels[:count]


def legend_height(labels: Sequence[str]) -> float:
    """Return the height of a legend in inches."""
    return sum(_LEGEND_GAP + _LEGEND_LINE * (label.count("\n") + 1) for label in labels)


def add_legend(axes: Axes) -> None:
    """Draw a legend of all labelled artists to the right of the panel."""
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), borderaxespad=0.0, handlelength=3.2)


def save_figure(figure: Figure, name: str, *captions: str) -> dict[str, bytes]:
    """Return `plots/<name>.png` and `.svg` by file name, with the non-empty captions wrapped below the panels.

    The figure grows by the height of the captions.
    """
    width, height = figure.get_size_inches()
    text_width = width - 2 * _CAPTION_MARGIN
    lines = [line for caption in captions if caption for line in wrap_caption(caption, text_width)]
    if lines:
        figure.set_size_inches(width, height + _CAPTION_LINE * len(lines) + _CAPTION_MARGIN)
        figure.supxlabel(
            "\n".join(lines), x=_CAPTION_MARGIN / width, ha="left", fontsize=_CAPTION_SIZE, color="#555555",
            parse_math=False,
        )  # fmt: skip
    return {f"plots/{name}.{suffix}": content for suffix, content in render_images(figure).items()}


def render_images(figure: Figure) -> dict[str, bytes]:
    """Render the figure as "png" and "svg", by suffix; the files contain no date, so equal figures are equal bytes."""
    images: dict[str, bytes] = {}
    formats: dict[str, dict[str, Any]] = {"png": {"dpi": _DPI}, "svg": {"metadata": {"Date": None}}}
    with warnings.catch_warnings():
        # A character that the font lacks is drawn as a box; the tables contain the full name.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        for suffix, options in formats.items():
            buffer = io.BytesIO()
            figure.savefig(buffer, format=suffix, **options)
            images[suffix] = buffer.getvalue()
            figure.set_layout_engine("none")  # keeps the positions, so both files have the same layout
    return images


def wrap_caption(text: str, width: float) -> list[str]:
    """Break `text` into lines of at most `width` inches at the font size of captions; longer words stay whole.

    matplotlib's own wrapping would break PNG and SVG at different words.
    """
    lines: list[str] = []
    remaining = -math.inf
    for token in text.split(" "):
        remaining -= _text_length(" ") + _text_length(token)
        if remaining < 0:
            lines.append(token)
            remaining = width * _POINTS - _text_length(token)
        else:
            lines[-1] += f" {token}"
    return lines


def _text_length(text: str) -> float:
    """Return the length of `text` in points, without hinting."""
    font = FontProperties(size=_CAPTION_SIZE)
    return float(text_to_path.get_text_width_height_descent(text, font, ismath=False)[0])
