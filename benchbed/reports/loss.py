"""Loss curves: the gap of every optimizer against the calls that it took, per problem and track."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchbed.formatting import short, slugs
from benchbed.interfaces import ProblemFacts, Results
from benchbed.plotting.axes import ValueScale, add_lost_strip, call_axis, value_axis, value_scale
from benchbed.plotting.figure import WIDTH, add_legend, legend_height, save_figure
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import GREY, LineStyle, line_styles, theme, wrap_label
from benchbed.reports.bands import describe_endings, quartiles
from benchbed.reports.captions import has_exact, under_loss
from benchbed.reports.ranking import EXACT_MARK
from benchbed.reports.top_optimizers import limit_optimizers

_HEIGHT, _SMALL_HEIGHT, _TITLE = 3.1, 1.25, 0.6  # inches
_FEW = 3  # up to so many bands in one panel can be distinguished; more get a small panel each
_SMALL_LABEL = 112  # characters in the titles of a row of small panels


class LossLine(NamedTuple):
    """Quartiles of one optimizer over calls, and how to draw them."""

    optimizer: str
    label: str
    style: LineStyle
    quartiles: pd.DataFrame


class LossAxes(NamedTuple):
    """Axes that all panels of a figure share."""

    facts: ProblemFacts
    scale: ValueScale
    has_lost: bool


def pieces(results: Results) -> list[str]:
    """Return the problems that have trials."""
    planned = set(results.outcomes["problem"])
    return [problem for problem in results.problems if problem in planned]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/loss-<problem>.png` and `.svg`."""
    results, note = limit_optimizers(results)
    name = f"loss-{slugs(results.problems)[problem]}"
    facts = results.problems[problem]
    tracks = {track: lines for track in results.tracks if (lines := _lines(results, problem, track))}
    everything = pd.concat([line.quartiles for lines in tracks.values() for line in lines])
    values = everything[["lower", "median"]].to_numpy().ravel()
    shared = LossAxes(facts, value_scale(values, facts), not np.isfinite(everything["median"]).all())
    with theme(name):
        figure = _draw_figure(tracks, problem, shared)
        trials = results.outcomes[results.outcomes["problem"] == problem]
        caption = under_loss(
            results, problem, shared.has_lost, has_exact(trials), max(map(len, tracks.values())) > _FEW
        )
        return save_figure(figure, name, caption, note)


def _lines(results: Results, problem: str, track: str) -> list[LossLine]:
    rows = results.outcomes[(results.outcomes["problem"] == problem) & (results.outcomes["track"] == track)]
    curves = results.curves[results.curves["trial_key"].isin(rows["trial_key"])]
    facts, styles = results.problems[problem], line_styles(results.optimizers)
    column = "gap" if facts.has_optimum else "objective"
    lines = []
    for optimizer in results.optimizers:
        trials = rows[rows["optimizer"] == optimizer]
        if len(trials):
            endings = describe_endings(trials)
            label = wrap_label(f"{optimizer} {EXACT_MARK}" if has_exact(trials) else optimizer)
            label += f"\n({wrap_label(endings)})" if endings else ""
            band = quartiles(trials, curves, column, facts.budget)
            lines.append(LossLine(optimizer, label, styles[optimizer], band))
    return lines


