"""Draw mean ranks over many problems, and join those that are not told apart: a critical-difference diagram.

Source: J. Demšar (2006), Statistical comparisons of classifiers over multiple data sets, figure 1; here with rank 1 at
the left.
"""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from benchbed.analysis.ranks import Ranking, insignificant_ranges, ranking
from benchbed.formatting import short
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.plotting.figure import save_figure, stacked_panels
from benchbed.plotting.style import GREY, Color, palette, theme, wrap_label
from benchbed.reports.captions import under_critical_difference
from benchbed.reports.top_optimizers import limit_optimizers

_NAME = 24  # characters in a line of a name
_TICKS = 12  # numbers on the axis, about
# Heights in inches, from the axis up or down.
_TICK, _NUMBER, _RULER, _TOP = 0.06, 0.09, 0.4, 0.55
_FIRST_BAR, _BAR = 0.13, 0.09
_LINE, _GAP = 0.135, 0.07  # what a line of a name takes, and the room between two names
_MARGIN = 0.4  # inches for the title
_OVERHANG = 0.006  # by which a bar reaches beyond the ranks that it joins, as a share of the axis


class Name(NamedTuple):
    """Where the name of one optimizer stands."""

    optimizer: str
    rank: float
    is_left: bool
    height: float
    """Of its middle, in inches above the axis: negative."""
    label: str


class Bar(NamedTuple):
    """What joins ranks that are not told apart; on one level no two bars touch."""

    start: float
    end: float
    level: int


