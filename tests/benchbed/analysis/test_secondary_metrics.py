"""Secondary metrics, compared with numbers by hand and loops over the stored trials."""

import json
import math
import random

import msgspec
import pandas as pd
import pytest

from benchbed.analysis.results import build_results
from benchbed.analysis.secondary_metrics import COLUMNS, Robustness, basin_shares, measures_of
from benchbed.analysis.stored import StoredTrials
from benchbed.interfaces import START_IN_BASIN
from benchbed.interfaces.results import ProblemFacts
from benchbed.plan.presets import PRESETS
from benchbed.store import table_of
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import outcomes_of
from benchbed.tuning.scheduling import missing_batches

INF, NAN = math.inf, math.nan
TARGETS = (0.1, 0.01, 0.001)
FACTS = ProblemFacts(200, TARGETS, 0.01, 4, "float64", True)
HARDEST = ["hardest_target", "hardest_calls", "hardest_low", "hardest_high", "hardest_level"]


def stored_trial(**fields):
    return {"wall_seconds": None, "steps": 0, "calls": 0.0, "state_bytes": None, "metrics": None} | fields


@pytest.fixture
def row_of():
    """Return a function that computes the row of one optimizer on one problem, from calls to target and trials."""

    def make(calls, trials=None, facts=FACTS, robustness=None):
        labels = {"problem": "p", "optimizer": "o", "track": "default"}
        known = {"target": 0.01, "success_rate": 0.25, "median_calls": 7.0, "gap": 0.125, "objective": 3.0}
        outcomes = pd.DataFrame(
            [
                {**labels, "seed": seed, "trial_key": str(seed), "calls_to_target": reached}
                for seed, reached in enumerate(calls)
            ],
            columns=[*labels, "seed", "trial_key", "calls_to_target"],
        )
        rows = enumerate(trials or [stored_trial()] * len(calls))
        stored = StoredTrials(table_of([trial | {"trial_key": str(seed)} for seed, trial in rows]))
        summary = pd.DataFrame([labels | known])
        frame = measures_of(summary, outcomes, {"p": facts}, stored, robustness or {})
        assert list(frame.columns) == COLUMNS
        (row,) = frame.to_dict("records")
        assert {name: row[name] for name in known} == known  # these are copied from the summary
        return row

    return make


def test_the_hardest_target_is_the_smallest_that_half_of_the_trials_reach(row_of):
    """Two of four trials reach 0.01, which is enough; one reaches 0.001. The lower median of 30, 40, ∞, ∞ is 40."""
    row = row_of([[1, 40, INF], [2, 30, 90], [3, INF, INF], [4, INF, INF]])
    # The median is outside the range of four values with probability 2 · 2⁻⁴.
    assert [row[name] for name in HARDEST] == [0.01, 40.0, 30.0, INF, pytest.approx(0.875, rel=1e-12)]


def test_the_interval_of_the_hardest_target_consists_of_order_statistics(row_of):
    """For twenty seeds they are the 6th and the 15th smallest, with level 1 − 2 · P(B(20, ½) ≤ 5)."""
    row = row_of([[1, 1, 100 - seed] for seed in range(20)])
    below = sum(math.comb(20, k) for k in range(6)) / 2**20
    assert [row[name] for name in HARDEST] == [0.001, 90.0, 86.0, 95.0, pytest.approx(1 - 2 * below)]


def test_without_a_target_that_half_reach_there_is_no_hardest_one(row_of):
    """One of three trials reaches the easiest target: the calls are +inf."""
    row = row_of([[1, INF, INF], [INF] * 3, [INF] * 3])
    assert row["hardest_calls"] == INF
    assert all(math.isnan(row[name]) for name in HARDEST if name != "hardest_calls")


def test_a_single_trial_has_no_interval(row_of):
    """There is one seed, or a deterministic trial."""
    row = row_of([[1, 5, INF]])
    assert (row["hardest_target"], row["hardest_calls"]) == (0.01, 5.0)
    assert all(math.isnan(row[name]) for name in HARDEST[2:])


def test_a_target_met_at_the_start_costs_one_call(row_of):
    """This is rule 4 of the protocol."""
    row = row_of([[1, 1, 1]] * 6)
    assert [row[name] for name in HARDEST] == [0.001, 1.0, 1.0, 1.0, pytest.approx(1 - 2 / 2**6)]


@pytest.mark.parametrize("targets", [TARGETS, ()], ids=["some", "none"])
def test_without_an_optimum_there_is_no_hardest_target(row_of, targets):
    """The targets of the plan do not matter; time and memory are known."""
    trials = [stored_trial(wall_seconds=2e-3, steps=1000, state_bytes=64.0)] * 2
    row = row_of([[INF] * len(targets)] * 2, trials, FACTS._replace(has_optimum=False, targets=targets))
    assert all(math.isnan(row[name]) for name in HARDEST)
    assert (row["microseconds_per_step"], row["state_bytes_per_parameter"]) == (pytest.approx(2.0), 16.0)


