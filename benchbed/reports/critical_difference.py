"""Critical-difference diagram: mean ranks over many problems, connected if not significantly different.

An optional report, because ranks depend on which optimizers take part. Source: J. Demšar (2006), Statistical
comparisons of classifiers over multiple data sets, figure 1; here with rank 1 on the left.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

from benchbed.analysis.ranks import Ranking, insignificant_ranges, ranking
from benchbed.formatting import short
from benchbed.interfaces import ALL_PROBLEMS, Results
from benchbed.plotting.figure import save_figure, stacked_panels
from benchbed.plotting.style import GREY, Color, palette, theme, wrap_label
from benchbed.reports.captions import under_critical_difference
from benchbed.reports.ranking import limit_optimizers

_LABEL = 24  # characters in a line of a name
_TICKS = 12  # approximate number of labelled ticks
# Heights in inches above or below the axis.
_TICK, _NUMBER, _RULER, _TOP = 0.06, 0.09, 0.4, 0.55
_FIRST_BAR, _BAR = 0.13, 0.09
_LINE, _GAP = 0.135, 0.07  # height of a line of a name, and distance between two names
_MARGIN = 0.4  # inches for the title
_OVERHANG = 0.006  # length of a bar beyond the ranks that it connects, as a share of the axis


class RankLabel(NamedTuple):
    """Position of the name of one optimizer."""

    optimizer: str
    rank: float
    is_left: bool
    height: float
    """Height of the middle in inches above the axis: negative."""
    label: str


class RankBar(NamedTuple):
    """Bar that connects ranks that are not significantly different; bars on one level do not touch."""

    start: float
    end: float
    level: int


def pieces(results: Results) -> list[str]:
    """Return one piece if a track ranks enough optimizers on enough problems."""
    return [ALL_PROBLEMS] if _rankings(results) else []


def draw(results: Results, table: str) -> dict[str, bytes]:
    """Draw `plots/critical-difference.png` and `.svg`, a panel a track; ranks are among all compared optimizers."""
    rankings = _rankings(results)
    bars, labels, notes = {}, {}, []
    for track, complete in rankings.items():
        is_ranked = results.summary["optimizer"].isin(complete.optimizers)
        rows = results.summary[(results.summary["track"] == track) & is_ranked]
        best, note = limit_optimizers(results._replace(optimizers=complete.optimizers, summary=rows))
        mean_ranks = complete.mean_ranks[np.isin(complete.optimizers, best.optimizers)]
        limited = complete._replace(optimizers=best.optimizers, mean_ranks=mean_ranks)
        bars[track] = rank_bars(limited, span=len(complete.optimizers) - 1.0)
        labels[track] = rank_labels(limited, bars[track])
        notes.append(note)
    with theme("critical-difference"):
        # The names reach so many inches below the axis.
        depth = max(
            _GAP + _LINE * (name.label.count("\n") + 1) / 2 - name.height
            for of_track in labels.values()
            for name in of_track
        )
        figure, panels = stacked_panels([[] for _ in rankings], _TOP + depth + _MARGIN)
        for axes, (track, complete) in zip(panels, rankings.items(), strict=True):
            title = f"{complete.problems} problems, {track} track: mean ranks, relative to the entrants"
            axes.set_title(wrap_label(title, 90))
            _draw_axis(axes, complete, depth)
            _draw_ranks(axes, bars[track], labels[track], palette(results.optimizers))
        compared = {name for complete in rankings.values() for name in complete.optimizers}
        problems = sorted({complete.problems for complete in rankings.values()})
        caption = under_critical_difference(results, problems, len(set(results.optimizers) - compared))
        return save_figure(figure, "critical-difference", caption, *dict.fromkeys(notes))


def rank_bars(ranking: Ranking, span: float) -> list[RankBar]:
    """Place the bars, each on the first level where it touches no other; the axis is `span` ranks long."""
    bars: list[RankBar] = []
    ends: list[float] = []  # of the last bar on each level
    overhang = _OVERHANG * span
    for first, last in insignificant_ranges(ranking):
        start = float(ranking.mean_ranks[first]) - overhang
        end = float(ranking.mean_ranks[last]) + overhang
        free = (level for level, previous in enumerate(ends) if previous + overhang < start)
        level = next(free, len(ends))
        ends[level : level + 1] = [end]
        bars.append(RankBar(start, end, level))
    return bars


def rank_labels(ranking: Ranking, bars: Sequence[RankBar]) -> list[RankLabel]:
    """Place the better half on the left and the others on the right, outermost ranks highest, so no lines cross."""
    top = -_FIRST_BAR - _BAR * (1 + max((bar.level for bar in bars), default=0))
    ranked = list(zip(ranking.optimizers, ranking.mean_ranks.tolist(), strict=True))
    half = (len(ranked) + 1) // 2
    labels = []
    for column, is_left in ((ranked[:half], True), (ranked[half:][::-1], False)):
        height = top
        for optimizer, rank in column:
            # The leading space of names with an underscore is needed in legends only.
            lines = wrap_label(optimizer, _LABEL).lstrip().split("\n")
            lines[0] = f"{lines[0]}  {rank:.2f}" if is_left else f"{rank:.2f}  {lines[0]}"
            needed = _LINE * len(lines) + _GAP
            labels.append(RankLabel(optimizer, rank, is_left, height - needed / 2, "\n".join(lines)))
            height -= needed
    return labels


def _rankings(results: Results) -> dict[str, Ranking]:
    """Return the ranking of each track that has one."""
    rankings = {
        track: ranking(results.summary, results.outcomes, results.groups, track) for track in results.tracks
    }
    return {track: complete for track, complete in rankings.items() if complete}


def _draw_axis(axes: Axes, complete: Ranking, depth: float) -> None:
    """Draw the axis of ranks and, from rank 1 on, the length of the critical difference."""
    ranks = len(complete.optimizers)
    axes.set_axis_off()
    axes.set_xlim(1, ranks)
    axes.set_ylim(-depth, _TOP)
    axes.plot([1, ranks], [0, 0], color="black", linewidth=1, clip_on=False, solid_capstyle="projecting")
    step = math.ceil(ranks / _TICKS)
    for rank in range(1, ranks + 1):
        is_labelled = (rank - 1) % step == 0
        length = _TICK if is_labelled else _TICK / 2
        axes.plot([rank, rank], [0, length], color="black", linewidth=0.8, clip_on=False)
        if is_labelled:
            axes.text(rank, _NUMBER, str(rank), ha="center", va="bottom", fontsize=8)
    end = 1 + complete.critical_difference
    axes.plot([1, end], [_RULER, _RULER], color=GREY, linewidth=1.4, marker="|", markersize=6, clip_on=False)
    p_value = "p < 0.001" if complete.p_value < 0.001 else f"p = {short(complete.p_value, 2)}"
    label = f" CD = {complete.critical_difference:.2f}, Friedman's {p_value}"
    axes.text(end, _RULER, label, ha="left", va="center", fontsize=8, color=GREY)


def _draw_ranks(
    axes: Axes, bars: Sequence[RankBar], labels: Sequence[RankLabel], colors: dict[str, Color]
) -> None:
    """Draw the bars, and a line from each rank down and out to the name."""
    for start, end, level in bars:
        height = -_FIRST_BAR - _BAR * level
        axes.plot(
            [start, end], [height, height], color="0.2", linewidth=3.2, clip_on=False, solid_capstyle="butt",
            zorder=3,
        )  # fmt: skip
    left, right = axes.get_xlim()
    for name in labels:
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
