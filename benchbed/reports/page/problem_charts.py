"""The charts of one problem: values against calls, targets reached, learning rates, best of k and metrics."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from benchbed.formatting import count
from benchbed.interfaces import ALL_PROBLEMS, ProblemFacts, Results
from benchbed.plotting.axes import value_scale
from benchbed.reports.bands import describe_endings, quartiles
from benchbed.reports.captions import (
    EXACT_MARK,
    has_exact,
    under_best_of_k,
    under_ecdf,
    under_learning_rate,
    under_loss,
    under_metrics,
)  # fmt: skip
from benchbed.reports.ecdf import first_calls, reached_curves, scored_problems
from benchbed.reports.learning_rate import medians_by_rate
from benchbed.reports.metric_curves import median_curve, metrics_of
from benchbed.reports.page.charts import (
    HEIGHT,
    WIDTH,
    Chart,
    ChartAxis,
    ChartLine,
    ValueAxis,
    area,
    call_axis,
    call_positions,
    cross,
    decade_axis,
    points,
    polyline,
    share_axis,
)  # fmt: skip

_MOST_BANDS = 3
"""Bands in one chart that can be distinguished; of more, the style sheet hides all but a highlighted one."""
_MARGIN = 1.05
"""Free space above the highest value, as a factor."""


def charts_of(results: Results, problem: str, numbers: Mapping[str, int]) -> list[Chart]:
    """Return the charts of a problem; `numbers` are the indices of the optimizers in the study."""
    return [
        *loss_charts(results, problem, numbers),
        *target_charts(results, problem, numbers),
        *rate_charts(results, problem, numbers),
        *best_of_k_charts(results, problem, numbers),
        *metric_charts(results, problem, numbers),
    ]


def loss_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[Chart]:
    """Yield a chart for each track: the median gap, or objective, against calls, with its quartiles."""
    facts = results.problems[problem]
    trials = results.outcomes[results.outcomes["problem"] == problem]
    curves = results.curves[results.curves["trial_key"].isin(trials["trial_key"])]
    column = "gap" if facts.has_optimum else "objective"
    bands = {
        (track, optimizer): (quartiles(rows, curves, column, facts.budget), describe_endings(rows))
        for (track, optimizer), rows in trials.groupby(["track", "optimizer"], sort=False)
    }
    if not bands:
        return
    values = np.concatenate([band[["lower", "median"]].to_numpy().ravel() for band, _ in bands.values()])
    has_lost = not all(np.isfinite(band["median"]).all() for band, _ in bands.values())
    axis = ValueAxis(value_scale(values, facts), facts, has_lost)
    caption = under_loss(results, problem, has_lost, has_exact(trials), has_small_panels=False)
    if len(numbers) > _MOST_BANDS:
        caption += f" Of more than {_MOST_BANDS} optimizers, only the band of the highlighted one is drawn."
    labels = _labels(numbers, trials)
    for track in results.tracks:
        shown = [optimizer for optimizer in numbers if (track, optimizer) in bands]
        lines = []
        for position, optimizer in enumerate(shown):
            band, endings = bands[track, optimizer]
            x = call_positions(band["calls"], facts.budget)
            lower, median = axis.heights(band["lower"]), axis.heights(band["median"])
            is_lost = np.isinf(band["median"].to_numpy())
            lane = axis.lane(position, len(shown)) / axis.height
            label = labels[optimizer]
            lines.append(
                ChartLine(
                    numbers[optimizer],
                    f"{label} ({endings})" if endings else label,
                    polyline(x, median),
                    area(x, lower, axis.heights(band["upper"], infinite=1.0)),
                    lost=cross(float(x[is_lost.argmax()]), lane) if is_lost.any() else "",
                )
            )
        title = f"{'Gap' if facts.has_optimum else 'Objective'} against calls"
        if lines:
            yield Chart(
                title, caption, call_axis(facts.budget), axis.axis(), lines, track, axis.level, axis.strip
            )


def target_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[Chart]:
    """Yield a chart for each track: the share of targets reached, also over `ALL_PROBLEMS`."""
    scored = scored_problems(results)
    problems = scored if problem == ALL_PROBLEMS else [problem]
    if problem not in (*scored, ALL_PROBLEMS) or not problems:
        return
    trials = results.outcomes[results.outcomes["problem"].isin(problems)]
    curves = {track: reached_curves(results, problems, track) for track in results.tracks}
    top = max(
        (curve["share"].max() for of_track in curves.values() for curve in of_track.values()), default=0
    )
    top = min(max(top * _MARGIN, 0.1), 1.0)
    absent = len({name for name in numbers if not any(name in of_track for of_track in curves.values())})
    caption = under_ecdf(results, problems, absent, has_exact(trials))
    labels = _labels(numbers, trials)
    for track, of_track in curves.items():
        lines = [
            ChartLine(
                numbers[optimizer],
                labels[optimizer],
                polyline(curve["position"].to_numpy(), curve["share"].to_numpy() / top, is_step=True),
            )
            for optimizer, curve in of_track.items()
        ]
        facts = None if problem == ALL_PROBLEMS else results.problems[problem]
        if lines:
            yield Chart(
                "Targets reached", caption, _score_axis(facts), share_axis("share", top), lines, track
            )


def rate_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[Chart]:
    """Yield the chart of the final value against the learning rate, if a rate was tuned."""
    facts = results.problems[problem]
    column = "gap" if facts.has_optimum else "final_objective"
    medians = medians_by_rate(results.tuning[results.tuning["problem"] == problem], column)
    medians = {optimizer: medians[optimizer] for optimizer in numbers if optimizer in medians}
    if not medians:
        return
    values = np.concatenate([rates.to_numpy() for rates in medians.values()])
    axis = ValueAxis(value_scale(values, facts), facts, not np.isfinite(values).all())
    rates = np.unique(np.concatenate([of_optimizer.index for of_optimizer in medians.values()]))
    lines = []
    for position, (optimizer, of_optimizer) in enumerate(medians.items()):
        x = rate_positions(of_optimizer.index.to_numpy(), rates)
        y = axis.heights(of_optimizer, infinite=axis.lane(position, len(medians)))
        lines.append(ChartLine(numbers[optimizer], optimizer, polyline(x, y), dots=points(x, y)))
    measures = results.measures[results.measures["problem"] == problem]
    caption = under_learning_rate(results, problem, measures, axis.has_infinite).replace(
        "Optimizers at one rate are drawn side by side. ", ""
    )
    x_axis = decade_axis("learning rate", rates[0], rates[-1])
    yield Chart(
        "Learning-rate sensitivity", caption, x_axis, axis.axis("final "), lines, "", axis.level, axis.strip
    )


def best_of_k_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[Chart]:
    """Yield the chart of the expected score of the best of k settings, if a space was searched."""
    expected = results.best_of_k[results.best_of_k["problem"] == problem]
    expected = expected[expected["optimizer"].isin(list(numbers))]
    if expected.empty:
        return
    settings, top = int(expected["k"].max()), min(float(expected["score"].max()) * _MARGIN or 1.0, 1.0)
    span = math.log2(settings) or 1.0
    lines = [
        ChartLine(
            numbers[str(optimizer)],
            str(optimizer),
            polyline(np.log2(rows["k"].to_numpy()) / span, rows["score"].to_numpy() / top),
        )
        for optimizer, rows in expected.groupby("optimizer", sort=False)
    ]
    ticks = [(round(power / span * WIDTH), f"{2**power}") for power in range(settings.bit_length())]
    caption = under_best_of_k(results, problem, settings).partition(" Ring: ")[0]
    axis = share_axis("expected score", top)
    yield Chart("Best of k settings", caption, ChartAxis("k (settings tried)", ticks), axis, lines)


def metric_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[Chart]:
    """Yield a chart for each metric that is measured at checkpoints, and track."""
    facts = results.problems[problem]
    trials = results.outcomes[results.outcomes["problem"] == problem]
    caption = under_metrics(results, problem, has_exact(trials))
    labels = _labels(numbers, trials)
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
                    x, y = call_positions(curve["calls"], facts.budget), (curve["median"] - low) / span
                    lines.append(ChartLine(numbers[optimizer], labels[optimizer], polyline(x, y.to_numpy())))
            if lines:
                y_axis = linear_axis(metric, low, low + span)
                yield Chart(f"{metric} against calls", caption, call_axis(facts.budget), y_axis, lines, track)


def rate_positions(rates: np.ndarray, all_rates: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the positions of learning rates on the axis of all of them."""
    low, high = min(all_rates), max(all_rates)
    return np.log(rates / low) / (math.log(high / low) or 1.0)


def linear_axis(label: str, low: float, high: float) -> ChartAxis:
    """Return a linear vertical axis with five ticks."""
    shares = np.linspace(0, 1, 5)
    return ChartAxis(label, [(round(HEIGHT * s), f"{low + s * (high - low):.3g}") for s in shares])


def _labels(numbers: Mapping[str, int], trials: pd.DataFrame) -> dict[str, str]:
    """Return the names of the optimizers, marked if any of these trials used the exact oracle."""
    exact = set(trials["optimizer"][trials["oracle"] == "exact"])
    return {name: f"{name} {EXACT_MARK}" if name in exact else name for name in numbers}


def _score_axis(facts: ProblemFacts | None) -> ChartAxis:
    """Return the axis of the score: of calls on one problem, of shares of the logarithm over several."""
    if facts is None:
        return ChartAxis(
            "ln(calls) / ln(budget)",
            [(round(share * WIDTH), f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)],
        )
    lowest = first_calls(facts)
    span = math.log(facts.budget / lowest) or 1.0
    decades = [10.0**power for power in range(12) if lowest <= 10.0**power <= facts.budget]
    return ChartAxis(
        "calls", [(round(math.log(tick / lowest) / span * WIDTH), count(tick)) for tick in decades]
    )
