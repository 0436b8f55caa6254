"""Loss curves: the gap of every optimizer against the calls that it took, per problem and track."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, FigureBase

from benchbed.formatting import slugs
from benchbed.interfaces import Results
from benchbed.plotting.axes import GapAxis, ValueScale, add_success_line, call_axis, value_scale
from benchbed.plotting.figure import (
    WIDTH,
    add_legend,
    legend_height,
    save_figure,
    small_columns,
    small_panels,
)
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.bands import describe_endings, quartiles
from benchbed.reports.captions import has_exact, join_sentences, optimizer_label, under_loss
from benchbed.reports.ranking import limit_optimizers

_HEIGHT, _SMALL_HEIGHT, _TITLE = 3.1, 1.25, 0.6  # inches
_FEW = 3  # up to so many bands in one panel can be distinguished; more get a small panel each
_SMALL_LABEL = 112  # characters in the titles of a row of small panels


class LossLine(NamedTuple):
    """Quartiles of one optimizer over calls, and how to draw them."""

    optimizer: str
    label: str
    style: LineStyle
    quartiles: pd.DataFrame

    def clip(self, scale: ValueScale) -> "LossLine":
        """Cut the quartiles to the axis; lower and median are NaN where they are infinite."""
        lower, median = scale.clip(self.quartiles["lower"]), scale.clip(self.quartiles["median"])
        upper = scale.clip(self.quartiles["upper"], infinite=scale.top)
        is_lost = np.isinf(self.quartiles["median"])
        return self._replace(
            quartiles=self.quartiles.assign(lower=lower, median=median, upper=upper, is_lost=is_lost)
        )


def pieces(results: Results) -> list[str]:
    """Return the problems that have trials."""
    planned = set(results.outcomes["problem"])
    return [problem for problem in results.problems if problem in planned]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/loss-<problem>.png` and `.svg`."""
    results, note = limit_optimizers(results)
    name, facts = f"loss-{slugs(results.problems)[problem]}", results.problems[problem]
    tracks = {track: lines for track in results.tracks if (lines := _lines(results, problem, track))}
    everything = pd.concat([line.quartiles for lines in tracks.values() for line in lines])
    scale = value_scale(everything[["lower", "median"]].to_numpy().ravel(), facts)
    shared = GapAxis(scale, facts, bool(np.isinf(everything["median"]).any()))
    tracks = {track: [line.clip(scale) for line in lines] for track, lines in tracks.items()}
    has_small_panels = max(map(len, tracks.values())) > _FEW
    with theme(name):
        figure = _draw_figure(tracks, problem, shared)
        is_exact = has_exact(results.outcomes[results.outcomes["problem"] == problem])
        caption = under_loss(results, problem, shared.has_infinite, is_exact, has_small_panels)
        clipped = scale.describe_clipped(everything[["lower", "median", "upper"]])
        return save_figure(figure, name, join_sentences(caption, clipped), note)


def _lines(results: Results, problem: str, track: str) -> list[LossLine]:
    rows = results.outcomes[(results.outcomes["problem"] == problem) & (results.outcomes["track"] == track)]
    curves = results.curves[results.curves["trial_key"].isin(rows["trial_key"])]
    facts, styles = results.problems[problem], line_styles(results.optimizers)
    lines = []
    for optimizer in results.optimizers:
        trials = rows[rows["optimizer"] == optimizer]
        if len(trials):
            endings = describe_endings(trials)
            label = optimizer_label(optimizer, rows) + (f"\n({wrap_label(endings)})" if endings else "")
            band = quartiles(trials, curves, "gap" if facts.has_optimum else "objective", facts.budget)
            lines.append(LossLine(optimizer, label, styles[optimizer], band))
    return lines


def _draw_figure(tracks: dict[str, list[LossLine]], problem: str, shared: GapAxis) -> Figure:
    """Draw for each track a panel with all medians and, if there are many, a small panel with each band."""
    legends = [legend_height([*(line.label for line in lines), "\n"]) for lines in tracks.values()]
    heights = []
    for lines in tracks.values():
        heights.append(max(_HEIGHT, max(legends) + _TITLE))
        if len(lines) > _FEW:
            columns = small_columns(len(lines))
            titles = max(wrap_label(line.optimizer, _SMALL_LABEL // columns).count("\n") for line in lines)
            heights.append((_SMALL_HEIGHT + 0.12 * titles) * math.ceil(len(lines) / columns) + 0.3)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    blocks = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    for track, lines in tracks.items():
        axes = next(blocks).subplots()
        axes.set_title(wrap_label(f"{problem}, {track} track", 80))
        shared.set_on(axes)
        call_axis(axes, shared.facts.budget)
        medians = pd.concat([line.quartiles.assign(label=line.label) for line in lines], ignore_index=True)
        styles = {line.label: line.style for line in lines}
        draw_lines(axes, medians, "calls", "median", styles, marker_distance=0.12)
        for index, line in enumerate(lines):
            if len(lines) <= _FEW:
                _fill_band(axes, line)
            _mark_loss(axes, line, shared.scale.lane(index, len(lines)))
        add_success_line(axes, shared.scale, shared.facts)
        add_legend(axes)
        if len(lines) > _FEW:
            _draw_small_panels(next(blocks), lines, shared)
    return figure


def _draw_small_panels(block: FigureBase, lines: Sequence[LossLine], shared: GapAxis) -> None:
    """Draw median and quartiles of each optimizer in a panel of its own, before the medians of the others."""
    for line, axes in zip(lines, small_panels(block, len(lines)), strict=True):
        shared.set_on(axes, lost="×")
        call_axis(axes, shared.facts.budget)
        axes.set(xlabel="", ylabel="")
        title = wrap_label(line.optimizer, _SMALL_LABEL // small_columns(len(lines)))
        axes.set_title(title, color=line.style.color, fontsize=8)
        for background in lines:
            axes.plot(
                background.quartiles["calls"], background.quartiles["median"], color="0.75", linewidth=0.7
            )
        _fill_band(axes, line)
        axes.plot(line.quartiles["calls"], line.quartiles["median"], color=line.style.color)
        _mark_loss(axes, line, shared.scale.lane(0, 1))
        add_success_line(axes, shared.scale, shared.facts)


def _fill_band(axes: Axes, line: LossLine) -> None:
    band = line.quartiles
    axes.fill_between(
        band["calls"], band["lower"], band["upper"], color=line.style.color, alpha=0.2, linewidth=0
    )


def _mark_loss(axes: Axes, line: LossLine, height: float) -> None:
    """Draw a cross in the strip at the call at which the median becomes infinite, with a dotted line to it."""
    is_lost = line.quartiles["is_lost"]
    if is_lost.any():
        first, color = int(is_lost.argmax()), line.style.color
        path = line.quartiles[["calls", "median"]].fillna(height).iloc[max(first - 1, 0) : first + 1]
        axes.plot(path["calls"], path["median"], color=color, linewidth=0.9, linestyle=":")
        axes.plot(
            path["calls"].iloc[-1:], [height], "x", color=color, markersize=7, mew=2, clip_on=False, zorder=5
        )
