"""Lines that follow the steps of a trial: an SVG file in which a page can draw them up to a step.

A line takes part if its `gid` is `PATH` or `CURVE`. Its group in the file then has the attribute `data-steps`, its path
one token for each vertex, and, if it has markers, one `use` element for each; the file has `data-readings`, with texts
that the page shows for a step. The page needs nothing else.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchbed.plotting import render_images
from benchbed_course.inline_svg import SVG, text_of

PATH = "step-path"
"""A line whose n-th vertex, counted from 0, is the point after n steps; its `data-steps` is empty."""
CURVE = "step-curve"
"""A line whose horizontal coordinate is the step; its `data-steps` lists the steps."""

_FAR = 1e4
"""Largest coordinate in the file, in points; a trial that diverges leaves the panel long before."""
_POINTS = 72  # points in an inch, the unit of SVG files of matplotlib


def render_step_lines(figure: Figure, readings: Mapping[str, Sequence[str]]) -> dict[str, bytes]:
    """Render the figure as "png" and "svg", by suffix, with the vertices of lines that follow steps.

    Args:
        figure: The figure; the gids of these lines become unique.
        readings: Texts by step under their names, which the page shows for its step.
    """
    kinds = {line: line.get_gid() for line in figure.findobj(Line2D) if line.get_gid() in {PATH, CURVE}}
    for number, (line, kind) in enumerate(kinds.items()):
        line.set_gid(f"{kind}-{number}")
    files = render_images(figure)
    points_by_line = {line: vertices_of(line) for line in kinds}
    visible = {
        line: points for line, points in points_by_line.items() if np.isfinite(points).all() and points.size
    }
    if not visible:
        return files
    root = ElementTree.fromstring(files["svg"])
    groups = {group.get("id"): group for group in root.iter(f"{SVG}g")}
    for line, points in visible.items():
        group = groups[line.get_gid()]
        _write_vertices(group, points, is_stepped=_is_stepped(line))
        steps = np.asarray(line.get_xdata(), dtype=float) if kinds[line] == CURVE else ()
        group.set("data-steps", " ".join(f"{step:.0f}" for step in steps))
    root.set("data-readings", json.dumps(readings, ensure_ascii=False))
    return {**files, "svg": text_of(root).encode()}


def vertices_of(line: Line2D) -> np.ndarray:
    """Return the vertices of a line in the coordinates of the SVG file, `[vertices, 2]`, y downwards.

    A vertex that is not finite repeats the one before it, or the first finite one; all are NaN if none is finite. A far
    vertex moves towards the one before it, so that the segment keeps its direction; on stepped lines each coordinate
    has a segment of its own, and is limited by itself.
    """
    figure: Any = line.get_figure(root=True)
    points = line.get_transform().transform(line.get_xydata()) * _POINTS / figure.get_dpi()
    points[:, 1] = _POINTS * figure.get_figheight() - points[:, 1]
    points[~np.isfinite(points).all(axis=1)] = np.nan
    points = pd.DataFrame(points).ffill().bfill().to_numpy(copy=True)
    first = len(points) if _is_stepped(line) else 1
    points[:first] = points[:first].clip(-_FAR, _FAR)
    is_far = abs(points) > _FAR
    for index in np.flatnonzero(is_far.any(axis=1)):
        move, allowed = points[index] - points[index - 1], points[index].clip(-_FAR, _FAR) - points[index - 1]
        points[index] = points[index - 1] + move * (allowed[is_far[index]] / move[is_far[index]]).min()
    return np.asarray(points)


def _is_stepped(line: Line2D) -> bool:
    return line.get_drawstyle() == "steps-post"


def _write_vertices(group: ElementTree.Element, points: np.ndarray, is_stepped: bool) -> None:
    """Replace the path and the markers in the group of a line, from which matplotlib left out invisible ones."""
    texts = [(f"{x:.1f}", f"{y:.1f}") for x, y in points]
    path, markers = group.find(f"{SVG}path"), group.find(f"{SVG}g")
    if path is not None:
        vertex = "H{}V{}" if is_stepped else "L{},{}"
        path.set(
            "d",
            " ".join(vertex.format(*text) if n else "M{},{}".format(*text) for n, text in enumerate(texts)),
        )
    template = markers.find(f"{SVG}use") if markers is not None else None
    if markers is not None and template is not None:
        markers[:] = [
            ElementTree.Element(template.tag, {**template.attrib, "x": x, "y": y}) for x, y in texts
        ]
