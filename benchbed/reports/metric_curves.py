"""Curves of the metrics that are measured at checkpoints, such as the accuracy on validation data."""

import itertools

import pandas as pd

from benchbed.formatting import slugs
from benchbed.interfaces import MEASURED_STATUSES, Results
from benchbed.plotting.axes import call_axis
from benchbed.plotting.figure import add_legend, save_figure, stacked_panels
from benchbed.plotting.lines import draw_lines
from benchbed.plotting.style import GREY, line_styles, theme, wrap_label
from benchbed.reports.bands import describe_endings
from benchbed.reports.captions import has_exact, optimizer_label, under_metrics
from benchbed.reports.ranking import limit_optimizers

_HEIGHT = 3.0  # inches
_OTHER_COLUMNS = frozenset({"trial_key", "calls", "objective", "gap", "gradient_norm", "theta_0", "theta_1"})


def pieces(results: Results) -> list[str]:
    """Return the problems with metrics at checkpoints."""
    return [problem for problem in results.problems if metrics_of(results, problem)]


def draw(results: Results, problem: str) -> dict[str, bytes]:
    """Draw `plots/metrics-<problem>.png` and `.svg`, a panel for each metric and track."""
    results, note = limit_optimizers(results)
    name, facts = f"metrics-{slugs(results.problems)[problem]}", results.problems[problem]
    trials = results.outcomes[results.outcomes["problem"] == problem]
    styles = line_styles(results.optimizers)
    panels = {}
    for metric, track in itertools.product(metrics_of(results, problem), results.tracks):
        of_track = trials[trials["track"] == track]
        curves = {}
        for optimizer in results.optimizers:
            rows = of_track[of_track["optimizer"] == optimizer]
            if len(rows):
                endings = describe_endings(rows)
                label = optimizer_label(optimizer, of_track) + (f"\n({endings})" if endings else "")
                curves[label] = median_curve(rows, results.curves, metric, facts.budget), styles[optimizer]
        panels[metric, track] = curves
    with theme(name):
        figure, all_axes = stacked_panels([[*curves, ""] for curves in panels.values()], _HEIGHT)
        for axes, ((metric, track), curves) in zip(all_axes, panels.items(), strict=True):
            axes.set_title(wrap_label(f"{problem}, {track} track", 80))
            axes.set_ylabel(metric)
            call_axis(axes, facts.budget)
            lines = pd.concat([curve.assign(label=label) for label, (curve, _) in curves.items()])
            line_of = {label: style for label, (_, style) in curves.items()}
            draw_lines(axes, lines, "calls", "median", line_of, marker_distance=0.12)
            if metric == facts.target_metric:
                label = f"success: {facts.success}"
                axes.axhline(facts.success_target, color=GREY, lw=0.8, ls=(0, (2, 2)), zorder=1, label=label)
            add_legend(axes)
        return save_figure(figure, name, under_metrics(results, problem, has_exact(trials)), note)


def median_curve(trials: pd.DataFrame, curves: pd.DataFrame, metric: str, budget: float) -> pd.DataFrame:
    """Compute the median of a metric over the trials that did not diverge or fail, with columns calls and median.

    A trial that ended keeps its last value up to the budget.
    """
    keys = trials["trial_key"][trials["status"].isin(MEASURED_STATUSES)]
    checkpoints = curves[curves["trial_key"].isin(keys)].astype({"trial_key": str})
    table = checkpoints.pivot(index="calls", columns="trial_key", values=metric)
    table = table.reindex(index=sorted({*table.index, float(budget)})).ffill()
    return table.median(axis=1).rename("median").rename_axis("calls").reset_index()


def metrics_of(results: Results, problem: str) -> list[str]:
    """Return the metrics that were measured at checkpoints of a problem."""
    keys = results.outcomes["trial_key"][results.outcomes["problem"] == problem]
    curves = results.curves[results.curves["trial_key"].isin(keys)]
    return [str(name) for name in curves if name not in _OTHER_COLUMNS and curves[name].notna().any()]
