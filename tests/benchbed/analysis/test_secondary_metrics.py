"""What stands beside the score, against numbers found by hand and loops over the stored trials."""

import json
import math
import random

import msgspec
import pandas as pd
import pytest

from benchbed.analysis.results import build_results
from benchbed.analysis.robustness import Robustness
from benchbed.analysis.secondary_metrics import COLUMNS, measures_of
from benchbed.interfaces import START_IN_BASIN
from benchbed.interfaces.results import ProblemFacts
from benchbed.store import table_of
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import outcomes_of
from benchbed.tuning.scheduling import missing_batches

INF, NAN = math.inf, math.nan
TARGETS = (0.1, 0.01, 0.001)
FACTS = ProblemFacts(200, TARGETS, 0.01, 4, "float64", True)
HARDEST = ["hardest_target", "hardest_calls", "hardest_low", "hardest_high", "hardest_level"]


def stored_trial(**fields):
    return {"wall_seconds": None, "steps": 0, "state_bytes": None, "metrics": None} | fields


@pytest.fixture
def row_of():
    """Give a function that measures one optimizer on one problem, from what is stored and the calls to each target."""

    def make(calls, trials=None, facts=FACTS, robustness=None):
        labels = {"problem": "p", "optimizer": "o", "track": "default"}
        said = {"target": 0.01, "success_rate": 0.25, "median_calls": 7.0, "gap": 0.125}
        outcomes = pd.DataFrame(
            [
                {**labels, "seed": seed, "trial_key": str(seed), "calls_to_target": reached}
                for seed, reached in enumerate(calls)
            ],
            columns=[*labels, "seed", "trial_key", "calls_to_target"],
        )
        stored = {str(seed): trial for seed, trial in enumerate(trials or [stored_trial()] * len(calls))}
        summary = pd.DataFrame([labels | said])
        frame = measures_of(summary, outcomes, {"p": facts}, stored, robustness or {})
        assert list(frame.columns) == COLUMNS
        (row,) = frame.to_dict("records")
        assert {name: row[name] for name in said} == said  # what the summary says is not said otherwise
        return row

    return make


def test_the_hardest_target_is_the_smallest_that_half_of_the_trials_reach(row_of):
    """Of four trials two reach 0.01 (enough), one reaches 0.001; of 30, 40, ∞, ∞ the lower median is 40."""
    row = row_of([[1, 40, INF], [2, 30, 90], [3, INF, INF], [4, INF, INF]])
    # The range of four: the median lies outside with probability 2 · 2⁻⁴.
    assert [row[name] for name in HARDEST] == [0.01, 40.0, 30.0, INF, pytest.approx(0.875, rel=1e-12)]


def test_its_interval_is_that_of_order_statistics(row_of):
    """Twenty seeds: the 6th and the 15th smallest, whose level is 1 − 2 · P(B(20, ½) ≤ 5)."""
    row = row_of([[1, 1, 100 - seed] for seed in range(20)])
    below = sum(math.comb(20, k) for k in range(6)) / 2**20
    assert [row[name] for name in HARDEST] == [0.001, 90.0, 86.0, 95.0, pytest.approx(1 - 2 * below)]


def test_where_no_target_is_reached_by_half_there_is_no_hardest(row_of):
    """One of three reaches the easiest: the calls are +inf, and belong to no target."""
    row = row_of([[1, INF, INF], [INF] * 3, [INF] * 3])
    assert row["hardest_calls"] == INF
    assert all(math.isnan(row[name]) for name in HARDEST if name != "hardest_calls")


def test_a_single_trial_has_no_interval(row_of):
    """One seed, or a trial that stands for all of them."""
    row = row_of([[1, 5, INF]])
    assert (row["hardest_target"], row["hardest_calls"]) == (0.01, 5.0)
    assert all(math.isnan(row[name]) for name in HARDEST[2:])


def test_a_target_met_at_the_start_costs_one_call(row_of):
    """As rule 4 has it."""
    row = row_of([[1, 1, 1]] * 6)
    assert [row[name] for name in HARDEST] == [0.001, 1.0, 1.0, 1.0, pytest.approx(1 - 2 / 2**6)]


