"""Draw a matrix as coloured cells with a text in each."""

from collections.abc import Sequence
from typing import NamedTuple

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh

_SIZE = 8  # points
_DARK = 0.45  # luminance (0 black, 1 white) of a ground below which a text on it is white
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of red, green and blue: Rec. ITU-R BT.709


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
    for (y, x), dark in np.ndenumerate(is_dark):
        _write(axes, x, y, cells[y][x], "white" if dark else "black")
    return mesh


def _write(axes: Axes, x: int, y: int, cell: Cell, ink: str) -> None:
    text = axes.text(
        x + 0.5, y + 0.5, cell.text, ha="center", va="center", color=ink, fontsize=_SIZE,
        weight="bold" if cell.is_bold else "normal",
    )  # fmt: skip
    text.set_in_layout(False)  # within its cell: measuring hundreds takes a quarter of a second
