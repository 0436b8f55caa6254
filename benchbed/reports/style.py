"""Give every optimizer one look in all figures: a colour of its own, and a line that print can tell apart."""

import colorsys
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import matplotlib as mpl
from matplotlib.colors import to_rgb

from benchbed.reports.formatting import printable

Color = tuple[float, float, float]
Dashes = tuple[int, tuple[float, ...]]

GREY = (0.35, 0.35, 0.35)
_COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8B5A2B", "#949494", "#4B2E83", "#D9CC2E",
)  # fmt: skip
"""Most are those of M. Okabe and K. Ito (2008), Color Universal Design, which colour-blind people tell apart."""
_GROUND = {
    "axes.axisbelow": True,
    "axes.edgecolor": "0.8",
    "axes.grid": True,
    "axes.labelcolor": "0.15",
    "grid.color": "0.85",
    "lines.solid_capstyle": "round",
    "text.color": "0.15",
    "text.hinting": "no_hinting",  # else letters stand on whole pixels, unevenly, and not where the SVG has them
    "xtick.color": "0.15",
    "ytick.color": "0.15",
    "xtick.major.size": 0.0,
    "ytick.major.size": 0.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
}
"""White, with a pale grid that ends at the frame, and even letters."""
_BREAKS = re.compile(r"(?<=[,:_ -])|(?=\[)")  # where a selector may go on in the next line
_DASHES: tuple[Dashes, ...] = (
    (0, ()),
    (0, (5, 1.5)),
    (0, (1.5, 1.2)),
    (0, (7, 1.5, 1.5, 1.5)),
    (0, (4, 1.2, 1.2, 1.2, 1.2, 1.2)),
)
_MARKERS = ("o", "s", "^", "D", "v", "P", "<", ">", "p", "h", "d")  # eleven shapes × five dashes: 55 pairs


class Look(NamedTuple):
    """How one optimizer is drawn."""

    color: Color
    dashes: Dashes
    marker: str


def palette(optimizers: Sequence[str]) -> dict[str, Color]:
    """Give each optimizer a colour that no other has: ten for colour-blind people, or even hues."""
    if len(optimizers) <= len(_COLORS):
        return {name: to_rgb(color) for name, color in zip(optimizers, _COLORS, strict=False)}
    count = len(optimizers)
    return {name: colorsys.hsv_to_rgb(place / count, 0.8, 0.85) for place, name in enumerate(optimizers)}


def looks(optimizers: Sequence[str]) -> dict[str, Look]:
    """Give each optimizer its colour, dashes and marker, in the order of the plan."""
    return {
        name: Look(color, _DASHES[i % len(_DASHES)], _MARKERS[i % len(_MARKERS)])
        for i, (name, color) in enumerate(palette(optimizers).items())
    }


def caption(text: str, width: int = 34) -> str:
    """Give free text as a figure can show it: wrapped, never read as a formula, never hidden."""
    lines = [""]
    for part in _BREAKS.split(printable(text)):
        for piece in textwrap.wrap(part, width, drop_whitespace=False) or [""]:
            fits = len(lines[-1]) + len(piece) <= width
            lines = [*lines[:-1], lines[-1] + piece] if fits else [*lines, piece]
    shown = "\n".join(lines).replace("$", r"\$")
    return f" {shown}" if shown.startswith("_") else shown  # matplotlib leaves such names out of legends


@contextmanager
def theme(salt: str) -> Iterator[None]:
    """Draw in one style, with a font that matplotlib ships; the same bytes for the same `salt`."""
    settings: dict[Any, Any] = {
        **_GROUND,
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.labelsize": 9,
        "legend.fontsize": 8,
        "legend.frameon": False,
        "grid.linewidth": 0.5,
        "svg.hashsalt": salt,
    }
    with mpl.rc_context(settings):
        yield
