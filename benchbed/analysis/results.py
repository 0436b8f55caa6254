"""Join stored trials with the plan into the frames that tables and plots are made from."""

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
from benchbed.interfaces.results import ProblemFacts, Results, Surface
from benchbed.plan import Pairing, Plan, ProblemPlan
from benchbed.tuning.candidates import rates_to_try, tuning_keys
from benchbed.tuning.outcomes import Outcome, outcomes_of
from benchbed.tuning.scheduling import Placement, placements
from benchbed.tuning.searches import best_of_k_of


def results_of(plan: Plan, trials: pa.Table, surfaces: Mapping[str, Surface] | None = None) -> Results:
    """Build the frames of a study from its plan and its stored trials."""
    known = outcomes_of(trials)
    pairings = plan.pairings()
    placed = [(pairing, row) for pairing in pairings for row in placements(plan, pairing, known)]
    order = {
        (problem.label, entrant.label): (p, e)
        for p, problem in enumerate(plan.problems)
        for e, entrant in enumerate(plan.entrants)
    }
    placed.sort(key=lambda item: order[item[0].problem.label, item[1].entrant.label])
    stored = {
        row["trial_key"]: row for row in trials.drop_columns([*CURVE_COLUMNS, "final_theta"]).to_pylist()
    }
    outcomes = _frame(_outcome_rows(placed, known, stored), _OUTCOME_COLUMNS)
    tuning = _frame(_tuning_rows(plan, pairings, known, stored), _TUNING_COLUMNS)
    used = pd.concat([outcomes[["problem", "trial_key"]], tuning[["problem", "trial_key"]]])
    problems = {
        problem.label: _facts(
            problem, [stored[key] for key in used["trial_key"][used["problem"] == problem.label]]
        )._replace(tolerance=plan.tolerance, gradient=plan.gradient, gradient_price=problem.gradient_price)
        for problem in plan.problems
    }
    summary = summary_of(plan, placed, outcomes)
    robustness = robustness_of(plan, pairings, tuning)
    comparisons, groups = comparisons_of(summary, outcomes, checkpoints_of(plan))
    return Results(
        problems=problems,
        surfaces=surfaces or {},
        optimizers=tuple(entrant.label for entrant in plan.entrants),
        tracks=plan.tracks,
        outcomes=outcomes,
        tuning=tuning,
        best_of_k=best_of_k_of(plan, pairings, known),
        curves=curves_of(trials, set(outcomes["trial_key"])),
        summary=summary,
        measures=measures_of(summary, outcomes, problems, stored, robustness),
        overall=overall_scores(summary, outcomes),
        comparisons=comparisons,
        groups=groups,
    )


_OUTCOME_COLUMNS = [
    "problem", "optimizer", "track", "hyperparameters", "learning_rate", "seed", "trial_key", "status", "calls",
    "final_objective", "gap", "score", "calls_to_target", "oracle",
]  # fmt: skip
_TUNING_COLUMNS = [
    "problem", "optimizer", "learning_rate", "seed", "trial_key", "status", "final_objective", "gap", "score",
    "calls_to_target",
]  # fmt: skip


def _frame(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Give the frame of `rows`, column by column: pandas takes several times as long over mappings."""
    present = list(rows)
    return pd.DataFrame({name: [row[name] for row in present] for name in columns})


def _outcome_rows(
    placed: Iterable[tuple[Pairing, Placement]], known: Mapping[str, Outcome], stored: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    for pairing, row in placed:
        rate = row.hyperparameters.get("learning_rate", math.nan)
        written = json.dumps(row.hyperparameters)
        for seed, key in enumerate(row.keys):
            if key not in stored:
                continue
            trial = stored[key]
            yield {
                "problem": pairing.problem.label,
                "optimizer": row.entrant.label,
                "track": row.track,
                "hyperparameters": written,
                "learning_rate": rate,
                "seed": seed,
                "trial_key": key,
                "status": trial["status"],
                "calls": trial["calls"],
                "final_objective": trial["final_objective"],
                "gap": known[key].gap,
                "score": known[key].score if pairing.problem.has_optimum else math.nan,
                "calls_to_target": _calls(trial, len(pairing.problem.targets)),
                "oracle": pairing.problem.oracle_of(row.entrant),
            }


def _tuning_rows(
    plan: Plan, pairings: Iterable[Pairing], known: Mapping[str, Outcome], stored: Mapping[str, Any]
) -> Iterable[dict[str, Any]]:
    if "tuned" not in plan.tracks:
        return
    for pairing in pairings:
        for entrant in pairing.entrants:
            if not entrant.tunable:
                continue
            for rate in rates_to_try(plan, pairing, entrant, known):
                for seed, key in enumerate(tuning_keys(plan, pairing, entrant, rate)):
                    if key in stored:
                        yield {
                            "problem": pairing.problem.label,
                            "optimizer": entrant.label,
                            "learning_rate": rate,
                            "seed": seed,
                            "trial_key": key,
                            "status": stored[key]["status"],
                            "final_objective": stored[key]["final_objective"],
                            "gap": known[key].gap,
                            "score": known[key].score,
                            "calls_to_target": _calls(stored[key], len(pairing.problem.targets)),
                        }


def _calls(trial: Mapping[str, Any], targets: int) -> list[float]:
    calls = trial["calls_to_target"]
    if calls is None:  # nothing was measured, so nothing was reached
        return [math.inf] * targets
    return [math.inf if value is None else value for value in calls]


def _facts(problem: ProblemPlan, trials: Iterable[Mapping[str, Any]]) -> ProblemFacts:
    reached = [
        (trial["best_objective"] - trial["optimum"]) / trial["scale"]
        for trial in trials
        if None not in (trial["best_objective"], trial["optimum"], trial["scale"])
    ]
    return ProblemFacts(
        problem.budget,
        problem.targets,
        problem.success_target,
        problem.dimension,
        problem.dtype,
        problem.has_optimum,
        min(reached, default=None) if problem.optimum_is_bound else None,
    )