def _draw_figure(tracks: dict[str, list[LossLine]], problem: str, shared: LossAxes) -> Figure:
    """Draw for each track a panel with all medians and, if there are many, a small panel with each band."""
    large = max(
        _HEIGHT, *(legend_height([*(line.label for line in lines), ""]) + _TITLE for lines in tracks.values())
    )
    columns = 4 if max(map(len, tracks.values())) <= 8 else 6
    heights = []
    for lines in tracks.values():
        heights.append(large)
        if len(lines) > _FEW:
            titles = max(wrap_label(line.optimizer, _SMALL_LABEL // columns).count("\n") for line in lines)
            heights.append((_SMALL_HEIGHT + 0.12 * titles) * math.ceil(len(lines) / columns) + 0.3)
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    FigureCanvasAgg(figure)
    blocks = iter(figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0])
    for track, lines in tracks.items():
        axes = next(blocks).subplots()
        axes.set_title(wrap_label(f"{problem}, {track} track", 80))
        _draw_overview(axes, lines, shared)
        if len(lines) > _FEW:
            _draw_small_panels(next(blocks), lines, columns, shared)
    return figure


def _draw_overview(axes: Axes, lines: Sequence[LossLine], shared: LossAxes) -> None:
    facts, scale = shared.facts, shared.scale
    _set_axes(axes, shared, "diverged\nor failed")
    if len(lines) <= _FEW:
        for line in lines:
            _fill_band(axes, line, scale)
    medians = pd.concat([_median(line, scale).assign(label=line.label) for line in lines], ignore_index=True)
    styles = {line.label: line.style for line in lines}
    draw_lines(axes, medians, "calls", "median", styles, marker_distance=0.12)
    for index, line in enumerate(lines):
        _mark_loss(axes, line, scale, scale.lane(index, len(lines)))
    if facts.has_optimum:
        label = f"success: gap ≤ {short(facts.success_target)}"
        if facts.success_target > scale.bottom:
            axes.axhline(facts.success_target, color=GREY, lw=0.9, ls=(0, (2, 2)), zorder=1, label=label)
        else:
            axes.plot([], [], " ", label=f"{label}\n(below this axis)")
    add_legend(axes)


def _draw_small_panels(block: Figure, lines: Sequence[LossLine], columns: int, shared: LossAxes) -> None:
    """Draw median and quartiles of each optimizer in a panel of its own, before the medians of the others."""
    scale, rows = shared.scale, math.ceil(len(lines) / columns)
    grid = block.subplots(rows, columns, squeeze=False)
    medians = pd.concat([_median(line, scale).assign(label=line.label) for line in lines], ignore_index=True)
    for index, axes in enumerate(grid.flat):
        if index >= len(lines):
            axes.remove()
            continue
        line = lines[index]
        _set_axes(axes, shared, "×")
        axes.set(xlabel="", ylabel="")
        axes.tick_params(
            labelsize=7, labelleft=index % columns == 0, labelbottom=index + columns >= len(lines)
        )
        axes.set_title(
            wrap_label(line.optimizer, _SMALL_LABEL // columns), color=line.style.color, fontsize=8
        )
        background = medians[medians["label"] != line.label]
        sns.lineplot(
            background, x="calls", y="median", units="label", estimator=None, color="0.75", linewidth=0.7, sort=False,
            legend=False, ax=axes,
        )  # fmt: skip
        _fill_band(axes, line, scale)
        sns.lineplot(
            _median(line, scale),
            x="calls",
            y="median",
            estimator=None,
            color=line.style.color,
            sort=False,
            ax=axes,
        )
        axes.set(xlabel="", ylabel="")
        _mark_loss(axes, line, scale, scale.lane(0, 1))
        if scale.bottom < shared.facts.success_target and shared.facts.has_optimum:
            axes.axhline(shared.facts.success_target, color=GREY, lw=0.7, ls=(0, (2, 2)), zorder=1)


def _set_axes(axes: Axes, shared: LossAxes, lost: str) -> None:
    value_axis(axes, shared.scale, shared.facts)
    call_axis(axes, shared.facts.budget)
    if shared.has_lost:
        add_lost_strip(axes, shared.scale, lost)


def _median(line: LossLine, scale: ValueScale) -> pd.DataFrame:
    """Return the median within the axis, NaN where it is infinite."""
    return line.quartiles.assign(median=scale.clip(line.quartiles["median"].to_numpy()))


def _fill_band(axes: Axes, line: LossLine, scale: ValueScale) -> None:
    lower = scale.clip(line.quartiles["lower"].to_numpy())
    upper = scale.clip(line.quartiles["upper"].to_numpy(), infinite=scale.top)
    axes.fill_between(line.quartiles["calls"], lower, upper, color=line.style.color, alpha=0.2, linewidth=0)


def _mark_loss(axes: Axes, line: LossLine, scale: ValueScale, height: float) -> None:
    """Draw a cross in the strip at the call at which the median becomes infinite, with a dotted line to it."""
    calls = line.quartiles["calls"].to_numpy()
    median = scale.clip(line.quartiles["median"].to_numpy())
    lost = np.isnan(median)
    if not lost.any():
        return
    first, color = int(lost.argmax()), line.style.color
    if first:
        axes.plot(
            calls[first - 1 : first + 1],
            [median[first - 1], height],
            color=color,
            linewidth=0.9,
            linestyle=":",
        )
    axes.plot([calls[first]], [height], "x", color=color, markersize=7, mew=2.0, clip_on=False, zorder=5)
