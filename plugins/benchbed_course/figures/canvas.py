"""Canvases, colours, captions and animations that the figures of the course share."""

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from PIL import Image

from benchbed.interfaces import Picture
from benchbed.plotting import Color, LineStyle, line_styles
from benchbed_course.figures.step_lines import render_step_lines

LOOKS: dict[str, LineStyle] = line_styles(("gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"))
"""The same colour, dashes and marker for an optimizer in every figure."""
TRUTH: Color = (0.13, 0.13, 0.13)
"""Colour of facts that do not depend on the trials: theory, targets, minimizers."""
LOST: Color = (0.70, 0.15, 0.12)
"""Colour of trials that diverged."""
OTHERS: Color = (0.47, 0.49, 0.52)
"""Colour of seeds drawn behind one that is emphasized; its contrast on white is 4.4 : 1."""

NO_BREAK = "\N{NO-BREAK SPACE}"
_LEGEND_COLUMNS = 7
_LEGEND_HANDLE, _LEGEND_CHARACTER = 0.55, 0.07
"""Inches of a column of a legend: its handle with the gaps, and each character of its longest label."""
_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
_POWER_OF_TEN = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)e([+-])0*(\d+)(?!\w)")
_NEGATIVE = re.compile(r"(?<![\w.)\]])-(?=\d)")


def canvas(
    columns: int = 1, rows: int = 1, width: float = 9.0, height: float = 3.8
) -> tuple[Figure, list[Axes]]:
    """Build a figure `width` inches wide with rows of panels, each `height` inches high; return it and the panels."""
    figure = Figure(figsize=(width, height * rows), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, list(figure.subplots(rows, columns, squeeze=False).flat)


def legend_below(figure: Figure, *panels: Axes) -> None:
    """Draw one legend of several panels below all panels; a label that panels share appears once.

    Its columns are as many as fit the width of the figure.
    """
    entries = {
        label: handle
        for axes in panels
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)
    }
    longest = max(len(line) for label in entries for line in label.split("\n"))
    fitting = max(1, int(figure.get_figwidth() / (_LEGEND_HANDLE + _LEGEND_CHARACTER * longest)))
    rows = math.ceil(len(entries) / min(_LEGEND_COLUMNS, fitting))
    figure.legend(
        entries.values(), entries.keys(), loc="outside lower center", ncols=math.ceil(len(entries) / rows)
    )


def share_heights(panels: list[Axes]) -> None:
    """Set the same vertical limits for several panels, once their curves are drawn."""
    lows, highs = zip(*(axes.get_ylim() for axes in panels), strict=True)
    for axes in panels:
        axes.set_ylim(min(lows), max(highs))


def typeset(text: str) -> str:
    """Write `-3` as −3 and `2e-04` as 2 × 10⁻⁴; lines of code, indented by four spaces, stay as they are."""

    def power(match: re.Match[str]) -> str:
        mantissa, sign, digits = match.groups()
        exponent = f"{'⁻' if sign == '-' else ''}{digits.translate(_SUPERSCRIPTS)}"
        return f"10{exponent}" if mantissa == "1" else f"{mantissa}{NO_BREAK}×{NO_BREAK}10{exponent}"

    lines = text.split("\n")
    return "\n".join(
        line if line.startswith("    ") else _NEGATIVE.sub("−", _POWER_OF_TEN.sub(power, line))
        for line in lines
    )


def picture(
    figure: Figure,
    *sentences: str,
    gif: bytes | None = None,
    losses: Mapping[str, np.ndarray] | None = None,
) -> Picture:
    """Render the figure as PNG and SVG, add an animation if there is one, and join the sentences of the caption.

    Args:
        figure: The figure; see `step_lines` for lines that a page can draw up to a step.
        *sentences: Sentences of the caption.
        gif: An animation.
        losses: Losses by step, `[steps + 1]`, that the page shows for its step, by their names.
    """
    for text in figure.findobj(Text):
        text.set_text(typeset(text.get_text()))
    readings = {
        typeset(name): [typeset(f"{loss:#.3g}".rstrip(".")) for loss in values]
        for name, values in (losses or {}).items()
    }
    files = render_step_lines(figure, readings)
    return Picture(files if gif is None else {**files, "gif": gif}, typeset(" ".join(sentences)))


def animation(
    figure: Figure, show: Callable[[int], None], frames: Sequence[int], seconds: float = 0.08
) -> bytes:
    """Render a GIF that pauses at its end: `show(frame)` changes lines and titles for each of the `frames`.

    All else is drawn once, with the layout of the last frame. All frames share one palette: a colour must not change
    from frame to frame, and a palette for each frame makes the file several times larger.
    """
    images = []
    agg = FigureCanvasAgg(figure)
    figure.set_dpi(90)
    show(frames[-1])
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    lines = sorted((line for axes in figure.axes for line in axes.lines), key=Line2D.get_zorder)
    moving = [*lines, *(axes.set_title("") for axes in figure.axes)]
    for artist in moving:
        artist.set_animated(True)
    agg.draw()  # type: ignore[no-untyped-call]  # matplotlib has no types for this canvas
    still = agg.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]  # likewise
    for frame in frames:
        show(frame)
        agg.restore_region(still)  # type: ignore[no-untyped-call]  # likewise
        for artist in moving:
            figure.draw_artist(artist)
        pixels = np.asarray(agg.buffer_rgba())  # type: ignore[no-untyped-call]  # likewise
        images.append(Image.fromarray(pixels).convert("RGB"))
    palette = images[-1].quantize(256, Image.Quantize.FASTOCTREE)  # the last frame has every colour
    quantized = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    durations = [round(1000 * seconds)] * (len(images) - 1) + [2000]  # milliseconds
    gif = io.BytesIO()
    quantized[0].save(gif, "GIF", save_all=True, append_images=quantized[1:], duration=durations, loop=0)
    return gif.getvalue()