@pytest.mark.parametrize("targets", [TARGETS, ()], ids=["some", "none"])
def test_without_an_optimum_there_is_no_hardest_target(row_of, targets):
    """Whatever the plan lists; time and memory are known all the same."""
    trials = [stored_trial(wall_seconds=2e-3, steps=1000, state_bytes=64.0)] * 2
    row = row_of([[INF] * len(targets)] * 2, trials, FACTS._replace(has_optimum=False, targets=targets))
    assert all(math.isnan(row[name]) for name in HARDEST)
    assert (row["microseconds_per_step"], row["state_bytes_per_parameter"]) == (pytest.approx(2.0), 16.0)


def test_time_is_that_of_all_trials_that_were_measured(row_of):
    """4 ms over 400 + 100 + 0 + 300 steps, the last too fast for the clock; a crashed trial has neither."""
    trials = [
        stored_trial(wall_seconds=2e-3, steps=400, state_bytes=40.0),
        stored_trial(wall_seconds=1e-3, steps=100, state_bytes=40.0),
        stored_trial(wall_seconds=1e-3, steps=0, state_bytes=40.0),
        stored_trial(wall_seconds=0.0, steps=300, state_bytes=40.0),
        stored_trial(),
    ]
    row = row_of([[INF] * 3] * 5, trials)
    assert row["microseconds_per_step"] == pytest.approx(5.0, rel=1e-12)
    assert row["state_bytes_per_parameter"] == 10.0


def test_no_step_has_no_price(row_of):
    """Skipped, or over before the first step: unknown, not free; no state is 0 bytes, unknown state is not."""
    skipped = row_of([[INF] * 3], [stored_trial(wall_seconds=0.0, steps=0, state_bytes=0.0)])
    assert math.isnan(skipped["microseconds_per_step"])
    assert skipped["state_bytes_per_parameter"] == 0.0
    assert math.isnan(row_of([[INF] * 3])["state_bytes_per_parameter"])


def test_a_row_without_trials_claims_nothing(row_of):
    """An unfinished study has such rows."""
    row = row_of([])
    own = [name for name in COLUMNS[3:] if name not in ("target", "success_rate", "median_calls", "gap")]
    assert all(math.isnan(row[name]) for name in own)


def test_the_baseline_is_the_share_of_starts_in_the_basin(row_of):
    """Two of three; the fourth trial died before it could say."""
    trials = [stored_trial(metrics=[(START_IN_BASIN, inside)]) for inside in (1.0, 0.0, 1.0)]
    assert row_of([[INF] * 3] * 4, [*trials, stored_trial()])["success_baseline"] == 2 / 3
    assert math.isnan(row_of([[INF] * 3] * 4)["success_baseline"])


def test_robustness_is_that_of_the_problem_and_optimizer(row_of):
    """Unknown where nothing was tuned."""
    names = ("robustness_decades", "share_diverged")
    known = {("p", "o"): Robustness(1.5, 0.25), ("p", "other"): Robustness(8.0, 0.0)}
    row = row_of([[INF] * 3], robustness=known)
    assert [row[name] for name in names] == [1.5, 0.25]
    assert all(math.isnan(row_of([[INF] * 3])[name]) for name in names)


def made_up(plan, generator):
    """Make up every trial that a plan asks for."""
    rows = {}
    for pairing in plan.pairings():
        known = {}
        while batches := missing_batches(PairingState(plan, pairing, known)):
            for batch in batches:
                for seed, keys in zip(batch.seeds, plan.keys(batch), strict=True):
                    for setting, key in zip(batch.settings, keys, strict=True):
                        rows[key] = _trial(plan, batch, key, seed, setting, generator)
            known = outcomes_of(table_of(list(rows.values())))
    return rows


def _trial(plan, batch, key, seed, setting, generator):
    status = generator.choice(["solved", "exhausted", "exhausted", "diverged", "failed", "timed_out"])
    row = {
        "trial_key": key, "problem": batch.problem.name, "optimizer": batch.optimizer, "role": batch.role,
        "hyperparameters": json.dumps(setting), "seed": seed, "budget": batch.problem.budget, "status": status,
        "calls": 0.0, "steps": 0,
    }  # fmt: skip
    if status == "timed_out":
        return row
    targets = batch.problem.targets if batch.problem.has_optimum else ()
    calls = sorted(generator.uniform(1, 2000) for _ in targets)
    return row | {
        "steps": generator.randrange(1, 1000),
        "wall_seconds": generator.uniform(0, 1),
        "state_bytes": 48.0,
        "gap" if targets else "final_objective": generator.uniform(0, 1),
        "calls_to_target": [value if value <= 1000 else None for value in calls],
    }


