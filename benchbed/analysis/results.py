"""Results of a study: stored trials joined with the plan."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchbed import arrays
from benchbed.analysis.aggregate import overall_scores
from benchbed.analysis.final_metrics import final_metrics
from benchbed.analysis.pairwise_tables import ComparedStudy, compared_problems, comparisons_of, influence_of
from benchbed.analysis.secondary_metrics import measures_of, robustness_of
from benchbed.analysis.selection_shifts import selection_shifts, tuning_scores
from benchbed.analysis.shown_problems import problem_facts, shown_plan, with_reason
from benchbed.analysis.stored import StoredTrials
from benchbed.analysis.strata import groups_of, samplings_of
from benchbed.analysis.summary import summary_of
from benchbed.interfaces import MEASURED_STATUSES, Results
from benchbed.interfaces.results import Share
from benchbed.plan import EntrantPlan, Plan
from benchbed.tuning.best_of_k import best_of_k_curves
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import COLUMNS, Outcome, outcomes_of
from benchbed.tuning.scheduling import evaluated_settings

RESULT_COLUMNS = (
    *COLUMNS, "problem", "problem_parameters", "seed", "best_objective", "optimum", "scale", "wall_seconds",
    "state_bytes", "metrics",
)  # fmt: skip
"""Columns that `build_results` reads, without those of curves."""
CURVE_COLUMNS = (
    "trial_key", "optimum", "scale", "curve_calls", "curve_objective", "curve_gradient_norm", "curve_metrics",
    "curve_theta",
)  # fmt: skip
"""Columns that `with_curves` reads."""
_OUTCOME_COLUMNS = [
    "problem", "optimizer", "track", "hyperparameters", "learning_rate", "seed", "trial_key", "status", "calls",
    "final_objective", "objective", "gap", "score", "calls_to_target", "oracle",
    "error",
]  # fmt: skip
_TUNING_COLUMNS = [
    "problem", "optimizer", "hyperparameters", "learning_rate", "seed", "trial_key", "status", "calls",
    "final_objective", "objective", "gap", "score", "calls_to_target", "error",
]  # fmt: skip
_CURVE_FRAME = ["trial_key", "calls", "objective", "gap", "gradient_norm", "theta_0", "theta_1"]
_PLANE = 2  # dimension of the problems whose paths are drawn


def build_results(plan: Plan, trials: pa.Table, by_key: Mapping[str, Outcome] | None = None) -> Results:
    """Build the frames of a study from its plan and the columns `RESULT_COLUMNS` of its stored trials.

    If the trials have the columns `CURVE_COLUMNS`, the results have curves. `by_key` are their outcomes.
    """
    by_key = outcomes_of(trials) if by_key is None else by_key
    plan, withheld = shown_plan(plan, trials, by_key)
    states = [PairingState(plan, pairing, by_key) for pairing in plan.pairings()]
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
    stored = StoredTrials(trials)
    evaluated = (
        _trial_columns(state, row.entrant, row.hyperparameters, row.keys, stored, row.track)
        for state, row in rows
    )
    outcomes = _frame(evaluated, _OUTCOME_COLUMNS)
    tuning = _frame(_tuning_trials(states, stored), _TUNING_COLUMNS)
    problems = problem_facts(plan, outcomes, tuning, stored)
    selection = tuning_scores(rows)
    shifts = selection_shifts(selection, plan.problems)
    summary = summary_of([(state.pairing.problem, row) for state, row in rows], outcomes, shifts)
    compared = ComparedStudy(summary, outcomes, compared_problems(plan), shifts)
    comparisons, groups = comparisons_of(compared)
    results = Results(
        problems=problems,
        surfaces={},
        optimizers=tuple(entrant.label for entrant in plan.entrants),
        tracks=plan.tracks,
        outcomes=outcomes,
        tuning=tuning,
        best_of_k=best_of_k_curves(states),
        curves=pd.DataFrame(columns=_CURVE_FRAME),
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
        without_gaps=frozenset(withheld),
    )
    return with_curves(results, trials) if "curve_calls" in trials.column_names else results


def with_curves(results: Results, trials: pa.Table) -> Results:
    """Return the results with the curves of these trials, from their columns `CURVE_COLUMNS`."""
    outcomes = results.outcomes
    curves = curves_of(trials, set(outcomes["trial_key"]))
    without_gaps = outcomes["trial_key"][outcomes["problem"].isin(results.without_gaps)]
    if len(without_gaps):
        curves = curves.assign(gap=curves["gap"].mask(curves["trial_key"].isin(without_gaps)))
    return results._replace(curves=curves)


def share_of(plan: Plan) -> Share | None:
    """Return the shard of a plan; None if the plan is that of all shards."""
    if plan.shard is None:
        return None
    pairings, all_pairings = (len(each.pairings()) for each in (plan, plan.of_shard(None)))
    return Share(plan.shard.number, plan.shard.count, pairings, all_pairings)


def _frame(parts: Iterable[Mapping[str, list[Any]]], columns: Sequence[str]) -> pd.DataFrame:
    """Build a frame from the columns of its parts: pandas takes several times as long to build it from rows."""
    lists: dict[str, list[Any]] = {name: [] for name in columns}
    for part in parts:
        for name in columns:
            lists[name] += part[name]
    return pd.DataFrame(lists)


def _trial_columns(
    state: PairingState,
    entrant: EntrantPlan,
    hyperparameters: Mapping[str, Any],
    keys: Sequence[str],
    stored: StoredTrials,
    track: str = "",
) -> dict[str, list[Any]]:
    """Return the columns of the stored trials of a setting; `keys` are in the order of the seeds."""
    problem = state.pairing.problem
    seeds = [seed for seed, key in enumerate(keys) if key in stored]
    stored_keys = [keys[seed] for seed in seeds]
    rows, trials = stored.rows(stored_keys), len(seeds)
    outcomes = [state.outcomes[key] for key in stored_keys]
    is_measured = np.array([outcome.status in MEASURED_STATUSES for outcome in outcomes], dtype=bool)
    targets = len(problem.targets) if problem.is_scored else 0
    return {
        "problem": [problem.label] * trials,
        "optimizer": [entrant.label] * trials,
        "track": [track] * trials,
        "hyperparameters": [json.dumps(hyperparameters)] * trials,
        "learning_rate": [hyperparameters.get("learning_rate", math.nan)] * trials,
        "oracle": [problem.oracle_of(entrant)] * trials,
        "seed": seeds,
        "trial_key": stored_keys,
        **{name: stored.values(name, rows) for name in ("status", "calls", "final_objective")},
        "objective": [outcome.objective for outcome in outcomes],
        "gap": [outcome.gap if problem.has_optimum else math.nan for outcome in outcomes],
        "score": [outcome.score if problem.is_scored else math.nan for outcome in outcomes],
        "calls_to_target": stored.calls_to_target(rows, is_measured, targets),
        "error": [error or "" for error in stored.values("error", rows)],
    }


def _tuning_trials(states: Iterable[PairingState], stored: StoredTrials) -> Iterable[Mapping[str, list[Any]]]:
    for state in states:
        for entrant in state.pairing.entrants:
            if "tuned" in state.plan.tracks:
                for setting in state.settings_tried(entrant, "tuned"):
                    keys = state.trial_keys(entrant, setting, "tuning")
                    yield _trial_columns(state, entrant, setting, keys, stored)


def curves_of(trials: pa.Table, keys: set[str]) -> pd.DataFrame:
    """Return `trial_key, calls, objective, gap, gradient_norm, theta_0, theta_1` of trials, one row a checkpoint.

    Each metric that was measured at checkpoints has a column with its name (`metric:NAME` if it is one of the above).
    The gap is NaN without a known optimum, theta unless there are two dimensions, a metric where it was not measured.
    The keys are categorical: as strings they would take most of the memory and of the time.
    """
    is_selected = pa.array([key in keys for key in trials["trial_key"].to_pylist()], pa.bool_())
    is_measured = pc.greater(pc.fill_null(pc.list_value_length(trials["curve_calls"]), 0), 0)
    table = trials.filter(pc.and_(is_selected, is_measured))
    trial_keys = table["trial_key"].to_pylist()
    lengths = arrays.numbers(pc.list_value_length(table["curve_calls"])).astype(int)
    objective = _flatten(table["curve_objective"])
    optimum, scale = (np.repeat(arrays.numbers(table[name]), lengths) for name in ("optimum", "scale"))
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
    if not len(arrays.lists(column).items):  # most problems measure none
        return curves
    ends = np.cumsum(lengths)
    for start, end, metrics in zip(ends - lengths, ends, column.to_pylist(), strict=True):
        for name, values in metrics or ():
            of_metric = curves.setdefault(name, np.full(int(lengths.sum()), np.nan))
            of_metric[start:end] = values
    return curves


def _plane_paths(table: pa.Table, lengths: np.ndarray) -> np.ndarray:
    """Return the paths `[checkpoints, 2]`, NaN for trials of another dimension."""
    paths = np.full((int(lengths.sum()), _PLANE), np.nan)
    dimensions = arrays.numbers(pc.list_value_length(pc.list_element(table["curve_theta"], 0)))
    is_plane = dimensions == _PLANE  # the dimension is NaN if the path was too large to be stored
    points = table["curve_theta"].filter(pa.array(is_plane))
    paths[np.repeat(is_plane, lengths)] = _flatten(pc.list_flatten(points)).reshape(-1, _PLANE)
    return paths


def _flatten(column: pa.ChunkedArray) -> np.ndarray:
    return arrays.numbers(pc.list_flatten(column))
