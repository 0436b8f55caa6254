"""Final gap against the learning rate, per problem, with the robustness of each optimizer in the legend."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchbed.formatting import slugs
from benchbed.interfaces import Results
from benchbed.plotting.axes import GapAxis, ValueScale, add_success_line, label_powers, value_scale
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import GREY, LineStyle, line_styles, theme, wrap_label
from benchbed.reports.bands import lower_medians
from benchbed.reports.captions import join_sentences, under_learning_rate
from benchbed.reports.ranking import limit_optimizers
from benchbed.reports.tables.secondary import describe_robustness

_HEIGHT = 4.4  # inches
_SPREAD = 0.6  # width in which the optimizers at one rate are drawn side by side, as a share of the distance of rates


class RateSweep(NamedTuple):
    """Lower medians of one optimizer by rate: +inf if more than half of the trials were lost, NaN if skipped."""

    label: str
    """Name of the optimizer and, on a second line, its robustness."""
    style: LineStyle
    tuned: "pd.Series[float]"
    default: "pd.Series[float]"
    """The value at the default rate, on the evaluation seeds; empty without one."""


def pieces(results: Results) -> list[str]:
    """Return the problems on which a learning rate was tuned."""
    tuned = set(results.tuning["problem"][results.tuning["learning_rate"] > 0])
    return [problem for problem in results.problems if problem in tuned]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/learning-rate-<problem>.png` and `.svg`."""
    results, note = limit_optimizers(results)
    name = f"learning-rate-{slugs(results.problems)[problem]}"
    facts, measures = results.problems[problem], results.measures[results.measures["problem"] == problem]
    sweeps = _sweeps(results, problem, measures)
    values = np.concatenate([series for sweep in sweeps for series in (sweep.tuned, sweep.default)])
    axis = GapAxis(value_scale(values, facts), facts, bool(np.isinf(values).any()))
    with theme(name):
        figure, (axes,) = stacked_panels([[sweep.label for sweep in sweeps] + [""] * 3], _HEIGHT)
        axes.set_title(wrap_label(problem, 80))
        axis.set_on(axes, "final ")
        axes.set_xscale("log")
        label_powers(axes.xaxis)
        axes.set_xlabel("learning rate")
        _draw_sweeps(axes, sweeps, axis.scale)
        add_success_line(axes, axis.scale, facts)
        add_legend(axes)
        caption = under_learning_rate(results, problem, measures, axis.has_infinite)
        clipped = axis.scale.describe_clipped(values)
        return save_figure(figure, name, join_sentences(caption, clipped), note)


def _sweeps(results: Results, problem: str, measures: pd.DataFrame) -> list[RateSweep]:
    column = "gap" if results.problems[problem].has_optimum else "final_objective"
    defaults = results.outcomes[results.outcomes["track"] == "default"]
    tuned, default = (
        medians_by_rate(trials[trials["problem"] == problem], column) for trials in (results.tuning, defaults)
    )
    # The robustness is the same in every track.
    robustness = {row["optimizer"]: describe_robustness(row) for row in measures.to_dict("records")}
    sweeps = []
    for optimizer, style in line_styles(results.optimizers).items():
        if optimizer in tuned:
            label = "\n".join(filter(None, [wrap_label(optimizer), robustness.get(optimizer)]))
            at_default = default.get(optimizer, pd.Series(dtype=float))
            sweeps.append(RateSweep(label, style, tuned[optimizer], at_default))
    return sweeps


def medians_by_rate(trials: pd.DataFrame, column: str) -> dict[str, "pd.Series[float]"]:
    """Return the lower medians of each optimizer by learning rate."""
    medians = lower_medians(trials[trials["learning_rate"] > 0], column, ["optimizer", "learning_rate"])
    groups = medians.groupby(level="optimizer")
    return {str(optimizer): values.droplevel("optimizer") for optimizer, values in groups}


def _draw_sweeps(axes: Axes, sweeps: list[RateSweep], scale: ValueScale) -> None:
    """Draw a line for each optimizer, infinite values in the strip, and a hollow mark at the default rate."""
    rates = np.unique(np.concatenate([sweep.tuned.index for sweep in sweeps]))
    distance = np.diff(np.log10(rates)).min(initial=1.0)
    shifts = 10 ** (_SPREAD * distance * ((np.arange(len(sweeps)) + 0.5) / len(sweeps) - 0.5))
    lines = []
    for index, (sweep, shift) in enumerate(zip(sweeps, shifts, strict=True)):
        height = scale.lane(index, len(sweeps))
        values = scale.clip(sweep.tuned, infinite=height)
        lines.append(pd.DataFrame({"rate": sweep.tuned.index * shift, "value": values, "label": sweep.label}))
        axes.plot(
            sweep.default.index * shift, scale.clip(sweep.default, infinite=height), sweep.style.marker,
            mfc="none", mec=sweep.style.color, mew=1.5, markersize=8, zorder=5, clip_on=False,
        )  # fmt: skip
    draw_lines(
        axes, pd.concat(lines), "rate", "value", {sweep.label: sweep.style for sweep in sweeps}, clip_on=False
    )
    if any(len(sweep.default) for sweep in sweeps):
        label = "hollow: default rate\n(evaluation seeds)"
        axes.plot([], [], "o", mfc="none", mec=GREY, mew=1.5, markersize=8, label=label)
