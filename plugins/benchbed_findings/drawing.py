"""Figures of findings: measured values beside formulas and published values, in the style of the other plots."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from benchbed.plotting import (
    GREY,
    LineStyle,
    add_legend,
    label_powers,
    line_styles,
    render_images,
    stacked_panels,
    theme,
    wrap_label,
)
from benchbed_findings.record import Panel, Series

HEIGHT = 2.5
"""Height of a panel in inches."""
MARKER_DISTANCE = 0.06
"""Distance between the markers of a curve, as a share of the panel's diagonal."""
FEW = 13
"""Up to so many points, each has a marker and an error bar."""
LABEL_WIDTH = 30


def draw(part: str, panels: Sequence[Panel]) -> dict[str, bytes]:
    """Draw the panels of a part one below the other; return the figure as "png" and "svg", by suffix."""
    with theme(f"findings-{part}"):
        labels = [
            [
                *(wrap_label(series.label, LABEL_WIDTH) for series in panel.series),
                panel.reference,
                *panel.bounds,
            ]
            for panel in panels
        ]
        figure, all_axes = stacked_panels(labels, HEIGHT)
        for axes, panel in zip(all_axes, panels, strict=True):
            _draw_panel(axes, panel)
        return render_images(figure)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    styles = line_styles([series.label for series in panel.series])
    for index, series in enumerate(panel.series):
        _draw_series(axes, series, styles[series.label], index)
    if any(series.reference for series in panel.series):
        axes.plot([], [], color=GREY, linewidth=1.0, label=f"lines: {panel.reference}")
    for (label, value), dashes in zip(panel.bounds.items(), ((2, 2), (6, 2)), strict=False):
        axes.axhline(value, color=GREY, linewidth=0.9, linestyle=(0, dashes), label=label)
    axes.set(title=panel.title, xlabel=panel.x_label, ylabel=panel.y_label)
    if panel.log_x:
        axes.set_xscale("log")
        _label_logarithms(axes.xaxis, *axes.get_xlim())
        if all(len(series.x) <= FEW for series in panel.series):
            ticks = sorted({value for series in panel.series for value in series.x})
            axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
    if panel.log_y:
        axes.set_yscale("log")
        _label_logarithms(axes.yaxis, *axes.get_ylim())
    add_legend(axes)


def _draw_series(axes: Axes, series: Series, style: LineStyle, index: int) -> None:
    """Draw measured values as markers on the line of their reference, or joined by a line without one."""
    are_few, has_names = len(series.x) <= FEW, isinstance(series.x[0], str)
    if series.reference:
        look = {"linestyle": "", "marker": "_", "markersize": 26} if has_names else {"linewidth": 1.0}
        axes.plot(*series.reference, color=style.color, **look)
    if series.interval and are_few:
        low, high = series.interval
        axes.vlines(series.x, low, high, color=style.color, linewidth=1.0)
    elif series.interval:
        axes.fill_between(series.x, *series.interval, color=style.color, alpha=0.2, linewidth=0)
    axes.plot(
        series.x,
        series.y,
        color=style.color,
        linestyle="" if series.reference or has_names else style.dashes,
        linewidth=1.3,
        marker=style.marker,
        markersize=max(4.0, 7.0 - index),  # equal values are rings around each other
        markeredgecolor="white",
        markeredgewidth=0.4,
        markevery=None if are_few else (0.01 * index, MARKER_DISTANCE),
        label=wrap_label(series.label, LABEL_WIDTH),
    )


def _label_logarithms(axis: Axis, low: float, high: float) -> None:
    """Label powers of ten, or 1, 2 and 5 times them on a short axis."""
    if high / low >= 100:
        label_powers(axis)
        return
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