def pieces(results: Results) -> list[str]:
    """Give one piece, if some track ranks enough optimizers on enough problems."""
    return [ALL_PROBLEMS] if any(_rankings(results)) else []


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Give `plots/critical-difference.png` and `.svg`, a panel a track; ranks are among all who are compared."""
    rankings = dict(_rankings(results))
    colors = palette(results.optimizers)
    kept = {track: _kept(results, track, found) for track, found in rankings.items()}
    shown = {track: found for track, (found, _) in kept.items()}
    with theme("critical-difference"):
        bars = {track: bars_of(found, _span(rankings[track])) for track, found in shown.items()}
        names = {track: names_of(found, bars[track]) for track, found in shown.items()}
        depth = max(_depth(of_track) for of_track in names.values())
        figure, axes = stacked_panels([[] for _ in shown], _TOP + depth + _MARGIN)
        for panel, (track, found) in zip(axes, rankings.items(), strict=True):
            title = f"{found.problems} problems, {track} track: mean ranks, relative to the entrants"
            panel.set_title(wrap_label(title, 90))
            _draw_axis(panel, len(found.optimizers), depth)
            _draw_ruler(panel, found)
            _draw_bars(panel, bars[track])
            _draw_names(panel, names[track], colors)
        compared = {name for found in rankings.values() for name in found.optimizers}
        problems = sorted({found.problems for found in rankings.values()})
        sentence = under_critical_difference(results, problems, len(set(results.optimizers) - compared))
        return save_figure(
            figure, "critical-difference", sentence, *dict.fromkeys(note for _, note in kept.values())
        )


def bars_of(shown: Ranking, span: float) -> list[Bar]:
    """Give the bars, each on the first level where it touches no other; the axis is `span` ranks long."""
    bars: list[Bar] = []
    free: list[float] = []  # where the last bar of each level ends
    for first, last in insignificant_ranges(shown):
        start = float(shown.mean_ranks[first]) - _OVERHANG * span
        end = float(shown.mean_ranks[last]) + _OVERHANG * span
        level = next(
            (level for level, taken in enumerate(free) if taken + _OVERHANG * span < start), len(free)
        )
        free[level : level + 1] = [end]
        bars.append(Bar(start, end, level))
    return bars


def names_of(shown: Ranking, bars: Sequence[Bar]) -> list[Name]:
    """Give the better half on the left and the others on the right, the outermost ranks highest: no lines cross."""
    top = -_FIRST_BAR - _BAR * (1 + max((bar.level for bar in bars), default=0))
    ranked = list(zip(shown.optimizers, shown.mean_ranks.tolist(), strict=True))
    half = (len(ranked) + 1) // 2
    return [*_column(ranked[:half], True, top), *_column(ranked[half:][::-1], False, top)]


def _rankings(results: Results) -> Iterator[tuple[str, Ranking]]:
    """Give each track that has a ranking, with it."""
    for track in results.tracks:
        found = ranking(results.summary, results.outcomes, results.groups, track)
        if found:
            yield track, found


def _kept(results: Results, track: str, found: Ranking) -> tuple[Ranking, str]:
    """Give the ranking of those for whom there is room, and the note about the others."""
    rows = results.summary
    of_track = rows[(rows["track"] == track) & rows["optimizer"].isin(found.optimizers)]
    thin, note = limit_optimizers(results._replace(optimizers=found.optimizers, summary=of_track))
    is_kept = np.isin(found.optimizers, thin.optimizers)
    kept = found._replace(optimizers=thin.optimizers, mean_ranks=found.mean_ranks[is_kept])
    return kept, note


def _span(found: Ranking) -> float:
    return len(found.optimizers) - 1.0


def _column(ranked: Sequence[tuple[str, float]], is_left: bool, top: float) -> list[Name]:
    names, height = [], top
    for optimizer, rank in ranked:
        # The space keeps matplotlib from hiding what begins with an underscore; a label beside a line needs none.
        lines = wrap_label(optimizer, _NAME).lstrip().split("\n")
        lines[0] = f"{lines[0]}  {rank:.2f}" if is_left else f"{rank:.2f}  {lines[0]}"
        room = _LINE * len(lines) + _GAP
        names.append(Name(optimizer, rank, is_left, height - room / 2, "\n".join(lines)))
        height -= room
    return names


def _depth(names: Sequence[Name]) -> float:
    """Give how many inches the names of a panel reach below its axis."""
    return max(_GAP + _LINE * (name.label.count("\n") + 1) / 2 - name.height for name in names)


def _draw_axis(axes: Axes, ranks: int, depth: float) -> None:
    axes.set_axis_off()
    axes.set_xlim(1, ranks)
    axes.set_ylim(-depth, _TOP)
    axes.plot([1, ranks], [0, 0], color="black", linewidth=1, clip_on=False, solid_capstyle="projecting")
    step = math.ceil(ranks / _TICKS)
    for rank in range(1, ranks + 1):
        is_numbered = (rank - 1) % step == 0
        length = _TICK if is_numbered else _TICK / 2
        axes.plot([rank, rank], [0, length], color="black", linewidth=0.8, clip_on=False)
        if is_numbered:
            axes.text(rank, _NUMBER, str(rank), ha="center", va="bottom", fontsize=8)


def _draw_ruler(axes: Axes, found: Ranking) -> None:
    """Show how long the critical difference is, from rank 1 on."""
    end = 1 + found.critical_difference
    axes.plot([1, end], [_RULER, _RULER], color=GREY, linewidth=1.4, marker="|", markersize=6, clip_on=False)
    p_value = "p < 0.001" if found.p_value < 0.001 else f"p = {short(found.p_value, 2)}"
    label = f" CD = {found.critical_difference:.2f}, Friedman's {p_value}"
    axes.text(end, _RULER, label, ha="left", va="center", fontsize=8, color=GREY)


def _draw_bars(axes: Axes, bars: Sequence[Bar]) -> None:
    for start, end, level in bars:
        height = -_FIRST_BAR - _BAR * level
        axes.plot(
            [start, end], [height, height], color="0.2", linewidth=3.2, clip_on=False, solid_capstyle="butt",
            zorder=3,
        )  # fmt: skip


def _draw_names(axes: Axes, names: Sequence[Name], colors: dict[str, Color]) -> None:
    """Lead from each rank down and out to its name."""
    left, right = axes.get_xlim()
    for name in names:
        side = left if name.is_left else right
        axes.plot(
            [name.rank, name.rank, side], [0, name.height, name.height], color=colors[name.optimizer],
            linewidth=1.2, clip_on=False,
        )  # fmt: skip
        axes.annotate(
            name.label, (side, name.height), (-4 if name.is_left else 4, 0), textcoords="offset points",
            ha="right" if name.is_left else "left", va="center", fontsize=8, annotation_clip=False,
            linespacing=1.05,
        )  # fmt: skip
