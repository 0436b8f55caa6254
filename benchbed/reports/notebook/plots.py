"""Plots of a study for a notebook: seaborn grids of its tidy frames."""

import functools
import itertools
from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_hex

from benchbed.analysis.tidy import tidy_curves, tidy_targets, tidy_tuning
from benchbed.catalog.names import quoted, suggestion
from benchbed.errors import UsageError
from benchbed.formatting import count
from benchbed.interfaces import Results
from benchbed.plotting.axes import CALLS_LABEL, add_success_line, call_axis, label_powers
from benchbed.plotting.style import line_styles, theme, wrap_label
from benchbed.reports.ecdf import first_calls
from benchbed.reports.heatmap import draw_panel, heatmap_cells
from benchbed.reports.metric_curves import metrics_of
from benchbed.reports.notebook.panels import (
    SIZE,
    Arguments,
    Styles,
    check_panels,
    columns,
    draw_lines,
    panels,
    with_labels,
    with_look,
    with_outer_labels,
    with_values,
)  # fmt: skip

_FIXED = ("data", "x", "y", "kind")
_MOST_BANDS = 3
_UNREACHED = 10.0
"""Position of the targets that were not reached, beyond the axis, as a multiple of the budget."""


def draw_plot(
    results: Results,
    kind: str,
    problem: str | None,
    optimizer: str | None,
    track: str | None,
    arguments: Arguments,
) -> sns.FacetGrid:
    """Draw one of `PLOTS`, of one problem, optimizer or track or of all, and return its seaborn grid.

    Raises: UsageError if the kind or a selected name is unknown, or if the study contains nothing to draw.
    """
    if kind not in PLOTS:
        kinds = ", ".join(PLOTS)
        raise UsageError(f"unknown plot {quoted(kind)}{suggestion(str(kind), PLOTS)}; choose one of {kinds}")
    for name in _FIXED:
        if name in arguments:
            raise UsageError(f"the plot {kind!r} sets {name} itself; draw a frame of the study with seaborn")
    styles = line_styles(results.optimizers)
    for column, label in {"problem": problem, "optimizer": optimizer, "track": track}.items():
        if label is not None:
            results = _select(results, column, label)
    # The backend of a notebook makes itself interactive when it is loaded, which the end of the theme would undo.
    plt.switch_backend(plt.get_backend())
    with theme(kind):
        return PLOTS[kind](results, styles, arguments)


def _select(results: Results, column: str, label: str) -> Results:
    """Return the results of one problem, optimizer or track."""
    names = {"problem": results.problems, "optimizer": results.optimizers, "track": results.tracks}[column]
    if label not in names:
        hint = suggestion(str(label), names)
        raise UsageError(f"unknown {column} {quoted(label)}{hint}; this study has {', '.join(names)}")

    def rows(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame[column] == label] if column in frame else frame

    selected = results._replace(
        outcomes=rows(results.outcomes), tuning=rows(results.tuning), best_of_k=rows(results.best_of_k),
        summary=rows(results.summary),
    )  # fmt: skip
    if column == "problem":
        return selected._replace(problems={label: results.problems[label]})
    return (
        selected._replace(optimizers=(label,))
        if column == "optimizer"
        else selected._replace(tracks=(label,))
    )


def draw_loss(results: Results, styles: Styles, arguments: Arguments) -> sns.FacetGrid:
    """Draw the median of the gap, or of the objective, against calls, with the quartiles of few optimizers."""
    curves, value_axes = with_values(tidy_curves(results), results, ["optimizer", "track", "calls"])
    options = {"row": "problem", "col": "track", "markers": False, "errorbar": _band(results), **arguments}
    grid = draw_lines(curves, styles, {"x": "calls", "y": "value", **options}, "trials")
    for axes, rows in panels(grid, curves, options):
        problem = str(rows["problem"].iloc[0])
        axis = value_axes[problem]
        axis.set_on(axes)
        add_success_line(axes, axis.scale, axis.facts)
        call_axis(axes, results.problems[problem].budget)
    return with_outer_labels(grid)


def draw_metrics(results: Results, styles: Styles, arguments: Arguments) -> sns.FacetGrid:
    """Draw the median of each metric that is measured at checkpoints against calls; lost trials have none."""
    metrics = dict.fromkeys(metric for problem in results.problems for metric in metrics_of(results, problem))
    labels = ["problem", "optimizer", "track", "seed", "calls"]
    frame = tidy_curves(results).melt(labels, [*metrics], "metric").dropna(subset="value")
    options = {"row": "metric", "col": "track", "markers": False, "errorbar": _band(results), **arguments}
    grid = draw_lines(frame, styles, {"x": "calls", "y": "value", **options}, "metric at checkpoints")
    for axes, rows in panels(grid, frame, options):
        axes.set_ylabel(wrap_label(rows["metric"].iloc[0]))
        call_axis(axes, results.problems[str(rows["problem"].iloc[0])].budget)
    return with_outer_labels(grid)


