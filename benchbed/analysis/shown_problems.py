"""The problems of a study as its tables show them: without an optimum that does not hold, with the targets scored."""

import json
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from benchbed.analysis.stored import StoredTrials
from benchbed.interfaces import NoScoreBecause, ProblemFacts, RowNote
from benchbed.plan import Plan, ProblemPlan
from benchbed.tuning.outcomes import Outcome


def shown_plan(
    plan: Plan, trials: pa.Table, outcomes: Mapping[str, Outcome]
) -> tuple[Plan, dict[str, NoScoreBecause]]:
    """Return the plan of the tables, and a reason for each problem whose optimum does not hold in some trial.

    Its score is withheld from all optimizers alike, as if the optimum were unknown. A target that is not scored in some
    trial is left out for all optimizers.
    """
    columns = ["problem", "problem_parameters", "dtype", "trial_key"]
    noted = [
        key
        for key, outcome in outcomes.items()
        if outcome.notes and (outcome.withheld or outcome.targets_not_scored)
    ]
    is_noted = pc.is_in(trials["trial_key"], pa.array(noted, type=pa.string()))
    labels = {
        (problem.name, json.dumps(problem.parameters), problem.dtype): problem.label
        for problem in plan.problems
    }
    withheld: dict[str, NoScoreBecause] = {}
    not_scored: dict[str, int] = {}
    for row in trials.select(columns).filter(is_noted).to_pylist():
        label, outcome = labels.get(tuple(row[name] for name in columns[:3])), outcomes[row["trial_key"]]
        if label is not None and outcome.withheld:
            withheld.setdefault(label, outcome.withheld)
        elif label is not None:
            not_scored[label] = max(not_scored.get(label, 0), outcome.targets_not_scored)
    problems = (
        _shown(problem, problem.label in withheld, not_scored.get(problem.label, 0))
        for problem in plan.problems
    )
    return msgspec.structs.replace(plan, problems=tuple(problems)), withheld


def _shown(problem: ProblemPlan, is_withheld: bool, targets_not_scored: int) -> ProblemPlan:
    targets = problem.targets[: max(1, len(problem.targets) - targets_not_scored)]
    success_target = problem.success_target
    return msgspec.structs.replace(
        problem,
        has_optimum=problem.has_optimum and (bool(problem.target_metric) or not is_withheld),
        target_metric="" if is_withheld else problem.target_metric,
        targets=targets,
        success_target=max(success_target, targets[-1]) if targets_not_scored else success_target,
    )


def with_reason(notes: Sequence[RowNote], reason: NoScoreBecause | None) -> tuple[RowNote, ...]:
    """Return the notes of a row with one reason for all missing scores of its problem."""
    if reason is None:
        return tuple(notes)
    return (*(note for note in notes if not isinstance(note, NoScoreBecause)), reason)


def problem_facts(
    plan: Plan, outcomes: pd.DataFrame, tuning: pd.DataFrame, stored: StoredTrials
) -> dict[str, ProblemFacts]:
    """Return the properties of the problems by their labels, from the plan and the trials."""
    all_trials = pd.concat([outcomes[["problem", "trial_key"]], tuning[["problem", "trial_key"]]])
    keys_by_problem = dict(iter(all_trials.groupby("problem")["trial_key"]))
    problems = {}
    for problem in plan.problems:
        keys = keys_by_problem.get(problem.label, all_trials["trial_key"][:0]).tolist()
        problems[problem.label] = ProblemFacts(
            budget=problem.budget,
            targets=problem.targets,
            success_target=problem.success_target,
            dimension=problem.dimension,
            dtype=problem.dtype,
            has_optimum=problem.has_optimum,
            target_metric=problem.target_metric,
            score_start=problem.score_start,
            group=problem.group,
            name=problem.name,
            parameters={**problem.defaults, **problem.parameters},
            reference=problem.reference,
            lowest_gap=_lowest_gap(stored, keys) if problem.optimum_is_bound else None,
            tolerance=plan.tolerance,
            gradient=plan.gradient,
            gradient_price=problem.gradient_price,
        )
    return problems


def _lowest_gap(stored: StoredTrials, keys: Sequence[str]) -> float | None:
    rows = stored.rows(keys)
    columns = (stored.numbers(name, rows) for name in ("best_objective", "optimum", "scale"))
    best, optimum, scale = columns
    with np.errstate(invalid="ignore"):
        gaps = (best - optimum) / scale
    return min(gaps[~np.isnan(gaps)].tolist(), default=None)
