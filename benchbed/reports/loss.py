"""Draw the gap of every optimizer against the calls it took, per problem, one panel a track."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from benchbed.analysis.results import ProblemFacts, Results
from benchbed.reports.axes import Scale, call_axis, value_axis, value_scale
from benchbed.reports.figure import Entry, add_legend, save, stack
from benchbed.reports.statistics import Band, band, checkpoints_of, curves_of, endings
from benchbed.reports.style import GREY, Look, caption, looks, theme
from benchbed.reports.text import short, slugs

_HEIGHT = 3.4


class Drawn(NamedTuple):
    """One line of a panel."""

    band: Band
    look: Look
    label: str


class Place(NamedTuple):
    """What keeps a line from hiding the others of its panel."""

    ceiling: float
    first_marker: float
    alpha: float


def pieces(results: Results) -> list[str]:
    """Name the problems that any trial was planned for."""
    planned = set(results.outcomes["problem"])
    return [problem for problem in results.problems if problem in planned]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/loss-<problem>.png` and `.svg`."""
    name = f"loss-{slugs(results.problems)[piece]}"
    facts = results.problems[piece]
    panels = {track: _lines(results, piece, track) for track in results.tracks}
    panels = {track: lines for track, lines in panels.items() if lines}
    with theme(name):
        figure, axes = stack([[line.label for line in lines] + [""] for lines in panels.values()], _HEIGHT)
        scale = value_scale([line.band for lines in panels.values() for line in lines], facts)
        for panel, (track, lines) in zip(axes, panels.items(), strict=True):
            panel.set_title(caption(f"{piece}, {track} track", 80))
            _draw_panel(panel, lines, facts, scale)
        return save(figure, name)


def _lines(results: Results, problem: str, track: str) -> list[Drawn]:
    outcomes = results.outcomes
    rows = outcomes[(outcomes["problem"] == problem) & (outcomes["track"] == track)]
    checkpoints = checkpoints_of(results.curves, rows)
    styles = looks(results.optimizers)
    return [
        _line(results.problems[problem], trials, checkpoints, styles[name], name)
        for name in results.optimizers
        if len(trials := rows[rows["optimizer"] == name])
    ]


def _line(
    facts: ProblemFacts, trials: pd.DataFrame, checkpoints: dict[str, pd.DataFrame], look: Look, name: str
) -> Drawn:
    curves = curves_of(trials, checkpoints, "gap" if facts.has_optimum else "objective")
    ended = endings(trials)
    label = caption(name) + (f"\n({caption(ended)})" if ended else "")
    return Drawn(band(curves, facts.budget), look, label)


def _draw_panel(axes: Axes, lines: list[Drawn], facts: ProblemFacts, scale: Scale) -> None:
    value_axis(axes, scale, facts)
    call_axis(axes, facts.budget)
    entries: list[Entry] = []
    places = _places(lines, scale)
    for line, place in zip(lines, places, strict=True):
        entries.append((_draw_line(axes, line, scale, place), line.label))
        _mark_loss(axes, line, place.ceiling)
    any_lost = any(math.isfinite(place.ceiling) for place in places)
    add_legend(axes, entries + _remarks(axes, facts, any_lost))


def _places(lines: list[Drawn], scale: Scale) -> list[Place]:
    """Give each lost line a ceiling of its own, and each line markers that begin elsewhere."""
    lost = [math.isfinite(_lost_at(line.band)) for line in lines]
    step = min(0.05, 0.5 / max(sum(lost), 1))
    alpha = min(0.13, 1 / len(lines))
    return [
        Place(scale.at(0.965 - step * sum(lost[:number])) if gone else math.inf, 0.012 * (number % 9), alpha)
        for number, gone in enumerate(lost)
    ]


def _draw_line(axes: Axes, line: Drawn, scale: Scale, place: Place) -> Artist:
    """Draw median and band; a median that will be lost runs along its ceiling instead of leaving the frame."""
    look, x = line.look, line.band.calls
    lower, upper = scale.clip(line.band.lower), scale.clip(line.band.upper, infinite=scale.top)
    axes.fill_between(x, lower, upper, color=look.color, alpha=place.alpha, linewidth=0)
    (drawn,) = axes.plot(
        x,
        np.minimum(scale.clip(line.band.median), place.ceiling),
        color=look.color,
        linestyle=look.dashes,
        marker=look.marker,
        markersize=4,
        linewidth=1.4,
        markevery=(place.first_marker, 0.12),
    )
    return drawn


def _lost_at(band: Band) -> float:
    """Give the calls at which the median becomes infinite, +inf if it never does."""
    lost = ~(band.median < math.inf)
    return float(band.calls[lost.argmax()]) if lost.any() else math.inf


def _mark_loss(axes: Axes, line: Drawn, ceiling: float) -> None:
    """Cross the ceiling at the call where the median becomes infinite, if it does, and lead the eye there."""
    call = _lost_at(line.band)
    if math.isinf(call):
        return
    color, before = line.look.color, line.band.calls < call
    if before.any():
        start, height = line.band.calls[before][-1], min(line.band.median[before][-1], ceiling)
        axes.plot([start, call], [height, ceiling], color=color, linewidth=0.9, linestyle=":")
    axes.plot([call], [ceiling], "x", color=color, markersize=8, mew=2.2, clip_on=False, zorder=5)


def _remarks(axes: Axes, facts: ProblemFacts, any_lost: bool) -> list[Entry]:
    entries: list[Entry] = []
    if facts.has_optimum:
        target = axes.axhline(facts.success_target, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1)
        entries.append((target, f"success: gap ≤ {short(facts.success_target)}"))
    if any_lost:
        cross = Line2D([], [], color=GREY, marker="x", mew=2, linestyle="")
        entries.append((cross, "half of the trials are lost"))
    return entries
