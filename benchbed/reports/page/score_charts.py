"""The charts of scores: targets reached, on one problem or in the mean over several, and the best of k settings."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from benchbed.formatting import count
from benchbed.interfaces import ProblemFacts, Results
from benchbed.reports.captions import describe_scored, has_exact, under_best_of_k, under_ecdf
from benchbed.reports.ecdf import first_calls, reached_curves, scored_problems
from benchbed.reports.page import charts
from benchbed.reports.page.reference_lines import reference_costs, reference_numbers, with_target_curves

_MARGIN = 1.05
"""Free space above the highest value, as a factor."""


def mean_target_charts(results: Results, numbers: Mapping[str, int]) -> list[charts.Chart]:
    """Return the charts of targets reached over all problems, and over those of each group with several."""
    planned = dict.fromkeys(results.outcomes["problem"])
    tables = {"": list(planned)}
    for name in planned:
        tables.setdefault(f"group {results.problems[name].group}", []).append(name)
    if len(tables) == 2:
        tables = {"": list(planned)}
    scored, titles = scored_problems(results), {}
    for group, of_table in tables.items():
        problems = [name for name in scored if name in of_table]
        is_whole = group and len(problems) == len(of_table)
        parts = [group, "" if is_whole else describe_scored(problems, len(of_table))]
        titles[", ".join(["Targets reached", *filter(None, parts)])] = problems
    return [
        chart
        for title, problems in titles.items()
        if len(problems) > 1
        for chart in target_charts(results, problems, numbers, title)
    ]


def target_charts(
    results: Results, problems: list[str], numbers: Mapping[str, int], title: str = "Targets reached"
) -> Iterator[charts.Chart]:
    """Yield a chart for each track: the share of targets reached, in the mean over scored problems."""
    if not problems:
        return
    trials = results.outcomes[results.outcomes["problem"].isin(problems)]
    curves = {
        track: with_target_curves(results, problems, track, reached_curves(results, problems, track))
        for track in results.tracks
    }
    top = max(
        (curve["share"].max() for of_track in curves.values() for curve in of_track.values()), default=0
    )
    top = min(max(top * _MARGIN, 0.1), 1.0)
    absent = len({name for name in numbers if not any(name in of_track for of_track in curves.values())})
    caption = under_ecdf(results, problems, absent, has_exact(trials))
    numbers = {**numbers, **reference_numbers(results)}
    names = charts.marked_names(numbers, trials)
    is_mean = len(problems) > 1
    costs = {**charts.call_costs(results, problems[0]), **reference_costs(results, problems[0])}
    shares = [(round(share * charts.WIDTH), f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)]
    mean_axis = charts.ChartAxis("ln(calls) / ln(budget)", shares)
    axis = mean_axis if is_mean else _score_axis(results.problems[problems[0]])
    for track, of_track in curves.items():
        lines = [
            charts.ChartLine(
                numbers[optimizer],
                names[optimizer],
                charts.polyline(curve["position"].to_numpy(), curve["share"].to_numpy() / top, is_step=True),
                cost=charts.CallCost() if is_mean else costs.get((track, optimizer), charts.CallCost()),
            )
            for optimizer, curve in of_track.items()
        ]
        if lines:
            yield charts.Chart(title, caption, axis, charts.share_axis("share", top), lines, track)


def best_of_k_charts(results: Results, problem: str, numbers: Mapping[str, int]) -> Iterator[charts.Chart]:
    """Yield the chart of the expected score of the best of k settings, if a space was searched."""
    expected = results.best_of_k[results.best_of_k["problem"] == problem]
    expected = expected[expected["optimizer"].isin(list(numbers))]
    if expected.empty:
        return
    settings, top = int(expected["k"].max()), min(float(expected["score"].max()) * _MARGIN or 1.0, 1.0)
    span = math.log2(settings) or 1.0
    lines = [
        charts.ChartLine(
            numbers[str(optimizer)],
            str(optimizer),
            charts.polyline(np.log2(rows["k"].to_numpy()) / span, rows["score"].to_numpy() / top),
        )
        for optimizer, rows in expected.groupby("optimizer", sort=False)
    ]
    ticks = [(round(power / span * charts.WIDTH), f"{2**power}") for power in range(settings.bit_length())]
    caption = under_best_of_k(results, problem, settings).partition(" Ring: ")[0]
    axis = charts.share_axis("expected score", top)
    yield charts.Chart(
        "Best of k settings", caption, charts.ChartAxis("k (settings tried)", ticks), axis, lines
    )


def _score_axis(facts: ProblemFacts) -> charts.ChartAxis:
    """Return the axis of the score on one problem: of calls."""
    lowest = first_calls(facts)
    span = math.log(facts.budget / lowest) or 1.0
    decades = [10.0**power for power in range(12) if lowest <= 10.0**power <= facts.budget]
    ticks = [(round(math.log(tick / lowest) / span * charts.WIDTH), count(tick)) for tick in decades]
    return charts.ChartAxis("calls", ticks, f"{lowest:g} {lowest * math.exp(span):g} 0")
