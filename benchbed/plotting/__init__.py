"""Drawing tools for plugins: the palette, theme, axes and file formats of the built-in plots."""

from benchbed.plotting.axes import call_axis, label_powers
from benchbed.plotting.figure import add_legend, render_images, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import GREY, Color, LineStyle, line_styles, palette, theme, wrap_label

__all__ = [
    "GREY",
    "Color",
    "LineStyle",
    "add_legend",
    "call_axis",
    "draw_lines",
    "label_powers",
    "line_styles",
    "palette",
    "render_images",
    "save_figure",
    "stacked_panels",
    "theme",
    "wrap_label",
]
