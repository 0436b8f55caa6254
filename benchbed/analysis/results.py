"""Results of a study: stored trials joined with the plan."""

import json
import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchbed.analysis.aggregate import overall_scores
from benchbed.analysis.final_metrics import final_metrics
from benchbed.analysis.pairwise_tables import ComparedStudy, compared_problems, comparisons_of, influence_of
from benchbed.analysis.secondary_metrics import measures_of, robustness_of
from benchbed.analysis.selection_shifts import selection_shifts, tuning_scores
from benchbed.analysis.shown_problems import problem_facts, shown_plan, with_reason
from benchbed.analysis.strata import groups_of, samplings_of
from benchbed.analysis.summary import summary_of
from benchbed.interfaces import MEASURED_STATUSES, Results, Surface
from benchbed.interfaces.results import Share
from benchbed.plan import EntrantPlan, Plan
from benchbed.tuning.best_of_k import best_of_k_curves
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import outcomes_of
from benchbed.tuning.scheduling import evaluated_settings

StoredTrial = Mapping[str, Any]  # a row of the store, by column

_OUTCOME_COLUMNS = [
    "problem", "optimizer", "track", "hyperparameters", "learning_rate", "seed", "trial_key", "status", "calls",
    "final_objective", "objective", "gap", "score", "calls_to_target", "oracle",
    "error",
]  # fmt: skip
_TUNING_COLUMNS = [
    "problem", "optimizer", "hyperparameters", "learning_rate", "seed", "trial_key", "status", "calls",
    "final_objective", "objective", "gap", "score", "calls_to_target", "error",
]  # fmt: skip
_CURVE_COLUMNS = ["curve_calls", "curve_objective", "curve_gradient_norm", "curve_metrics", "curve_theta"]
_PLANE = 2  # dimension of the problems whose paths are drawn


def build_results(plan: Plan, trials: pa.Table, surfaces: Mapping[str, Surface] | None = None) -> Results:
    """Build the frames of a study from its plan and its stored trials."""
    outcomes_by_key = outcomes_of(trials)
    plan, withheld = shown_plan(plan, trials, outcomes_by_key)
    states = [PairingState(plan, pairing, outcomes_by_key) for pairing in plan.pairings()]
    rows = [
        (state, row._replace(notes=with_reason(row.notes, withheld.get(state.pairing.problem.label))))
        for state in states
        for row in evaluated_settings(state)
    ]
    order = {
        (problem.label, entrant.label): (problem_index, entrant_index)
        for problem_index, problem in enumerate(plan.problems)
        for entrant_index, entrant in enumerate(plan.entrants)
    }
    rows.sort(key=lambda item: order[item[0].pairing.problem.label, item[1].entrant.label])
    short_columns = trials.drop_columns([*_CURVE_COLUMNS, "final_theta"])
    stored = {trial["trial_key"]: trial for trial in short_columns.to_pylist()}
    outcome_rows = (
        {**trial, "track": row.track}
        for state, row in rows
        for trial in _trial_rows(state, row.entrant, row.hyperparameters, row.keys, stored)
    )
    outcomes = _frame(outcome_rows, _OUTCOME_COLUMNS)
    tuning = _frame(_tuning_rows(states, stored), _TUNING_COLUMNS)
    problems = problem_facts(plan, outcomes, tuning, stored)
    selection = tuning_scores(rows)
    shifts = selection_shifts(selection, plan.problems)
    summary = summary_of([(state.pairing.problem, row) for state, row in rows], outcomes, shifts)
    compared = ComparedStudy(summary, outcomes, compared_problems(plan), shifts)
    comparisons, groups = comparisons_of(compared)
    return Results(
        problems=problems,
        surfaces=surfaces or {},
        optimizers=tuple(entrant.label for entrant in plan.entrants),
        tracks=plan.tracks,
        outcomes=outcomes,
        tuning=tuning,
        best_of_k=best_of_k_curves(states),
        curves=_without_gaps(curves_of(trials, set(outcomes["trial_key"])), outcomes, withheld),
        summary=summary,
        measures=measures_of(summary, outcomes, problems, stored, robustness_of(states, tuning)),
        metrics=final_metrics(outcomes, stored),
        overall=overall_scores(summary, outcomes, samplings_of(plan), groups_of(plan), shifts),
        influence=influence_of(compared),
        comparisons=comparisons,
        groups=groups,
        shifts=shifts,
        selection=selection,
        share=share_of(plan),
    )


def share_of(plan: Plan) -> Share | None:
    """Return the shard of a plan; None if the plan is that of all shards."""
    if plan.shard is None:
        return None
    pairings, all_pairings = (len(each.pairings()) for each in (plan, plan.of_shard(None)))
    return Share(plan.shard.number, plan.shard.count, pairings, all_pairings)