def half(values):
    """Give the ⌈n/2⌉-th smallest."""
    return sorted(values)[(len(values) + 1) // 2 - 1]


def calls_at(row, place):
    value = (row.get("calls_to_target") or [None] * 8)[place]
    return INF if value is None else value


def test_the_measures_of_a_study_are_those_of_loops_over_its_trials(plan_of):
    """Two problems, three optimizers, one of them with a fixed rate; grouped anew by what the trials themselves say."""
    plan = plan_of(
        ("quadratic", "runge[features=3]"), ("adam", "sgd", "momentum[learning_rate=0.1]"), preset="standard"
    )
    rows = made_up(plan, random.Random(3))
    results = build_results(plan, table_of(list(rows.values())))
    measures = results.measures
    labels = ["problem", "optimizer", "track"]
    assert measures[labels].equals(results.summary[labels])
    assert len(measures) == 2 * 3 * 2
    for row in measures.itertuples():
        name = row.optimizer.partition("[")[0]
        of_row = results.outcomes[(results.outcomes[labels] == [getattr(row, x) for x in labels]).all(axis=1)]
        own = [rows[key] for key in of_row["trial_key"]]
        timed = [trial for trial in own if "wall_seconds" in trial]
        price = sum(trial["wall_seconds"] for trial in timed) / sum(trial["steps"] for trial in timed)
        assert row.microseconds_per_step == pytest.approx(1e6 * price, rel=1e-12)
        medians = [half([calls_at(trial, place) for trial in own]) for place in range(8)]
        reached = [place for place in range(8) if medians[place] < INF]
        assert row.hardest_target == results.problems[row.problem].targets[reached[-1]]
        assert row.hardest_calls == medians[reached[-1]]
        tuning = [
            trial
            for trial in rows.values()
            if (trial["problem"], trial["optimizer"], trial["role"])
            == (row.problem.partition("[")[0], name, "tuning")
        ]
        if name == "momentum":
            assert tuning == []
            assert math.isnan(row.robustness_decades)
            assert math.isnan(row.share_diverged)
            continue
        by_rate = {}
        for trial in tuning:
            rate = json.loads(trial["hyperparameters"])["learning_rate"]
            by_rate.setdefault(rate, []).append(calls_at(trial, 2))  # 10⁻³ is the third of the targets
        found = sorted(map(half, by_rate.values()))
        assert len(by_rate) == 9
        assert row.robustness_decades == sum(value <= 2 * found[0] < INF for value in found)
        assert row.share_diverged == sum(trial["status"] == "diverged" for trial in tuning) / 27


def test_an_unfinished_study_has_measures_too(plan_of):
    """Its tuned row is not there yet, and its grid says nothing while a trial of it is missing."""
    plan = plan_of()
    rows = made_up(plan, random.Random(4))
    tuning = [key for key, row in rows.items() if row["role"] == "tuning"]
    del rows[tuning[-1]]
    (row,) = build_results(plan, table_of(list(rows.values()))).measures.itertuples()
    assert row.track == "default"
    assert math.isnan(row.robustness_decades)
    assert build_results(plan, table_of([])).measures[COLUMNS[4:]].isna().all(axis=None)


def test_without_an_optimum_a_study_still_knows_what_diverged(plan_of):
    """Time, state and divergence need no optimum; `gap` is the objective, as in the summary."""
    plan = plan_of(tracks=("tuned",))
    problem = msgspec.structs.replace(plan.problems[0], has_optimum=False)
    plan = msgspec.structs.replace(plan, problems=(problem,))
    rows = made_up(plan, random.Random(5))
    results = build_results(plan, table_of(list(rows.values())))
    (row,) = results.measures.itertuples()
    tuning = [trial["status"] for trial in rows.values() if trial["role"] == "tuning"]
    assert row.share_diverged == tuning.count("diverged") / len(tuning)
    assert row.gap == results.summary["gap"][0]
    assert math.isnan(row.robustness_decades)
    assert math.isnan(row.hardest_calls)
    assert row.microseconds_per_step > 0
