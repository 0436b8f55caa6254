"""Panels of the plots for a notebook: their lines, axes and titles."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from benchbed.errors import UsageError
from benchbed.interfaces import Results
from benchbed.plotting.axes import GapAxis, value_scale
from benchbed.plotting.style import LineStyle, wrap_label
from benchbed.tuning.outcomes import lower_median

Styles = Mapping[str, LineStyle]
"""Line style of each optimizer of the study, so that a selection of them does not change its look."""
Arguments = Mapping[str, Any]
"""Arguments for seaborn."""

SIZE = {"height": 2.8, "aspect": 1.7}
"""Default size of a panel: height in inches, and width as a multiple of it."""
_FACETS = ("row", "col")
_SEMANTICS = (*_FACETS, "hue", "style", "size", "units")


def draw_lines(frame: pd.DataFrame, styles: Styles, options: Arguments, missing: str) -> sns.FacetGrid:
    """Draw a line for each optimizer in each panel; the axes are set afterwards."""
    check_panels(frame, options, missing)
    options = {"hue": "optimizer", "style": "optimizer", "estimator": lower_median, **SIZE, **options}
    shared = {"sharex": False, "sharey": False if options.get("col") == "problem" else "row"}
    options["facet_kws"] = shared | options.get("facet_kws", {})
    return sns.relplot(with_labels(frame), kind="line", **with_look(options, styles))


def with_look(options: Arguments, styles: Styles) -> dict[str, Any]:
    """Add the colors, dashes and markers of the optimizers, where these distinguish optimizers."""
    by_label = {wrap_label(name): style for name, style in styles.items()}
    look: dict[str, Any] = {}
    if options.get("hue") == "optimizer":
        look["palette"] = {label: style.color for label, style in by_label.items()}
    if options.get("style") == "optimizer":
        look["dashes"] = {label: style.dashes[1] or "" for label, style in by_label.items()}
        look["markers"] = {label: style.marker for label, style in by_label.items()}
    return {**look, **options}


def with_labels(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with the optimizers as they are written in a legend."""
    labels = {name: wrap_label(name) for name in frame["optimizer"].unique()}
    return frame.assign(optimizer=frame["optimizer"].map(labels))


def with_values(
    frame: pd.DataFrame, results: Results, keys: list[str]
) -> tuple[pd.DataFrame, dict[str, GapAxis]]:
    """Add the column value, which is the gap or objective on the axis of its problem, and return these axes.

    Values of lost trials, +inf, lie in a strip above the axis, at a height for each optimizer. NaN is left out. An axis
    contains the lower quartiles and medians of the rows with the same `keys`.
    """
    frame, axes = frame.assign(value=np.nan), {}
    for problem, rows in frame.groupby("problem", sort=False):
        facts = results.problems[str(problem)]
        values = rows["gap" if facts.has_optimum else "objective"]
        groups = values.groupby([rows[key] for key in keys])
        quartiles = groups.quantile(np.array([0.25, 0.5]), interpolation="lower").to_numpy()
        scale, count = value_scale(quartiles, facts), len(results.optimizers)
        heights = {name: scale.lane(index, count) for index, name in enumerate(results.optimizers)}
        in_strip = rows["optimizer"].map(heights).to_numpy()
        frame.loc[rows.index, "value"] = scale.clip(values, infinite=in_strip)
        axes[str(problem)] = GapAxis(scale, facts, bool(np.isinf(quartiles).any()))
    return frame, axes


def columns(frame: pd.DataFrame) -> int:
    """Return the number of columns of a grid with a panel for each problem."""
    return min(3, max(1, frame["problem"].nunique()))


def check_panels(frame: pd.DataFrame, options: Arguments, missing: str) -> None:
    """Raise UsageError if there are no rows, or if panels or lines would mix rows that are not comparable.

    `missing` are the rows that a study without a row lacks.
    """
    if frame.empty:
        raise UsageError(f"nothing to draw: the study, or the selected part of it, has no {missing}")
    for column, semantics in (("problem", _FACETS), ("metric", _FACETS), ("track", _SEMANTICS)):
        count = frame[column].nunique() if column in frame else 0
        if count > 1 and column not in [options.get(semantic) for semantic in semantics]:
            remedy = "" if column == "metric" else f" or select one by {column}=…"
            raise UsageError(f"a panel would mix {count} {column}s; pass row={column!r}{remedy}")


def panels(
    grid: sns.FacetGrid, frame: pd.DataFrame, options: Arguments
) -> Iterator[tuple[Axes, pd.DataFrame]]:
    """Set the title of each panel, and yield it with its rows of the frame."""
    facets = [options[name] for name in _FACETS if options.get(name) is not None]
    if not facets:
        yield grid.axes.flat[0], frame
    for key, axes in grid.axes_dict.items():
        values = dict(zip(facets, key if len(facets) > 1 else [key], strict=True))
        rows = frame[(frame[facets] == pd.Series(values)).all(axis=1)]
        titles = [f"{value} track" if name == "track" else str(value) for name, value in values.items()]
        axes.set_title(wrap_label(", ".join(titles), 50))
        if len(rows):
            yield axes, rows


def with_outer_labels(grid: sns.FacetGrid) -> sns.FacetGrid:
    """Remove the labels of inner axes, and arrange the panels."""
    panels = list(grid.axes.flat)
    for index, axes in enumerate(panels):
        place = axes.get_subplotspec()
        columns = place.get_gridspec().ncols
        if not place.is_first_col():
            axes.set_ylabel("")
        if index + columns < len(panels):
            axes.set_xlabel("")
    grid.tight_layout()
    return grid
