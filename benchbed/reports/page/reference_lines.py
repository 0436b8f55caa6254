"""Reference results on the page: grey lines behind those of the study."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from benchbed.interfaces import ALL_PROBLEMS, ProblemFacts, Results
from benchbed.interfaces.reference_studies import MatchedReference, ReferenceCurve
from benchbed.reports.ecdf import first_calls, mean_curve
from benchbed.reports.page.charts import CallCost, ChartLine, ValueAxis, call_positions, polyline

COLOR = "#8c929c"
FIRST_NUMBER = 100_000
"""Number of the first optimizer of reference results, more than a study has optimizers."""


def reference_numbers(results: Results) -> dict[str, int]:
    """Return the number of each optimizer of reference results, beyond those of a study."""
    labels = [
        reference.study.label(name) for reference in results.references for name in reference.optimizers
    ]
    return {label: index for index, label in enumerate(labels, start=FIRST_NUMBER)}


def gap_lines(results: Results, problem: str, track: str, axis: ValueAxis) -> list[ChartLine]:
    """Return the lines of the median gap, or objective, against calls."""
    numbers, budget = reference_numbers(results), results.problems[problem].budget
    return [
        ChartLine(
            numbers[label],
            label,
            polyline(call_positions(curve.calls, budget), axis.heights(_medians(curve))),
            cost=_cost(curve),
        )
        for label, curve in _curves(results, problem, track).items()
    ]


def reference_costs(results: Results, problem: str) -> dict[tuple[str, str], CallCost]:
    """Return the mean steps of a call by track and optimizer; seconds of another machine do not compare."""
    return {
        (track, label): _cost(curve)
        for track in results.tracks
        for label, curve in _curves(results, problem, track).items()
    }


def reference_medians(results: Results, problem: str) -> np.ndarray:
    """Return all values of the lines on a problem."""
    values = [
        _medians(curve) for track in results.tracks for curve in _curves(results, problem, track).values()
    ]
    return np.concatenate([np.empty(0), *values])


def with_target_curves(
    results: Results, problems: Sequence[str], track: str, curves: Mapping[str, pd.DataFrame]
) -> dict[str, pd.DataFrame]:
    """Add the share of targets reached by reference results on `problems` before `curves`, unless these are none.

    The curves are those of `reached_curves`. Over several problems, an optimizer needs a mean score.
    """
    if not curves:
        return {}
    of_problems = [_curves(results, problem, track) for problem in problems]
    means = [
        reference.study.label(name)
        for reference in results.references
        for name in optimizers_with_mean(reference, track)
    ]
    added = {
        label: mean_curve(
            [
                _positions(results.problems[problem], of_problem[label])
                for problem, of_problem in zip(problems, of_problems, strict=True)
            ]
        )
        for label in (means if len(problems) > 1 else of_problems[0])
        if all(label in of_problem and of_problem[label].reached for of_problem in of_problems)
    }
    return {**added, **curves}


def optimizers_with_mean(reference: MatchedReference, track: str) -> Iterator[str]:
    """Yield the optimizers that have a mean score over the problems of the reference study."""
    for row in reference.study.overall:
        if (row.group, row.track) == (ALL_PROBLEMS, track) and row.optimizer in reference.optimizers:
            yield row.optimizer


def _curves(results: Results, problem: str, track: str) -> dict[str, ReferenceCurve]:
    return {
        reference.study.label(curve.optimizer): curve
        for reference in results.references
        if problem in reference.problems
        for curve in reference.study.curves
        if (curve.problem, curve.track) == (problem, track) and curve.optimizer in reference.optimizers
    }


def _cost(curve: ReferenceCurve) -> CallCost:
    return CallCost(steps=1 / curve.calls_per_step) if curve.calls_per_step else CallCost()


def _medians(curve: ReferenceCurve) -> np.ndarray:
    return np.array([np.inf if value is None else value for value in curve.median])


def _positions(facts: ProblemFacts, curve: ReferenceCurve) -> pd.DataFrame:
    lowest = first_calls(facts)
    span = np.log(facts.budget / lowest) or 1.0
    positions = np.log(np.maximum(curve.calls, lowest) / lowest) / span
    return pd.DataFrame({"position": np.minimum(positions, 1.0), "share": curve.reached})
