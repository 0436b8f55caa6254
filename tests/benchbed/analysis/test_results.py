"""The frames of a study, compared with loops over its trials in plain Python."""

import json
import math
import random

import msgspec
import numpy as np
import pytest

from benchbed.analysis.results import build_results
from benchbed.interfaces import NoScoreBecause
from benchbed.store import table_of
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import outcomes_of
from benchbed.tuning.scheduling import evaluated_settings, missing_batches

STATUSES = ("solved", "exhausted", "diverged", "failed", "skipped", "timed_out")


def random_trial(plan, batch, key, seed, setting, generator):
    """Invent a stored trial: a curve, calls to target and a status, with nulls if nothing was measured."""
    problem = batch.problem
    status = generator.choice(STATUSES)
    objective = [generator.uniform(0, 10) for _ in range(4)]
    calls = sorted(generator.uniform(1, problem.budget) for _ in problem.targets)
    reached = [value if generator.random() < 0.7 else None for value in calls] if problem.has_optimum else []
    row = {
        "trial_key": key,
        "problem": problem.name,
        "optimizer": batch.optimizer,
        "hyperparameters": json.dumps(setting),
        "role": batch.role,
        "seed": seed,
        "budget": problem.budget,
        "status": status,
        "calls": 0.0,
        "steps": 0,
    }
    if status == "timed_out":
        return row
    return row | {
        "calls": 17.0,
        "final_objective": objective[-1],
        "best_objective": min(objective),
        "optimum": 1.0 if problem.has_optimum else None,
        "scale": 2.0 if problem.has_optimum else None,
        "gap": (objective[-1] - 1) / 2 if problem.has_optimum else None,
        "calls_to_target": reached,
        "curve_calls": [0.0, 1.0, 2.0, 17.0],
        "curve_objective": objective,
        "curve_gradient_norm": [1.0, 0.5, math.nan, 0.1],
        "curve_theta": [[float(k)] * problem.dimension for k in range(4)],
    }


@pytest.fixture
def study(plan_of):
    """A plan of three problems and three optimizers, and invented rows of all its trials."""
    plan = plan_of(
        ("quadratic", "quartic", "runge[features=3]"),
        ("adam", "gd", "sgd[learning_rate=[0.1, 0.01]]"),
        preset="standard",
    )
    generator = random.Random(5)
    rows = {}
    for pairing in plan.pairings():
        outcomes = {}
        while batches := missing_batches(PairingState(plan, pairing, outcomes)):
            for batch in batches:
                for seed, keys in zip(batch.seeds, plan.keys(batch), strict=True):
                    for setting, key in zip(batch.settings, keys, strict=True):
                        rows[key] = random_trial(plan, batch, key, seed, setting, generator)
            outcomes = outcomes_of(table_of(list(rows.values())))
    return plan, rows


def calls_of(row, targets):
    """Return the calls to each target, None where not reached; a trial that did not stay reached none."""
    is_measured = row["status"] in ("solved", "converged", "exhausted")
    return (is_measured and row.get("calls_to_target")) or [None] * targets


def plain_score(row, targets):
    """Compute a score by the formula of the protocol for budgets below 10⁴."""
    calls = calls_of(row, targets)
    terms = [
        0.0 if value is None else max(0.0, 1 - math.log(max(value, 1)) / math.log(row["budget"]))
        for value in calls
    ]
    return sum(terms) / len(terms)


