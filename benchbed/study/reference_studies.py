"""Reference studies, built from the results of a study."""

import json
import math
from collections.abc import Iterator
from typing import Any, cast

import numpy as np

from benchbed.analysis.aggregate import comparable_values, deterministic_rows, share_within
from benchbed.interfaces import Results
from benchbed.interfaces.reference_studies import (
    ReferenceCurve,
    ReferenceMean,
    ReferenceProblem,
    ReferenceRow,
    ReferenceScores,
    ReferenceStudy,
)
from benchbed.interfaces.results import Track
from benchbed.reports.bands import quartiles
from benchbed.store import StudyFolder
from benchbed.study.model import Study
from benchbed.study.provenance import provenance_of

_DIGITS = 6
"""Significant digits of stored numbers."""
_SCORE_DIGITS = 12
"""Those of the scores of single trials: equal scores tie with those of another study, see `TIE`."""
_VERSIONS = ("benchbed", "torch")


def reference_of(study: Study, name: str, version: int = 0) -> ReferenceStudy:
    """Build the reference study of a study."""
    plan, results = study.plan, study.results
    starts = starts_of(results)
    facts = provenance_of(plan, StudyFolder(study.path)).facts
    overall = results.overall[results.overall["score"].notna()]
    return ReferenceStudy(
        name=name,
        version=version,
        protocol=plan.protocol,
        preset=plan.preset,
        study_seed=plan.study_seed,
        gradient=plan.gradient,
        tolerance=plan.tolerance,
        checkpoints=plan.checkpoints,
        versions={label: facts[label] for label in _VERSIONS if label in facts},
        problems=tuple(
            ReferenceProblem(
                label,
                problem.group,
                problem.budget,
                problem.dtype,
                problem.targets,
                problem.score_start,
                {seed: _rounded(value) for seed, value in starts.get(label, {}).items()},
            )
            for label, problem in results.problems.items()
        ),
        summary=tuple(
            ReferenceRow(**_plain(row), hyperparameters=json.loads(setting))
            for row, setting in zip(
                results.summary.drop(columns=["notes", "hyperparameters"]).to_dict("records"),
                results.summary["hyperparameters"],
                strict=True,
            )
        ),
        overall=tuple(
            ReferenceMean(**_plain(row)) for row in overall.drop(columns="reason").to_dict("records")
        ),
        curves=tuple(_curves(results)),
        scores=tuple(_scores(results)),
    )


def starts_of(results: Results) -> dict[str, dict[int, float]]:
    """Return the gap at the start by problem and seed, or the objective without a known optimum."""
    checkpoints = results.curves[results.curves["calls"] == 0].astype({"trial_key": str})
    trials = results.outcomes[["trial_key", "problem", "seed"]].merge(checkpoints, on="trial_key")
    starts: dict[str, dict[int, float]] = {}
    for row in trials.drop_duplicates(["problem", "seed"]).to_dict("records"):
        value = row["gap" if results.problems[row["problem"]].has_optimum else "objective"]
        if math.isfinite(value):
            starts.setdefault(row["problem"], {})[int(row["seed"])] = float(value)
    return starts


def _scores(results: Results) -> Iterator[ReferenceScores]:
    deterministic = deterministic_rows(results.summary)
    for problem in results.problems:
        for track in results.tracks:
            scores = comparable_values(results.summary, results.outcomes, track, [problem])
            for optimizer, (of_trials,) in scores.items():
                labels = (problem, optimizer, track)
                if labels in deterministic:
                    continue
                yield ReferenceScores(
                    problem,
                    optimizer,
                    cast(Track, track),
                    tuple(_rounded(score, _SCORE_DIGITS) for score in of_trials),
                    tuple(tuple(map(_rounded, row)) for row in results.selection.get(labels, ())),
                )


def _curves(results: Results) -> Iterator[ReferenceCurve]:
    rows = ["problem", "optimizer", "track"]
    calls_per_step = results.measures.set_index(rows)["calls_per_step"].astype(float).to_dict()
    grouped = results.outcomes.groupby(rows, sort=False)
    for labels, trials in grouped:
        problem, optimizer, track = map(str, labels)
        facts = results.problems[problem]
        column = "gap" if facts.has_optimum else "objective"
        price = calls_per_step.get((problem, optimizer, track), math.nan)
        medians = quartiles(trials, results.curves, column, facts.budget)
        calls, median = medians["calls"].to_numpy(), medians["median"].to_numpy()
        reached = np.empty(0)  # without a score
        if facts.is_scored:
            reached = share_within(np.array(trials["calls_to_target"].tolist(), dtype=float).ravel(), calls)
        values = np.stack([median, reached]) if len(reached) else median[np.newaxis]
        is_level = (values[:, 1:] == values[:, :-1]).all(axis=0)
        changes = np.ones(len(calls), dtype=bool)  # points within a level part are left out
        changes[1:-1] = ~(is_level[:-1] & is_level[1:])
        yield ReferenceCurve(
            problem,
            optimizer,
            cast(Track, track),
            tuple(_rounded(value) for value in calls[changes]),
            tuple(_rounded(value) if math.isfinite(value) else None for value in median[changes]),
            tuple(_rounded(value) for value in reached[changes]) if len(reached) else (),
            _rounded(price) if math.isfinite(price) else None,
        )


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    """Return a row as plain values: rounded, +∞ as "inf", and without NaN."""
    plain = {}
    for column, value in row.items():
        if isinstance(value, float | np.floating):
            if not math.isnan(value):
                plain[str(column)] = _rounded(float(value)) if math.isfinite(value) else "inf"
        elif isinstance(value, np.integer):
            plain[str(column)] = int(value)
        else:
            plain[str(column)] = value
    return plain


def _rounded(value: float, digits: int = _DIGITS) -> float:
    return float(f"{value:.{digits}g}")
