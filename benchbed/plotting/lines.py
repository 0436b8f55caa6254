"""Lines of several optimizers in one panel, each in its own style."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from benchbed.plotting.style import LineStyle


def draw_lines(
    axes: Axes,
    data: pd.DataFrame,
    x: str,
    y: str,
    styles: Mapping[str, LineStyle],
    marker_distance: float | None = None,
    clip_on: bool = True,
    **options: Any,
) -> None:
    """Draw a line for each value of the column `label`, in the order of `styles`.

    Rows in which `y` is NaN are left out. Call `add_legend` when the panel is complete.

    Args:
        axes: The panel; its axis labels are kept.
        data: Columns `x`, `y` and `label`, each line sorted by `x`.
        x: Name of the column of the horizontal axis.
        y: Name of the column of the vertical axis.
        styles: A line style for each label.
        marker_distance: Distance between two markers as a share of the panel's diagonal; None draws one at each point.
        clip_on: Whether lines and markers end at the frame.
        **options: Passed on to `seaborn.lineplot`.
    """
    labels = axes.get_xlabel(), axes.get_ylabel()
    previous = len(axes.lines)
    sns.lineplot(
        data.reset_index(drop=True), x=x, y=y, hue="label", hue_order=list(styles),
        style="label", style_order=list(styles),
        palette={label: style.color for label, style in styles.items()},
        dashes={label: style.dashes[1] or "" for label, style in styles.items()},
        markers={label: style.marker for label, style in styles.items()},
        estimator=None, errorbar=None, sort=False, ax=axes,
        **{"linewidth": 1.3, "markersize": 4.5, "markeredgewidth": 0.4, **options},
    )  # fmt: skip
    if axes.legend_ is not None:
        axes.legend_.remove()  # `add_legend` includes the artists that are drawn later
    axes.set(xlabel=labels[0], ylabel=labels[1])
    for index, line in enumerate(axes.lines[previous:]):
        if len(line.get_path()):  # the entries of the legend are lines without points
            line.set_clip_on(clip_on)
            line.set_markevery((0.012 * (index % 9), marker_distance) if marker_distance else None)
