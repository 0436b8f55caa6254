"""Draw a matrix as coloured cells with a text in each."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, QuadMesh
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.transforms import Affine2D

_POINTS = 72  # in an inch
_SIZE = 8  # points
_DIGIT = 0.73 * _SIZE  # height of a digit in matplotlib's own font
_DARK = 0.45  # luminance (0 black, 1 white) of a ground below which a text on it is white
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue: Rec. ITU-R BT.709


Writing = tuple[str, bool, str]
"""A text, whether it is bold, and its ink."""


class Cell(NamedTuple):
    """What one cell shows."""

    value: float
    """Between 0 and 1, or NaN for a cell that is left open."""
    text: str
    is_bold: bool = False


def draw_cells(axes: Axes, cells: Sequence[Sequence[Cell]], colors: str) -> QuadMesh:
    """Draw rows of cells from the top down, coloured by matplotlib's map of that name; no ticks, no grid."""
    values = np.array([[cell.value for cell in row] for row in cells])
    mesh = axes.pcolormesh(np.ma.masked_invalid(values), cmap=colors, vmin=0, vmax=1, edgecolor="white", lw=1)
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.tick_params(length=0)
    luminance = mpl.colormaps[colors](values)[..., :3] @ _LUMINANCE
    is_dark = ~np.isnan(values) & (luminance < _DARK)
    centres: dict[Writing, list[tuple[float, float]]] = defaultdict(list)
    for (y, x), dark in np.ndenumerate(is_dark):
        cell = cells[y][x]
        centres[cell.text, cell.is_bold, "white" if dark else "black"].append((x + 0.5, y + 0.5))
    for writing, places in centres.items():
        _write(axes, *writing, places)
    return mesh


def _write(axes: Axes, text: str, is_bold: bool, ink: str, places: Sequence[tuple[float, float]]) -> None:
    """Write one text in the middle of many cells, as outlines: a text object for each would take half a second."""
    if not text:
        return
    outlines = PathCollection(
        [_outline(text, is_bold)],
        facecolor=ink,
        linewidth=0,
        label=text,
        offsets=places,
        offset_transform=axes.transData,
    )
    outlines.set_transform(Affine2D().scale(1 / _POINTS) + axes.figure.dpi_scale_trans)
    outlines.set_in_layout(False)  # within their cells
    axes.add_collection(outlines, autolim=False)


def _outline(text: str, is_bold: bool) -> Path:
    """Outline a line of text in points; its origin is the middle of its width and of a digit's height."""
    font = FontProperties(weight="bold" if is_bold else "normal")
    path = TextPath((0, 0), text, size=_SIZE, prop=font)
    # Of the points that define the curves: `get_extents`, which follows the curves, takes ten times all the rest.
    left, right = path.vertices[:, 0].min(), path.vertices[:, 0].max()
    return path.transformed(Affine2D().translate(-(left + right) / 2, -_DIGIT / 2))
