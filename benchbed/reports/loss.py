"""Draw the gap of every optimizer against the calls it took, per problem, one panel a track."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes

from benchbed.formatting import short, slugs
from benchbed.interfaces.results import ProblemFacts, Results
from benchbed.plotting.axes import ValueScale, add_lost_strip, call_axis, value_axis, value_scale
from benchbed.plotting.figure import Entry, add_legend, save_figure, stacked_panels
from benchbed.plotting.style import GREY, LineStyle, line_styles, theme, wrap_label
from benchbed.reports.bands import Band, band, checkpoints_of, curves_of, endings
from benchbed.reports.captions import has_exact, under_loss
from benchbed.reports.ranking import EXACT_MARK
from benchbed.reports.top_optimizers import thinned

_HEIGHT = 3.4


class Drawn(NamedTuple):
    """One line of a panel."""

    band: Band
    look: LineStyle
    label: str


class Place(NamedTuple):
    """What keeps a line from hiding the others of its panel."""

    rail: float
    first_marker: float
    alpha: float


def pieces(results: Results) -> list[str]:
    """Name the problems that any trial was planned for."""
    planned = set(results.outcomes["problem"])
    return [problem for problem in results.problems if problem in planned]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/loss-<problem>.png` and `.svg`."""
    results, note = thinned(results)
    name = f"loss-{slugs(results.problems)[piece]}"
    facts = results.problems[piece]
    panels = {track: _lines(results, piece, track) for track in results.tracks}
    panels = {track: lines for track, lines in panels.items() if lines}
    with theme(name):
        figure, axes = stacked_panels(
            [[line.label for line in lines] + [""] for lines in panels.values()], _HEIGHT
        )
        bands = [line.band for lines in panels.values() for line in lines]
        medians = np.concatenate([band.median for band in bands])
        scale = value_scale(np.concatenate([medians, *(band.lower for band in bands)]), facts)
        has_lost = not np.isfinite(medians).all()
        for panel, (track, lines) in zip(axes, panels.items(), strict=True):
            panel.set_title(wrap_label(f"{piece}, {track} track", 80))
            _draw_panel(panel, lines, facts, scale, has_lost)
        shown = results.outcomes[results.outcomes["problem"] == piece]
        return save_figure(figure, name, under_loss(results, piece, has_lost, has_exact(shown)), note)


def _lines(results: Results, problem: str, track: str) -> list[Drawn]:
    outcomes = results.outcomes
    rows = outcomes[(outcomes["problem"] == problem) & (outcomes["track"] == track)]
    facts = results.problems[problem]
    checkpoints = checkpoints_of(results.curves, rows, "calls", "gap" if facts.has_optimum else "objective")
    styles = line_styles(results.optimizers)
    return [
        _line(facts, trials, checkpoints, styles[name], name)
        for name in results.optimizers
        if len(trials := rows[rows["optimizer"] == name])
    ]


def _line(
    facts: ProblemFacts, trials: pd.DataFrame, checkpoints: dict[str, np.ndarray], look: LineStyle, name: str
) -> Drawn:
    curves = curves_of(trials, checkpoints)
    ended = endings(trials)
    shown = wrap_label(f"{name} {EXACT_MARK}" if has_exact(trials) else name)
    label = shown + (f"\n({wrap_label(ended)})" if ended else "")
    return Drawn(band(curves, facts.budget), look, label)


def _draw_panel(
    axes: Axes, lines: list[Drawn], facts: ProblemFacts, scale: ValueScale, has_lost: bool
) -> None:
    value_axis(axes, scale, facts)
    call_axis(axes, facts.budget)
    places = _places(lines, scale)
    entries: list[Entry] = [
        (_draw_line(axes, line, scale, place), line.label) for line, place in zip(lines, places, strict=True)
    ]
    if has_lost:
        add_lost_strip(axes, scale)
    add_legend(axes, entries + _remarks(axes, facts))


def _places(lines: list[Drawn], scale: ValueScale) -> list[Place]:
    """Give each line a height in the rail of its own, and markers that begin elsewhere."""
    alpha = min(0.13, 1 / len(lines))
    return [
        Place(scale.lane(number, len(lines)), 0.012 * (number % 9), alpha) for number in range(len(lines))
    ]


def _draw_line(axes: Axes, line: Drawn, scale: ValueScale, place: Place) -> Artist:
    """Draw median and band; what lies beyond the scale runs along its top, a loss is crossed in the rail."""
    look, x = line.look, line.band.calls
    lower, upper = scale.clip(line.band.lower), scale.clip(line.band.upper, infinite=scale.top)
    axes.fill_between(x, lower, upper, color=look.color, alpha=place.alpha, linewidth=0)
    median = scale.clip(line.band.median)
    _mark_loss(axes, line, median, place.rail)
    (drawn,) = axes.plot(
        x,
        median,
        color=look.color,
        linestyle=look.dashes,
        marker=look.marker,
        markersize=4,
        linewidth=1.4,
        # matplotlib cannot spread markers over a line that has no point at all
        markevery=(place.first_marker, 0.12) if np.isfinite(median).any() else None,
    )
    return drawn


def _mark_loss(axes: Axes, line: Drawn, median: np.ndarray, rail: float) -> None:
    """Cross the rail at the call where the median becomes infinite, if it does, and lead the eye there."""
    lost = ~np.isfinite(line.band.median)
    if not lost.any():
        return
    first, color = int(lost.argmax()), line.look.color
    call = line.band.calls[first]
    if first:
        start = line.band.calls[first - 1], median[first - 1]
        axes.plot([start[0], call], [start[1], rail], color=color, linewidth=0.9, linestyle=":")
    axes.plot([call], [rail], "x", color=color, markersize=7, mew=2.0, clip_on=False, zorder=5)


def _remarks(axes: Axes, facts: ProblemFacts) -> list[Entry]:
    if not facts.has_optimum:
        return []
    target = axes.axhline(facts.success_target, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1)
    return [(target, f"success: gap ≤ {short(facts.success_target)}")]