def lower_median(values):
    """Return the ⌈n/2⌉-th smallest."""
    return sorted(values)[(len(values) + 1) // 2 - 1]


def test_the_summary_equals_a_loop_over_the_trials(study):
    """Scores, success, calls, gaps and counts of every row are computed again without frames."""
    plan, rows = study
    results = build_results(plan, table_of(list(rows.values())))
    outcomes = outcomes_of(table_of(list(rows.values())))
    summary = {(row.problem, row.optimizer, row.track): row for row in results.summary.itertuples()}
    rows_checked = 0
    for pairing in plan.pairings():
        problem = pairing.problem
        position = problem.targets.index(problem.success_target)
        for evaluated in evaluated_settings(PairingState(plan, pairing, outcomes)):
            row = summary[problem.label, evaluated.entrant.label, evaluated.track]
            trials = [rows[key] for key in evaluated.keys]
            calls = [calls_of(trial, 8)[position] for trial in trials]
            calls = [math.inf if value is None else value for value in calls]
            gaps = [
                trial["gap"] if trial["status"] in ("solved", "exhausted") else math.inf for trial in trials
            ]
            assert row.trials == len(trials) == 20
            assert row.score == pytest.approx(sum(plain_score(trial, 8) for trial in trials) / 20, rel=1e-12)
            assert row.target == problem.success_target
            assert row.success_rate == sum(map(math.isfinite, calls)) / 20
            assert row.median_calls == lower_median(calls)
            assert row.gap == lower_median(gaps)
            for status in STATUSES:
                assert getattr(row, status) == sum(trial["status"] == status for trial in trials)
            assert json.loads(row.hyperparameters) == evaluated.hyperparameters
            rows_checked += 1
    assert rows_checked == len(summary) == 3 * 4 * 2


def test_the_counts_of_statuses_add_up_to_the_trials(study):
    """Every trial of a row is counted under one status."""
    plan, rows = study
    summary = build_results(plan, table_of(list(rows.values()))).summary
    statuses = [
        "solved", "converged", "exhausted", "diverged", "failed", "crashed", "timed_out", "out_of_memory", "skipped",
    ]  # fmt: skip
    assert (summary[statuses].sum(axis=1) == summary["trials"]).all()


def test_rows_have_the_order_of_the_plan(study):
    """Problems, then optimizers, then tracks; the two settings of sgd are two rows."""
    plan, rows = study
    summary = build_results(plan, table_of(list(rows.values()))).summary
    expected = [
        (problem, optimizer, track)
        for problem in ("quadratic", "quartic", "runge[features=3]")
        for optimizer in ("adam", "gd", "sgd[learning_rate=0.1]", "sgd")
        for track in ("default", "tuned")
    ]
    assert list(summary[["problem", "optimizer", "track"]].itertuples(index=False, name=None)) == expected


def test_a_median_may_be_infinite(plan_of):
    """If more than half of the trials do not reach the target, median calls and gap are +inf, not missing."""
    plan = plan_of(tracks=("default",))
    (batch,) = missing_batches(PairingState(plan, plan.pairings()[0]))
    rows = [
        random_trial(plan, batch, key, 0, batch.settings[0], random.Random(1)) for (key,) in plan.keys(batch)
    ]
    for row in rows[:2]:
        row |= {"status": "diverged", "gap": 5e3, "calls_to_target": [None] * 8}
    rows[2] |= {"status": "solved", "gap": 1e-9, "calls_to_target": [1.0] * 8}
    (row,) = build_results(plan, table_of(rows)).summary.itertuples()
    assert (row.median_calls, row.gap) == (math.inf, math.inf)
    assert row.score == pytest.approx(1 / 3)
    assert row.success_rate == pytest.approx(1 / 3)


def test_curves_have_a_row_a_checkpoint(study):
    """Each evaluation trial occurs once; theta is stored in two dimensions only."""
    plan, rows = study
    results = build_results(plan, table_of(list(rows.values())))
    curves = results.curves
    assert set(curves["trial_key"]) <= set(results.outcomes["trial_key"])
    measured_keys = {key for key in results.outcomes["trial_key"] if "curve_calls" in rows[key]}
    assert set(curves["trial_key"]) == measured_keys
    assert len(curves) == 4 * len(measured_keys)
    for key in list(measured_keys)[:20]:
        curve = curves[curves["trial_key"] == key]
        np.testing.assert_allclose(curve["gap"], (np.array(rows[key]["curve_objective"]) - 1) / 2, rtol=1e-15)
        path = curve["theta_0"].to_numpy()
        assert np.isnan(path).all() if rows[key]["problem"] != "quadratic" else path.tolist() == [0, 1, 2, 3]


def test_metrics_have_columns_in_the_curves(study):
    """NaN in trials without the metric; a metric with the name of another column has a prefix."""
    plan, rows = study
    measured = [row for row in rows.values() if row["role"] == "evaluation" and "curve_calls" in row]
    first = measured[0]
    first["curve_metrics"] = [("accuracy", [0.1, 0.2, 0.3, 0.4]), ("gap", [1.0, 2.0, 3.0, 4.0])]
    first["metrics"] = [("accuracy", 0.4)]
    results = build_results(plan, table_of(list(rows.values())))
    is_first = results.curves["trial_key"] == first["trial_key"]
    assert results.curves["accuracy"][is_first].tolist() == [0.1, 0.2, 0.3, 0.4]
    assert results.curves["metric:gap"][is_first].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert results.curves["accuracy"][~is_first].isna().all()


def test_tuning_trials_have_a_separate_frame(study):
    """They are in no other frame."""
    plan, rows = study
    results = build_results(plan, table_of(list(rows.values())))
    tuning = {key for key, row in rows.items() if row["role"] == "tuning"}
    assert set(results.tuning["trial_key"]) == tuning
    assert not tuning & set(results.outcomes["trial_key"])
    assert len(results.tuning) == len(tuning) >= 3 * 2 * plan.tuning_seeds * len(plan.rates)


def test_trials_of_another_plan_change_nothing(study):
    """The folder may contain trials of earlier plans."""
    plan, rows = study
    other_rows = [row | {"trial_key": f"other{number}"} for number, row in enumerate(rows.values())]
    before = build_results(plan, table_of(list(rows.values())))
    after = build_results(plan, table_of([*other_rows, *rows.values()]))
    assert before.summary.equals(after.summary)
    assert before.outcomes.equals(after.outcomes)
    assert before.curves.equals(after.curves)


def test_a_study_without_trials_has_rows(study):
    """Every row that does not depend on tuning exists, with zero trials and no numbers."""
    plan, _ = study
    summary = build_results(plan, table_of([])).summary
    assert set(summary["track"]) == {"default", "tuned"}  # fixed settings need no tuning trials
    assert (summary["trials"] == 0).all()
    assert summary[["score", "success_rate", "median_calls", "gap"]].isna().all(axis=None)


def test_without_an_optimum_the_final_objective_is_compared(plan_of):
    """There is no score, success, calls or gap; `objective` is the lower median of the final objectives."""
    plan = plan_of(tracks=("default",))
    problem = msgspec.structs.replace(plan.problems[0], has_optimum=False)
    plan = msgspec.structs.replace(plan, problems=(problem,))
    (batch,) = missing_batches(PairingState(plan, plan.pairings()[0]))
    rows = [
        random_trial(plan, batch, key, 0, batch.settings[0], random.Random(1)) for (key,) in plan.keys(batch)
    ]
    for row, status, final in zip(rows, ("exhausted", "failed", "exhausted"), (3.0, 1.0, -2.0), strict=True):
        row |= {"status": status, "final_objective": final, "gap": None, "calls_to_target": []}
    results = build_results(plan, table_of(rows))
    (row,) = results.summary.itertuples()
    assert row.objective == 3.0  # of −2, 3 and the failed trial's +inf
    assert (row.objective_low, row.objective_high) == (-2.0, math.inf)
    assert math.isnan(row.gap)
    assert results.outcomes["gap"].isna().all()
    assert math.isnan(row.score)
    assert math.isnan(row.success_rate)
    assert results.outcomes["score"].isna().all()
    assert results.curves["gap"].isna().all() == all(row["optimum"] is None for row in rows)


def test_the_lowest_gap_is_known_if_the_optimum_is_a_bound(study):
    """It is that of all trials of the problem, with tuning; None if f* is exact."""
    plan, rows = study
    bounded = [
        msgspec.structs.replace(problem, optimum_is_bound=problem.name == "quartic")
        for problem in plan.problems
    ]
    results = build_results(
        msgspec.structs.replace(plan, problems=tuple(bounded)), table_of(list(rows.values()))
    )
    best = [
        row["best_objective"]
        for row in rows.values()
        if row["problem"] == "quartic" and "best_objective" in row
    ]
    assert results.problems["quartic"].lowest_gap == (min(best) - 1) / 2
    assert results.problems["quadratic"].lowest_gap is None


def test_a_reason_in_one_trial_withholds_the_scores_of_all_optimizers(study):
    """A trial of adam reached a value below f*: no row of the problem has a score, and the others keep theirs."""
    plan, rows = study
    quartic = plan.problems[1]
    reason = "it reached 0.5, below the optimum f* = 1"
    settings = {}
    for row in rows.values():
        if row["problem"] == "quartic":
            row |= {"problem_parameters": json.dumps(quartic.parameters), "dtype": quartic.dtype}
            settings.setdefault((row["optimizer"], row["role"]), []).append(row)
    before = build_results(plan, table_of(list(rows.values())))
    settings["adam", "evaluation"][0]["score_error"] = reason
    after = build_results(plan, table_of(list(rows.values())))

    frames = [
        results.summary.set_index(["problem", "optimizer", "track"]).drop(columns="notes")
        for results in (before, after)
    ]
    assert frames[0].drop("quartic").equals(frames[1].drop("quartic"))
    assert list(frames[0]["hyperparameters"]) == list(frames[1]["hyperparameters"])
    assert frames[0].loc["quartic"]["score"].notna().all()
    withheld = after.summary[after.summary["problem"] == "quartic"]
    assert withheld[["score", "success_rate", "median_calls"]].isna().all(axis=None)
    assert all(NoScoreBecause(reason) in notes for notes in withheld["notes"])
    for row in withheld.itertuples():
        trials = after.outcomes[
            (after.outcomes["problem"] == "quartic") & (after.outcomes["track"] == row.track)
        ]
        finals = [
            rows[key]["final_objective"] if rows[key]["status"] in ("solved", "exhausted") else math.inf
            for key in trials["trial_key"][trials["optimizer"] == row.optimizer]
        ]
        assert row.objective == lower_median(finals)
        assert math.isnan(row.gap)
    assert not after.problems["quartic"].has_optimum
    is_quartic = after.comparisons["problem"] == "quartic"
    assert set(after.comparisons["measure"][is_quartic]) <= {"objective"}
    assert set(after.comparisons["measure"][~is_quartic]) <= {"score"}
    assert after.overall["score"][after.overall["group"] == ""].isna().all()


def test_a_reason_among_tuning_trials_lets_their_objectives_choose(study):
    """The best rate is then the one with the smallest median objective; a trial without a result counts as +∞."""
    plan, rows = study
    pairing = plan.pairings()[0]
    entrant = pairing.entrants[0]
    state = PairingState(plan, pairing, outcomes_of(table_of(list(rows.values()))))
    settings = [entrant.at(rate) for rate in plan.rates]
    keys = [state.trial_keys(entrant, setting, "tuning") for setting in settings]
    rows[keys[0][0]]["score_error"] = "f* is nan"
    outcomes = PairingState(plan, pairing, outcomes_of(table_of(list(rows.values())))).tuning_outcomes(
        entrant, settings
    )
    for of_setting, of_keys in zip(outcomes, keys, strict=True):
        for outcome, key in zip(of_setting, of_keys, strict=True):
            row = rows[key]
            assert math.isnan(outcome.score)
            is_result = row["status"] in ("solved", "exhausted")
            assert outcome.gap == (row["final_objective"] if is_result else math.inf)