def draw_rates(results: Results, styles: Styles, arguments: Arguments) -> sns.FacetGrid:
    """Draw the median of the final gap, or objective, of the tuning trials against the learning rate."""
    tuning = tidy_tuning(results)[(results.tuning["learning_rate"] > 0).to_numpy()]
    tuning, value_axes = with_values(tuning, results, ["optimizer", "learning_rate"])
    options = {"col": "problem", "col_wrap": columns(tuning), "errorbar": None, **arguments}
    grid = draw_lines(
        tuning, styles, {"x": "learning_rate", "y": "value", **options}, "learning rates of the track tuned"
    )
    for axes, rows in panels(grid, tuning, options):
        axis = value_axes[str(rows["problem"].iloc[0])]
        axis.set_on(axes, "final ")
        add_success_line(axes, axis.scale, axis.facts)
        axes.set_xscale("log")
        label_powers(axes.xaxis)
        axes.set_xlabel("learning rate")
    return with_outer_labels(grid)


def draw_best_of_k(results: Results, styles: Styles, arguments: Arguments) -> sns.FacetGrid:
    """Draw the expected score of the best of k settings of the track `searched`."""
    frame = results.best_of_k
    options = {"col": "problem", "col_wrap": columns(frame), "errorbar": None, **arguments}
    grid = draw_lines(frame, styles, {"x": "k", "y": "score", **options}, "trials of the track searched")
    for axes, _ in panels(grid, frame, options):
        axes.set_xscale("log", base=2)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.set(xlabel="k (settings tried)", ylabel="expected score")
    return with_outer_labels(grid)


def draw_targets(results: Results, styles: Styles, arguments: Arguments) -> sns.FacetGrid:
    """Draw the share of targets that were reached against calls, of all trials and targets."""
    targets = tidy_targets(results)
    first = targets["problem"].map({name: first_calls(facts) for name, facts in results.problems.items()})
    targets["calls"] = targets["calls"].clip(first.astype(float), _UNREACHED * targets["budget"])
    options = {"row": "problem", "col": "track", "hue": "optimizer", **SIZE, **arguments}
    options["facet_kws"] = {"sharex": False, **options.get("facet_kws", {})}
    check_panels(targets, options, "problem with a score")
    grid = sns.displot(with_labels(targets), x="calls", kind="ecdf", **with_look(options, styles))
    for axes, rows in panels(grid, targets, options):
        facts = results.problems[str(rows["problem"].iloc[0])]
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(lambda calls, _: count(calls))
        axes.set(
            xlim=(first_calls(facts), facts.budget), xlabel=CALLS_LABEL, ylabel="share of targets reached"
        )
        axes.set_ylim(bottom=-0.015)  # a curve along 0 would be on the frame
    if options["hue"] == "optimizer" and "linestyle" not in options:  # seaborn has no styles for these curves
        by_color = {to_hex(style.color): (index, style.dashes) for index, style in enumerate(styles.values())}
        legend = grid.legend.get_lines() if grid.legend else []
        for line in itertools.chain(legend, *(axes.lines for axes in grid.axes.flat)):
            if to_hex(line.get_color()) in by_color:
                index, dashes = by_color[to_hex(line.get_color())]
                line.set(linestyle=dashes, zorder=2 + index / 100)  # dashes are above a solid line
    return with_outer_labels(grid)


def draw_scores(results: Results, styles: Styles, arguments: Arguments) -> sns.FacetGrid:
    """Draw the scores of all optimizers on all problems, shaded by their share of the best one on the problem."""
    cells = heatmap_cells(results.summary[results.summary["score"].notna()], results.groups)
    check_panels(cells, {"row": "track", "col": "problem"}, "problem with a score")
    problems, optimizers = (list(dict.fromkeys(cells[name])) for name in ("problem", "optimizer"))
    height = 0.8 + 0.32 * len(optimizers)
    grid = sns.FacetGrid(cells, row="track", height=height, aspect=(2.5 + 1.2 * len(problems)) / height)
    for axes, rows in panels(grid, cells, {"row": "track"}):
        draw_panel(axes, rows, optimizers, problems, **arguments)
    labels = [wrap_label(problem, 16) for problem in problems]
    grid.axes.flat[-1].set_xticks(np.arange(len(problems)) + 0.5, labels)
    grid.tight_layout()
    return grid


def _band(results: Results) -> Callable[["pd.Series[float]"], np.ndarray] | None:
    """Return the function of the band around a median: the quartiles, if so few bands can be distinguished.

    These are the ⌈n/4⌉-th and ⌈3n/4⌉-th smallest value, between which the lower median lies for any n.
    """
    is_drawn = len(results.optimizers) <= _MOST_BANDS
    return (
        functools.partial(np.quantile, q=np.array([0.25, 0.75]), method="inverted_cdf") if is_drawn else None
    )


PLOTS: dict[str, Callable[[Results, Styles, Arguments], sns.FacetGrid]] = {
    "loss": draw_loss,
    "targets": draw_targets,
    "learning-rate": draw_rates,
    "scores": draw_scores,
    "metrics": draw_metrics,
    "best-of-k": draw_best_of_k,
}
"""The kinds of plots, by name."""
