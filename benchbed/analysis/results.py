"""Results of a study: stored trials joined with the plan."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
import pyarrow as pa

from benchbed.analysis.aggregate import overall_scores
from benchbed.analysis.curves import CURVE_COLUMNS, curves_of
from benchbed.analysis.pairwise_tables import checkpoints_of, comparisons_of
from benchbed.analysis.robustness import robustness_of
from benchbed.analysis.secondary_metrics import measures_of
from benchbed.analysis.summary import summary_of
from benchbed.interfaces import ProblemFacts, Results, Surface
from benchbed.plan import Pairing, Plan
from benchbed.tuning.best_of_k import best_of_k_curves
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import Outcome, outcomes_of
from benchbed.tuning.scheduling import EvaluatedSetting, evaluated_settings

StoredTrial = Mapping[str, Any]
"""A row of the store, by column."""

_OUTCOME_COLUMNS = [
    "problem", "optimizer", "track", "hyperparameters", "learning_rate", "seed", "trial_key", "status", "calls",
    "final_objective", "gap", "score", "calls_to_target", "oracle",
]  # fmt: skip
_TUNING_COLUMNS = [
    "problem", "optimizer", "learning_rate", "seed", "trial_key", "status", "final_objective", "gap", "score",
    "calls_to_target",
]  # fmt: skip


def build_results(plan: Plan, trials: pa.Table, surfaces: Mapping[str, Surface] | None = None) -> Results:
    """Build the frames of a study from its plan and its stored trials."""
    outcomes_by_key = outcomes_of(trials)
    states = [PairingState(plan, pairing, outcomes_by_key) for pairing in plan.pairings()]
    rows = [(state.pairing, row) for state in states for row in evaluated_settings(state)]
    order = {
        (problem.label, entrant.label): (problem_index, entrant_index)
        for problem_index, problem in enumerate(plan.problems)
        for entrant_index, entrant in enumerate(plan.entrants)
    }
    rows.sort(key=lambda item: order[item[0].problem.label, item[1].entrant.label])
    stored = {
        trial["trial_key"]: trial
        for trial in trials.drop_columns([*CURVE_COLUMNS, "final_theta"]).to_pylist()
    }
    outcomes = _frame(_outcome_rows(rows, outcomes_by_key, stored), _OUTCOME_COLUMNS)
    tuning = _frame(_tuning_rows(states, stored), _TUNING_COLUMNS)
    all_trials = pd.concat([outcomes[["problem", "trial_key"]], tuning[["problem", "trial_key"]]])
    problems = {}
    for problem in plan.problems:
        keys = all_trials["trial_key"][all_trials["problem"] == problem.label]
        problems[problem.label] = ProblemFacts(
            budget=problem.budget,
            targets=problem.targets,
            success_target=problem.success_target,
            dimension=problem.dimension,
            dtype=problem.dtype,
            has_optimum=problem.has_optimum,
            lowest_gap=_lowest_gap(stored[key] for key in keys) if problem.optimum_is_bound else None,
            tolerance=plan.tolerance,
            gradient=plan.gradient,
            gradient_price=problem.gradient_price,
        )
    summary = summary_of(rows, outcomes)
    comparisons, groups = comparisons_of(summary, outcomes, checkpoints_of(plan))
    return Results(
        problems=problems,
        surfaces=surfaces or {},
        optimizers=tuple(entrant.label for entrant in plan.entrants),
        tracks=plan.tracks,
        outcomes=outcomes,
        tuning=tuning,
        best_of_k=best_of_k_curves(states),
        curves=curves_of(trials, set(outcomes["trial_key"])),
        summary=summary,
        measures=measures_of(summary, outcomes, problems, stored, robustness_of(states, tuning)),
        overall=overall_scores(summary, outcomes),
        comparisons=comparisons,
        groups=groups,
    )


def _frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Build a frame column by column: pandas takes several times as long to build it from mappings."""
    rows = list(rows)
    return pd.DataFrame({name: [row[name] for row in rows] for name in columns})


def _outcome_rows(
    rows: Iterable[tuple[Pairing, EvaluatedSetting]],
    outcomes: Mapping[str, Outcome],
    stored: Mapping[str, StoredTrial],
) -> Iterable[dict[str, Any]]:
    for pairing, row in rows:
        learning_rate = row.hyperparameters.get("learning_rate", math.nan)
        hyperparameters = json.dumps(row.hyperparameters)
        for seed, key in enumerate(row.keys):
            if key not in stored:
                continue
            trial = stored[key]
            yield {
                "problem": pairing.problem.label,
                "optimizer": row.entrant.label,
                "track": row.track,
                "hyperparameters": hyperparameters,
                "learning_rate": learning_rate,
                "seed": seed,
                "trial_key": key,
                "status": trial["status"],
                "calls": trial["calls"],
                "final_objective": trial["final_objective"],
                "gap": outcomes[key].gap,
                "score": outcomes[key].score if pairing.problem.has_optimum else math.nan,
                "calls_to_target": _calls_to_target(trial, len(pairing.problem.targets)),
                "oracle": pairing.problem.oracle_of(row.entrant),
            }


def _tuning_rows(
    states: Iterable[PairingState], stored: Mapping[str, StoredTrial]
) -> Iterable[dict[str, Any]]:
    for state in states:
        problem = state.pairing.problem
        for entrant in state.pairing.entrants:
            if "tuned" not in state.plan.tracks or not entrant.tunable:
                continue
            for rate in state.rates_to_try(entrant):
                for seed, key in enumerate(state.trial_keys(entrant, entrant.at(rate), "tuning")):
                    if key in stored:
                        yield {
                            "problem": problem.label,
                            "optimizer": entrant.label,
                            "learning_rate": rate,
                            "seed": seed,
                            "trial_key": key,
                            "status": stored[key]["status"],
                            "final_objective": stored[key]["final_objective"],
                            "gap": state.outcomes[key].gap,
                            "score": state.outcomes[key].score,
                            "calls_to_target": _calls_to_target(stored[key], len(problem.targets)),
                        }


def _calls_to_target(trial: StoredTrial, targets: int) -> list[float]:
    calls = trial["calls_to_target"]
    if calls is None:  # nothing was measured, so no target was reached
        return [math.inf] * targets
    return [math.inf if value is None else value for value in calls]


def _lowest_gap(trials: Iterable[StoredTrial]) -> float | None:
    gaps = [
        (trial["best_objective"] - trial["optimum"]) / trial["scale"]
        for trial in trials
        if None not in (trial["best_objective"], trial["optimum"], trial["scale"])
    ]
    return min(gaps, default=None)