def _frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Build a frame column by column: pandas takes several times as long to build it from mappings."""
    rows = list(rows)
    return pd.DataFrame({name: [row[name] for row in rows] for name in columns})


def _trial_rows(
    state: PairingState,
    entrant: EntrantPlan,
    hyperparameters: Mapping[str, Any],
    keys: Sequence[str],
    stored: Mapping[str, StoredTrial],
) -> Iterable[dict[str, Any]]:
    """Yield a row for each stored trial of a setting; `keys` are in the order of the seeds."""
    problem = state.pairing.problem
    of_setting = {
        "problem": problem.label,
        "optimizer": entrant.label,
        "hyperparameters": json.dumps(hyperparameters),
        "learning_rate": hyperparameters.get("learning_rate", math.nan),
        "oracle": problem.oracle_of(entrant),
    }
    for seed, key in enumerate(keys):
        if key not in stored:
            continue
        trial, outcome = stored[key], state.outcomes[key]
        calls = trial["calls_to_target"] if problem.is_scored else []
        calls = calls and calls[: len(problem.targets)]
        # A trial that failed or diverged does not stay at the targets that it met.
        if calls is None or (calls and outcome.status not in MEASURED_STATUSES):
            calls = [None] * len(problem.targets)
        yield {
            **of_setting,
            "seed": seed,
            "trial_key": key,
            "status": trial["status"],
            "calls": trial["calls"],
            "final_objective": trial["final_objective"],
            "objective": outcome.objective,
            "gap": outcome.gap if problem.has_optimum else math.nan,
            "score": outcome.score if problem.is_scored else math.nan,
            "calls_to_target": [math.inf if value is None else value for value in calls],
            "error": trial["error"] or "",
        }


def _tuning_rows(
    states: Iterable[PairingState], stored: Mapping[str, StoredTrial]
) -> Iterable[dict[str, Any]]:
    for state in states:
        for entrant in state.pairing.entrants:
            if "tuned" in state.plan.tracks:
                for setting in state.settings_tried(entrant, "tuned"):
                    keys = state.trial_keys(entrant, setting, "tuning")
                    yield from _trial_rows(state, entrant, setting, keys, stored)


def curves_of(trials: pa.Table, keys: set[str]) -> pd.DataFrame:
    """Return `trial_key, calls, objective, gap, gradient_norm, theta_0, theta_1` of trials, one row a checkpoint.

    Each metric that was measured at checkpoints has a column with its name (`metric:NAME` if it is one of the above).
    The gap is NaN without a known optimum, theta unless there are two dimensions, a metric where it was not measured.
    The keys are categorical: as strings they would take most of the memory and of the time.
    """
    is_selected = pc.is_in(trials["trial_key"], pa.array(sorted(keys), type=pa.string()))
    is_measured = pc.greater(pc.fill_null(pc.list_value_length(trials["curve_calls"]), 0), 0)
    table = trials.filter(pc.and_(is_selected, is_measured))
    trial_keys = table["trial_key"].to_pylist()
    lengths = _numbers(pc.list_value_length(table["curve_calls"])).astype(int)
    objective = _flatten(table["curve_objective"])
    optimum, scale = (np.repeat(_numbers(table[name]), lengths) for name in ("optimum", "scale"))
    paths = _plane_paths(table, lengths)
    curves = pd.DataFrame(
        {
            "trial_key": pd.Categorical.from_codes(
                np.repeat(np.arange(len(trial_keys)), lengths), trial_keys
            ),
            "calls": _flatten(table["curve_calls"]),
            "objective": objective,
            "gap": (objective - optimum) / scale,
            "gradient_norm": _flatten(table["curve_gradient_norm"]),
            "theta_0": paths[:, 0],
            "theta_1": paths[:, 1],
        }
    )
    metrics = {
        f"metric:{name}" if name in curves else name: values
        for name, values in _metric_curves(table["curve_metrics"], lengths).items()
    }
    return curves.assign(**metrics)


def _metric_curves(column: pa.ChunkedArray, lengths: np.ndarray) -> dict[str, np.ndarray]:
    """Return the values of each metric at all checkpoints, `[checkpoints]`, NaN for trials without it."""
    curves: dict[str, np.ndarray] = {}
    ends = np.cumsum(lengths)
    for start, end, metrics in zip(ends - lengths, ends, column.to_pylist(), strict=True):
        for name, values in metrics or ():
            of_metric = curves.setdefault(name, np.full(int(lengths.sum()), np.nan))
            of_metric[start:end] = values
    return curves


def _without_gaps(curves: pd.DataFrame, outcomes: pd.DataFrame, problems: Collection[str]) -> pd.DataFrame:
    keys = outcomes["trial_key"][outcomes["problem"].isin(problems)]
    return curves.assign(gap=curves["gap"].mask(curves["trial_key"].isin(keys)))


def _plane_paths(table: pa.Table, lengths: np.ndarray) -> np.ndarray:
    """Return the paths `[checkpoints, 2]`, NaN for trials of another dimension."""
    paths = np.full((int(lengths.sum()), _PLANE), np.nan)
    dimensions = _numbers(pc.list_value_length(pc.list_element(table["curve_theta"], 0)))
    is_plane = dimensions == _PLANE  # the dimension is NaN if the path was too large to be stored
    points = table["curve_theta"].filter(pa.array(is_plane))
    paths[np.repeat(is_plane, lengths)] = _flatten(pc.list_flatten(points)).reshape(-1, _PLANE)
    return paths


def _flatten(column: pa.ChunkedArray) -> np.ndarray:
    return _numbers(pc.list_flatten(column))


def _numbers(column: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(column.to_numpy(zero_copy_only=False), dtype=float)
