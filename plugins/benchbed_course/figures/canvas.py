"""Share what the figures of the course have in common: the canvas, and the looks of the optimizers."""

import io
from collections.abc import Callable, Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from benchbed.interfaces import Picture
from benchbed.plotting import Color, LineStyle, line_styles, render_images

LOOKS: dict[str, LineStyle] = line_styles(("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"))
"""The same colour for an optimizer in every figure."""
TRUTH: Color = (0.13, 0.13, 0.13)
"""What is known beforehand: theory, targets, minimizers."""
LOST: Color = (0.70, 0.15, 0.12)
"""What diverged."""


def canvas(
    columns: int = 1, rows: int = 1, width: float = 9.0, height: float = 3.8
) -> tuple[Figure, list[Axes]]:
    """Give a figure `width` inches wide with rows of panels, each `height` inches high, and the panels, row by row."""
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def legend_below(figure: Figure, *panels: Axes) -> None:
    """Put the legend of some panels below all of them, in one line, where it covers nothing."""
    parts = [list(zip(*axes.get_legend_handles_labels(), strict=True)) for axes in panels]
    handles, labels = zip(*(entry for part in parts for entry in part), strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))


def share_heights(panels: list[Axes]) -> None:
    """Give the panels of a row the range of values that holds the curves of all, once these are drawn."""
    lows, highs = zip(*(axes.get_ylim() for axes in panels), strict=True)
    for axes in panels:
        axes.set_ylim(min(lows), max(highs))


def picture(figure: Figure, *sentences: str, gif: bytes | None = None) -> Picture:
    """Give the figure as PNG and SVG (and a GIF made before), with a caption made of sentences."""
    files = render_images(figure)
    return Picture(files if gif is None else {**files, "gif": gif}, " ".join(sentences))


def animation(
    figure: Figure, show: Callable[[int], None], frames: Iterable[int], seconds: float = 0.08
) -> bytes:
    """Give a GIF that stays at its end for a while: `show(frame)` changes the figure for each of the `frames`."""
    pictures, agg = [], FigureCanvasAgg(figure)
    figure.set_dpi(90)
    for frame in frames:
        show(frame)
        # Once: saving a PNG would draw each frame twice.
        agg.draw()  # type: ignore[no-untyped-call]  # matplotlib has no types for this canvas
        pixels = np.asarray(agg.buffer_rgba())  # type: ignore[no-untyped-call]  # likewise
        shown = Image.fromarray(pixels).convert("RGB")
        pictures.append(shown.convert("P", palette=Image.Palette.ADAPTIVE))
    durations = [round(1000 * seconds)] * (len(pictures) - 1) + [2000]  # milliseconds
    gif = io.BytesIO()
    pictures[0].save(gif, "GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)
    return gif.getvalue()
