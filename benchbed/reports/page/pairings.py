"""Details of the pairings: each trial, each learning rate that was tried, and the tracebacks of failures."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from benchbed.formatting import exception_line, plural, short
from benchbed.interfaces import LOST_STATUSES, ProblemFacts, Results, TrialStatus
from benchbed.plotting.axes import value_scale
from benchbed.reports.captions import join_sentences
from benchbed.reports.page.charts import (
    CallCost,
    Chart,
    ChartLine,
    ValueAxis,
    call_axis,
    call_costs,
    call_positions,
    decade_axis,
    points,
    polyline,
)  # fmt: skip
from benchbed.reports.page.problem_charts import rate_positions
from benchbed.reports.page.tables import PageCell, PageRow, PageTable
from benchbed.reports.tables.summary import format_setting

MOST_PAIRINGS = 120
"""Pairings with details in one page; those that lost trials come first."""
_MOST_CURVES = 25
"""Trials of a track that are drawn in one chart."""
_MOST_ROWS = 100
"""Trials of a track in the table of a pairing."""
_MOST_FAILURES = 4
"""Different failures of a pairing with their tracebacks."""
_MOST_CHARACTERS = 6_000
"""Characters of a traceback; of a longer one the end is shown."""


class PageFailure(NamedTuple):
    """Trials that failed with the same error."""

    title: str
    error: str


class PairingDetails(NamedTuple):
    """The trials of an optimizer on a problem."""

    anchor: str
    number: int
    """Index of the optimizer in the study."""
    optimizer: str
    scores: str
    """The scores of all tracks in words."""
    charts: Sequence[Chart]
    trials: PageTable
    note: str
    """A sentence on the trials that the table does not contain; empty if it contains all."""
    failures: Sequence[PageFailure]
    more_failures: int


def pairing_anchors(results: Results, numbers: Mapping[str, int]) -> dict[tuple[str, str], str]:
    """Return the anchors of the pairings with details, by problem and optimizer.

    If there are too many pairings, those that lost most trials come first, then those with the highest scores.
    """
    summary = results.summary[results.summary["optimizer"].isin(list(numbers))]
    lost = summary[list(LOST_STATUSES)].sum(axis=1)
    rows = summary.assign(lost=lost).groupby(["problem", "optimizer"], sort=False)
    pairings = rows.agg(lost=("lost", "sum"), score=("score", "max"))
    shown = pairings.sort_values(["lost", "score"], ascending=False, kind="stable").index[:MOST_PAIRINGS]
    positions = {problem: index for index, problem in enumerate(results.problems)}
    return {
        (problem, optimizer): f"p{positions[problem]}-o{numbers[optimizer]}"
        for problem, optimizer in pairings.index[pairings.index.isin(shown)]
    }


def pairings_of(
    results: Results, problem: str, numbers: Mapping[str, int], anchors: Mapping[tuple[str, str], str]
) -> list[PairingDetails]:
    """Return the details of the pairings of a problem."""
    facts = results.problems[problem]
    outcomes = results.outcomes[results.outcomes["problem"] == problem]
    tuning = results.tuning[results.tuning["problem"] == problem]
    with_curve = outcomes[outcomes["trial_key"].isin(results.curves["trial_key"].unique())]
    drawn = with_curve.groupby(["optimizer", "track"], sort=False).head(_MOST_CURVES)
    curves = results.curves[results.curves["trial_key"].isin(drawn["trial_key"])]
    by_trial = {str(key): rows for key, rows in curves.groupby("trial_key", observed=True)}
    summary = results.summary[results.summary["problem"] == problem]
    costs_by_row = call_costs(results, problem)
    details = []
    for optimizer, number in numbers.items():
        if (problem, optimizer) not in anchors:
            continue
        evaluated = outcomes[outcomes["optimizer"] == optimizer]
        tuned = tuning[tuning["optimizer"] == optimizer]
        rows = summary[summary["optimizer"] == optimizer]
        column = "score" if facts.is_scored else "objective"
        scores = [f"{track} {short(value)}" for track, value in zip(rows["track"], rows[column], strict=True)]
        costs = {track: costs_by_row[track, optimizer] for track in results.tracks}
        totals = with_curve["track"][with_curve["optimizer"] == optimizer].value_counts()
        charts = _trial_charts(drawn[drawn["optimizer"] == optimizer], totals, by_trial, facts, number, costs)
        charts += _rate_chart(tuned, facts, number)
        most = max(evaluated["track"].value_counts(), default=0)
        note = f"The table contains the first {_MOST_ROWS} of {most} trials of a track; the folder trials contains all."
        note = note if most > _MOST_ROWS else ""
        failures = _failures(pd.concat([evaluated.assign(role="evaluation"), tuned.assign(role="tuning")]))
        kind = "skipped trials" if (rows["skipped"] == rows["trials"]).all() else "failures"
        details.append(
            PairingDetails(
                anchors[problem, optimizer],
                number,
                optimizer,
                f"{column}: {', '.join(scores)}" + (f", with {kind}" if failures else ""),
                charts,
                _trial_table(evaluated.groupby("track", sort=False).head(_MOST_ROWS), facts, number),
                note,
                failures[:_MOST_FAILURES],
                max(0, len(failures) - _MOST_FAILURES),
            )
        )
    return details


def _trial_charts(
    trials: pd.DataFrame,
    totals: "pd.Series[int]",
    by_trial: Mapping[str, pd.DataFrame],
    facts: ProblemFacts,
    number: int,
    costs: Mapping[str, CallCost],
) -> list[Chart]:
    """Return a chart for each track with the curves `by_trial` of these trials.

    `totals` counts all trials of each track that have a curve, from which these are the first.
    """
    column = "gap" if facts.has_optimum else "objective"
    if trials.empty:
        return []
    values = np.concatenate([by_trial[key][column].to_numpy() for key in trials["trial_key"]])
    axis = ValueAxis(value_scale(values, facts), facts, has_infinite=False)
    charts = []
    for track, drawn in trials.groupby("track", sort=False):
        lines = []
        for seed, status, key in zip(drawn["seed"], drawn["status"], drawn["trial_key"], strict=True):
            curve = by_trial[key]
            path = polyline(call_positions(curve["calls"], facts.budget), axis.heights(curve[column]))
            lines.append(
                ChartLine(number, f"seed {seed}: {status.replace('_', ' ')}", path, cost=costs[str(track)])
            )
        caption = f"The {plural(len(drawn), 'trial')} of the track {track}, one line each."
        if len(drawn) < totals[track]:
            caption = f"The first {len(drawn)} of {totals[track]} trials of the track {track}, one line each."
        charts.append(
            Chart(
                "Trials",
                join_sentences(caption, axis.scale.describe_clipped(values)),
                call_axis(facts.budget),
                axis.axis(),
                lines,
                str(track),
                axis.level,
                cost=costs[str(track)],
            )
        )
    return charts


def _rate_chart(tuning: pd.DataFrame, facts: ProblemFacts, number: int) -> list[Chart]:
    """Return the chart of the final values of all tuning trials against their learning rates, if there are any."""
    trials = tuning[(tuning["learning_rate"] > 0) & (tuning["status"] != TrialStatus.SKIPPED)]
    if trials.empty:
        return []
    values = trials["gap" if facts.has_optimum else "final_objective"].astype(float).fillna(math.inf)
    values = values.mask(trials["status"].isin(LOST_STATUSES), math.inf)
    axis = ValueAxis(value_scale(values.to_numpy(), facts), facts, bool(np.isinf(values).any()))
    rates = trials["learning_rate"].to_numpy(dtype=float)
    x, y = rate_positions(rates, rates), axis.heights(values, infinite=axis.lane(0, 1))
    line = ChartLine(number, "a tuning trial each", "", dots=points(x, y))
    x_axis = decade_axis("learning rate", rates.min(), rates.max())
    caption = "A dot for each tuning trial at each learning rate that was tried."
    caption = join_sentences(caption, axis.scale.describe_clipped(values))
    return [Chart("Tuning trials", caption, x_axis, axis.axis("final "), [line], "", axis.level, axis.strip)]


def _trial_table(trials: pd.DataFrame, facts: ProblemFacts, number: int) -> PageTable:
    """Build the table of the evaluation trials."""
    value = "gap" if facts.has_optimum else "final_objective"
    rows = []
    for trial in trials.to_dict("records"):
        texts = [trial["track"], str(trial["seed"]), format_setting(trial["hyperparameters"])]
        texts += [
            str(trial["status"]).replace("_", " "),
            short(_number(trial["calls"])),
            short(_number(trial[value])),
        ]
        texts += [short(_number(trial["score"]))] if facts.is_scored else []
        rows.append(PageRow(str(number), trial["track"], [PageCell(text) for text in texts]))
    headers = ["track", "seed", "setting", "status", "calls", value.replace("_", " ")]
    return PageTable("Evaluation trials", [*headers, *(["score"] if facts.is_scored else [])], rows)


def _failures(trials: pd.DataFrame) -> list[PageFailure]:
    """Return the errors of trials, the most frequent first."""
    failed = trials[trials["error"] != ""]
    failures = []
    for error in failed["error"].value_counts().index:
        rows = failed[failed["error"] == error]
        kinds = [
            f"{plural(len(of_kind), f'{role} trial')} {str(status).replace('_', ' ')}"
            for (role, status), of_kind in rows.groupby(["role", "status"], sort=False)
        ]
        text = error if len(error) <= _MOST_CHARACTERS else f"…{error[-_MOST_CHARACTERS:]}"
        failures.append(PageFailure(f"{', '.join(kinds)}: {exception_line(error)}", text))
    return failures


def _number(value: object) -> float:
    return math.nan if value is None else float(str(value))