def test_time_is_averaged_over_the_steps_of_all_trials(row_of):
    """4 ms and 1 600 calls over 400 + 100 + 0 + 300 steps; a crashed trial has neither time nor steps."""
    trials = [
        stored_trial(wall_seconds=2e-3, steps=400, calls=800.0, state_bytes=40.0),
        stored_trial(wall_seconds=1e-3, steps=100, calls=500.0, state_bytes=40.0),
        stored_trial(wall_seconds=1e-3, steps=0, state_bytes=40.0),
        stored_trial(wall_seconds=0.0, steps=300, calls=300.0, state_bytes=40.0),
        stored_trial(),
    ]
    row = row_of([[INF] * 3] * 5, trials)
    assert row["microseconds_per_step"] == pytest.approx(5.0, rel=1e-12)
    assert row["calls_per_step"] == 2.0
    assert row["state_bytes_per_parameter"] == 10.0


def test_without_steps_the_time_is_unknown(row_of):
    """It is NaN, not 0; a state of 0 bytes is 0, an unknown state is NaN."""
    skipped = row_of([[INF] * 3], [stored_trial(wall_seconds=0.0, steps=0, state_bytes=0.0)])
    assert math.isnan(skipped["microseconds_per_step"])
    assert math.isnan(skipped["calls_per_step"])
    assert skipped["state_bytes_per_parameter"] == 0.0
    assert math.isnan(row_of([[INF] * 3])["state_bytes_per_parameter"])


def test_a_row_without_trials_has_no_numbers(row_of):
    """Unfinished studies have such rows."""
    row = row_of([])
    of_summary = ("target", "success_rate", "median_calls", "gap", "objective")
    computed = [name for name in COLUMNS[3:] if name not in of_summary]
    assert all(math.isnan(row[name]) for name in computed)


def test_the_baseline_is_the_share_of_starts_in_the_basin(row_of):
    """It is two of three; the fourth trial died before it was measured."""
    trials = [stored_trial(metrics=[(START_IN_BASIN, inside)]) for inside in (1.0, 0.0, 1.0)]
    assert row_of([[INF] * 3] * 4, [*trials, stored_trial()])["success_baseline"] == 2 / 3
    assert math.isnan(row_of([[INF] * 3] * 4)["success_baseline"])


def test_robustness_is_that_of_the_problem_and_optimizer(row_of):
    """It is NaN without tuning."""
    names = ("robustness_decades", "share_diverged")
    robustness = {("p", "o"): Robustness(1.5, 0.25), ("p", "other"): Robustness(8.0, 0.0)}
    row = row_of([[INF] * 3], robustness=robustness)
    assert [row[name] for name in names] == [1.5, 0.25]
    assert all(math.isnan(row_of([[INF] * 3])[name]) for name in names)


def random_trials(plan, generator):
    """Invent the rows of all trials of a plan."""
    rows = {}
    for pairing in plan.pairings():
        outcomes = {}
        while batches := missing_batches(PairingState(plan, pairing, outcomes)):
            for batch in batches:
                for seed, keys in zip(batch.seeds, plan.keys(batch), strict=True):
                    for setting, key in zip(batch.settings, keys, strict=True):
                        rows[key] = random_trial(plan, batch, key, seed, setting, generator)
            outcomes = outcomes_of(table_of(list(rows.values())))
    return rows


def random_trial(plan, batch, key, seed, setting, generator):
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


