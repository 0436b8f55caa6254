"""The charts of one problem: values and metrics against calls, and final values against learning rates."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from benchbed.interfaces import Results
from benchbed.plotting.axes import value_scale
from benchbed.reports.bands import describe_endings, quartiles
from benchbed.reports.captions import (
    has_exact,
    join_sentences,
    under_learning_rate,
    under_loss,
    under_metrics,
)  # fmt: skip
from benchbed.reports.ecdf import scored_problems
from benchbed.reports.learning_rate import medians_by_rate
from benchbed.reports.metric_curves import median_curve, metrics_of
from benchbed.reports.page import charts
from benchbed.reports.page.reference_lines import gap_lines, reference_medians
from benchbed.reports.page.score_charts import best_of_k_charts, target_charts

_MOST_BANDS = 3
"""Bands in one chart that can be distinguished; of more, the style sheet hides all but a highlighted one."""


def charts_of(results: Results, problem: str, numbers: Mapping[str, int]) -> list[charts.Chart]:
    """Return the charts of a problem; `numbers` are the indices of the optimizers in the study."""
    return [
        *loss_charts(results, problem, numbers),
        *(target_charts(results, [problem], numbers) if problem in scored_problems(results) else ()),
        *rate_charts(results, problem, numbers),
        *best_of_k_charts(results, problem, numbers),
        *metric_charts(results, problem, numbers),
    ]


def loss_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[charts.Chart]:
    """Yield a chart for each track: the median gap, or objective, against calls, with its quartiles."""
    facts = results.problems[problem]
    trials = results.outcomes[results.outcomes["problem"] == problem]
    curves = results.curves[results.curves["trial_key"].isin(trials["trial_key"])]
    value = "gap" if facts.has_optimum else "objective"
    bands = {
        (track, optimizer): (quartiles(rows, curves, value, facts.budget), describe_endings(rows))
        for (track, optimizer), rows in trials.groupby(["track", "optimizer"], sort=False)
    }
    if not bands:
        return
    values = np.concatenate(
        [
            reference_medians(results, problem),
            *(band[["lower", "median"]].to_numpy().ravel() for band, _ in bands.values()),
        ]
    )
    has_lost = any(np.isinf(band["median"]).any() for band, _ in bands.values())
    axis = charts.ValueAxis(value_scale(values, facts), facts, has_lost)
    caption = under_loss(results, problem, has_lost, has_exact(trials), has_small_panels=False)
    if len(numbers) > _MOST_BANDS:
        caption += f" Of more than {_MOST_BANDS} optimizers, only the band of the highlighted one is drawn."
    bounds = np.concatenate([values, *(band["upper"] for band, _ in bands.values())])
    caption = join_sentences(caption, axis.scale.describe_clipped(bounds))
    names, costs = charts.marked_names(numbers, trials), charts.call_costs(results, problem)
    for track in results.tracks:
        shown = [optimizer for optimizer in numbers if (track, optimizer) in bands]
        lines = gap_lines(results, problem, track, axis) if shown else []
        for position, optimizer in enumerate(shown):
            band, endings = bands[track, optimizer]
            x = charts.call_positions(band["calls"], facts.budget)
            lower, median = axis.heights(band["lower"]), axis.heights(band["median"])
            is_lost = np.isinf(band["median"].to_numpy())
            lane = axis.lane(position, len(shown)) / axis.height
            name = names[optimizer]
            lines.append(
                charts.ChartLine(
                    numbers[optimizer],
                    f"{name} ({endings})" if endings else name,
                    charts.polyline(x, median),
                    charts.area(x, lower, axis.heights(band["upper"], infinite=1.0)),
                    lost=charts.cross(float(x[is_lost.argmax()]), lane) if is_lost.any() else "",
                    cost=costs[track, optimizer],
                )
            )
        if lines:
            x_axis = charts.call_axis(facts.budget)
            yield charts.Chart(
                f"Median {value}", caption, x_axis, axis.axis(), lines, track, axis.level, axis.strip
            )


def rate_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[charts.Chart]:
    """Yield the chart of the final value against the learning rate, if a rate was tuned."""
    facts = results.problems[problem]
    column = "gap" if facts.has_optimum else "final_objective"
    medians = medians_by_rate(results.tuning[results.tuning["problem"] == problem], column)
    medians = {optimizer: medians[optimizer] for optimizer in numbers if optimizer in medians}
    if not medians:
        return
    values = np.concatenate([rates.to_numpy() for rates in medians.values()])
    axis = charts.ValueAxis(value_scale(values, facts), facts, bool(np.isinf(values).any()))
    rates = np.unique(np.concatenate([of_optimizer.index for of_optimizer in medians.values()]))
    lines = []
    for position, (optimizer, of_optimizer) in enumerate(medians.items()):
        x = rate_positions(of_optimizer.index.to_numpy(), rates)
        y = axis.heights(of_optimizer, infinite=axis.lane(position, len(medians)))
        lines.append(
            charts.ChartLine(numbers[optimizer], optimizer, charts.polyline(x, y), dots=charts.points(x, y))
        )
    measures = results.measures[results.measures["problem"] == problem]
    caption = under_learning_rate(results, problem, measures, axis.has_infinite).replace(
        "Optimizers at one rate are drawn side by side. ", ""
    )
    caption = join_sentences(caption, axis.scale.describe_clipped(values))
    x_axis = charts.decade_axis("learning rate", rates[0], rates[-1])
    yield charts.Chart(
        "Learning-rate sensitivity", caption, x_axis, axis.axis("final "), lines, "", axis.level, axis.strip
    )


def metric_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[charts.Chart]:
    """Yield a chart for each metric that is measured at checkpoints, and track."""
    facts = results.problems[problem]
    trials = results.outcomes[results.outcomes["problem"] == problem]
    caption = under_metrics(results, problem, has_exact(trials))
    names, costs = charts.marked_names(numbers, trials), charts.call_costs(results, problem)
    for metric in metrics_of(results, problem):
        curves = {
            (track, optimizer): median_curve(rows, results.curves, metric, facts.budget)
            for (track, optimizer), rows in trials.groupby(["track", "optimizer"], sort=False)
        }
        values = np.concatenate([curve["median"].to_numpy() for curve in curves.values()])
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        span = (high - low) or 1.0
        for track in results.tracks:
            lines = []
            for optimizer in numbers:
                if (track, optimizer) in curves:
                    curve = curves[track, optimizer]
                    x, y = charts.call_positions(curve["calls"], facts.budget), (curve["median"] - low) / span
                    path, cost = charts.polyline(x, y.to_numpy()), costs[track, optimizer]
                    lines.append(charts.ChartLine(numbers[optimizer], names[optimizer], path, cost=cost))
            if lines:
                y_axis = charts.linear_axis(metric, low, low + span)
                yield charts.Chart(
                    f"Median {metric}", caption, charts.call_axis(facts.budget), y_axis, lines, track
                )


def rate_positions(rates: np.ndarray, all_rates: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the positions of learning rates on the axis of all of them."""
    low, high = min(all_rates), max(all_rates)
    return np.log(rates / low) / (math.log(high / low) or 1.0)
