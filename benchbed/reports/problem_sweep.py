"""Score and calls to success against a parameter in which problems of one name differ, such as the batch size."""

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from benchbed.interfaces import Results
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import LineStyle, line_styles, theme, wrap_label
from benchbed.reports.captions import optimizer_label, under_problem_sweep
from benchbed.reports.ranking import limit_optimizers

FEWEST_VALUES = 3
BATCH_SIZE = "batch_size"
_HEIGHT = 3.0  # inches
_MEASURES = {
    "score": ("score", "score_low", "score_high"),
    "calls to success": ("median_calls", "calls_low", "calls_high"),
    "samples to success": ("median_calls", "calls_low", "calls_high"),
}
"""For each measure the columns of its value and its interval; samples are calls times the batch size."""


class ProblemSweep(NamedTuple):
    """Problems that differ in one numerical parameter, in ascending order of its values."""

    parameter: str
    labels: dict[float, str]
    """The canonical selectors by the value of the parameter."""


def problem_sweeps(results: Results) -> list[ProblemSweep]:
    """Return the parameters with at least `FEWEST_VALUES` values on otherwise equal problems."""
    labels: dict[tuple[str, str, str], dict[float, str]] = defaultdict(dict)
    for label, facts in results.problems.items():
        for name, value in facts.parameters.items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                others = {key: other for key, other in facts.parameters.items() if key != name}
                labels[facts.name, name, repr(others)][float(value)] = label
    return [
        ProblemSweep(name, dict(sorted(by_value.items())))
        for (_, name, _), by_value in labels.items()
        if len(by_value) >= FEWEST_VALUES
    ]


def pieces(results: Results) -> list[str]:
    """Return the sweeps by the positions at which `problem_sweeps` lists them, where there is a score."""
    scored = set(results.summary["problem"][results.summary["score"].notna()])
    return [
        str(position)
        for position, sweep in enumerate(problem_sweeps(results))
        if scored.issuperset(sweep.labels.values())
    ]


def draw(results: Results, piece: str) -> dict[str, bytes]:
    """Draw `plots/problem-sweep-<problem>-<parameter>.png` and `.svg`: the score, and the calls to success.

    The rows are those of the track that chooses the learning rate, if the study has one.
    """
    results, note = limit_optimizers(results)
    sweep = problem_sweeps(results)[int(piece)]
    first = next(iter(sweep.labels.values()))
    name = _name(results, piece)
    track = next(name for name in ("tuned", "searched", "default") if name in results.tracks)
    summary = results.summary
    rows = summary[summary["problem"].isin(sweep.labels.values()) & (summary["track"] == track)]
    values = {label: value for value, label in sweep.labels.items()}
    rows = rows.assign(value=rows["problem"].map(values).astype(float)).sort_values("value", kind="stable")
    trials = results.outcomes[results.outcomes["problem"].isin(values)]
    styles = {
        optimizer_label(optimizer, trials): (optimizer, style)
        for optimizer, style in line_styles(results.optimizers).items()
        if (rows["optimizer"] == optimizer).any()
    }
    measures = [measure for measure in _MEASURES if sweep.parameter == BATCH_SIZE or "samples" not in measure]
    with theme(name):
        figure, panels = stacked_panels([list(styles)] * len(measures), _HEIGHT)
        panels[0].set_title(wrap_label(f"{results.problems[first].name}, {track} track", 80))
        for axes, measure in zip(panels, measures, strict=True):
            axes.set_ylabel(f"{measure} (0 to 1)" if measure == "score" else f"median {measure}")
            _draw_measure(axes, rows, measure, styles)
            _parameter_axis(axes, sweep)
            add_legend(axes)
        return save_figure(figure, name, under_problem_sweep(results, list(values), sweep.parameter), note)


def _name(results: Results, piece: str) -> str:
    """Return the name of a figure: that of the problem and the parameter, with a number where several have both."""
    names = [
        f"problem-sweep-{results.problems[next(iter(sweep.labels.values()))].name}-{sweep.parameter}"
        for sweep in problem_sweeps(results)[: int(piece) + 1]
    ]
    earlier = names.count(names[-1]) - 1
    return f"{names[-1]}-{earlier + 1}" if earlier else names[-1]


def _draw_measure(
    axes: Axes, rows: pd.DataFrame, measure: str, styles: Mapping[str, tuple[str, LineStyle]]
) -> None:
    """Draw a line of each optimizer with its intervals; values that are infinite or missing are left out."""
    factor = rows["value"] if "samples" in measure else 1.0
    columns = zip(("middle", "low", "high"), _MEASURES[measure], strict=True)
    numbers = {name: (rows[column].astype(float) * factor).to_numpy() for name, column in columns}
    points = rows[["optimizer", "value"]].assign(**numbers).replace([math.inf], math.nan)
    lines = [
        points[points["optimizer"] == optimizer].assign(label=label)
        for label, (optimizer, _) in styles.items()
    ]
    if measure == "score":
        axes.set_ylim(0, 1)
    elif points["middle"].notna().any():
        axes.set_yscale("log")
    for line, (_, style) in zip(lines, styles.values(), strict=True):
        axes.vlines(line["value"], line["low"], line["high"], color=style.color, lw=1, alpha=0.5)
    line_of = {label: style for label, (_, style) in styles.items()}
    draw_lines(axes, pd.concat(lines), "value", "middle", line_of, clip_on=False)


def _parameter_axis(axes: Axes, sweep: ProblemSweep) -> None:
    """Put a tick at each value, on a logarithmic axis if the values span a decade."""
    values = np.array(list(sweep.labels))
    if values[0] > 0 and values[-1] >= 10 * values[0]:
        axes.set_xscale("log")
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.set_xticks([], minor=True)
    axes.set_xlabel(sweep.parameter)