def lower_median(values):
    """Return the ⌈n/2⌉-th smallest."""
    return sorted(values)[(len(values) + 1) // 2 - 1]


def calls_to(row, target_index):
    is_measured = row["status"] in ("solved", "converged", "exhausted")
    value = ((is_measured and row.get("calls_to_target")) or [None] * 8)[target_index]
    return INF if value is None else value


def test_the_measures_equal_a_loop_over_the_trials(plan_of, monkeypatch):
    """There are two problems and three optimizers, one of them with a fixed rate; nine rates and three tuning seeds."""
    coarse = PRESETS["standard"]._replace(
        tuning_seeds=3, small_tuning_seeds=3, rates_per_decade=1, extensions=0
    )
    monkeypatch.setitem(PRESETS, "standard", coarse)
    plan = plan_of(
        ("quadratic", "runge[features=3]"), ("adam", "sgd", "momentum[learning_rate=0.1]"), preset="standard"
    )
    rows = random_trials(plan, random.Random(3))
    results = build_results(plan, table_of(list(rows.values())))
    measures = results.measures
    labels = ["problem", "optimizer", "track"]
    assert measures[labels].equals(results.summary[labels])
    assert len(measures) == 2 * 3 * 2
    for row in measures.itertuples():
        name = row.optimizer.partition("[")[0]
        of_row = results.outcomes[(results.outcomes[labels] == [getattr(row, x) for x in labels]).all(axis=1)]
        trials = [rows[key] for key in of_row["trial_key"]]
        timed = [trial for trial in trials if "wall_seconds" in trial]
        seconds_per_step = sum(trial["wall_seconds"] for trial in timed) / sum(
            trial["steps"] for trial in timed
        )
        assert row.microseconds_per_step == pytest.approx(1e6 * seconds_per_step, rel=1e-12)
        medians = [lower_median([calls_to(trial, index) for trial in trials]) for index in range(8)]
        reached = [index for index in range(8) if medians[index] < INF]
        if not reached:
            assert math.isnan(row.hardest_target)
            assert row.hardest_calls == INF
            continue
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
        by_rate, success = {}, list(results.problems[row.problem].targets).index(row.target)
        # The shared grid has a rate a decade; refinements of the best rate lie between.
        of_grid = [str(rate) for rate in (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)]
        tuning = [
            trial for trial in tuning if str(json.loads(trial["hyperparameters"])["learning_rate"]) in of_grid
        ]
        for trial in tuning:
            rate = json.loads(trial["hyperparameters"])["learning_rate"]
            by_rate.setdefault(rate, []).append(calls_to(trial, success))
        medians = sorted(map(lower_median, by_rate.values()))
        assert len(by_rate) == 9
        assert row.robustness_decades == sum(value <= 2 * medians[0] < INF for value in medians)
        assert row.share_diverged == sum(trial["status"] == "diverged" for trial in tuning) / 27


def test_an_unfinished_study_has_measures(plan_of):
    """Its tuned row does not exist yet, and robustness is NaN while a trial of the grid is missing."""
    plan = plan_of()
    rows = random_trials(plan, random.Random(4))
    tuning = [key for key, row in rows.items() if row["role"] == "tuning"]
    del rows[tuning[-1]]
    (row,) = build_results(plan, table_of(list(rows.values()))).measures.itertuples()
    assert row.track == "default"
    assert math.isnan(row.robustness_decades)
    assert build_results(plan, table_of([])).measures[COLUMNS[4:]].isna().all(axis=None)


def test_without_an_optimum_the_share_that_diverged_is_known(plan_of):
    """Time and state are known too, and the objective as in the summary; there is no gap."""
    plan = plan_of(tracks=("tuned",))
    problem = msgspec.structs.replace(plan.problems[0], has_optimum=False)
    plan = msgspec.structs.replace(plan, problems=(problem,))
    rows = random_trials(plan, random.Random(5))
    results = build_results(plan, table_of(list(rows.values())))
    (row,) = results.measures.itertuples()
    tuning = [trial["status"] for trial in rows.values() if trial["role"] == "tuning"]
    assert row.share_diverged == tuning.count("diverged") / len(tuning)
    assert row.objective == results.summary["objective"][0]
    assert math.isnan(row.gap)
    assert math.isnan(row.robustness_decades)
    assert math.isnan(row.hardest_calls)
    assert row.microseconds_per_step > 0


def metrics(is_in_basin):
    return [("distance", 0.5), (START_IN_BASIN, is_in_basin)]


def shares(trials):
    """Return the shares of trials `(problem, optimizer, seed, metrics)`, read from the store."""
    keys = [str(number) for number in range(len(trials))]
    rows = [{"trial_key": key, "metrics": trial[3]} for key, trial in zip(keys, trials, strict=True)]
    stored = StoredTrials(table_of(rows))
    outcomes = pd.DataFrame([trial[:3] for trial in trials], columns=["problem", "optimizer", "seed"])
    return basin_shares(outcomes.assign(trial_key=keys), stored)


def test_the_share_is_that_of_the_trials_with_this_metric():
    """It is two of three; a crashed trial has no metrics, and one whose plugin raised lacks this one."""
    values_by_seed = [metrics(1.0), metrics(0.0), None, metrics(1.0), [], [("distance", 0.1)]]
    assert shares([("p", "a", seed, values) for seed, values in enumerate(values_by_seed)]) == {"p": 2 / 3}


@pytest.mark.parametrize("values_by_seed", [None, [], [("distance", 0.1)], metrics(math.nan)])
def test_a_problem_without_this_metric_has_no_share(values_by_seed):
    """It has a single minimum, or its basins are not known, or nothing was measured."""
    assert shares([("p", "a", 0, values_by_seed), ("q", "a", 0, metrics(0.0))]) == {"q": 0.0}


def test_each_start_counts_once():
    """One of two seeds starts in the basin, even if the optimizers have different numbers of trials."""
    trials = [("p", optimizer, seed, metrics(float(seed == 0))) for optimizer in "ab" for seed in (0, 1)]
    assert shares([*trials, ("p", "c", 0, metrics(1.0)), ("p", "d", 1, None)]) == {"p": 0.5}


def test_without_trials_there_is_no_share():
    """The study has not started."""
    assert shares([]) == {}
