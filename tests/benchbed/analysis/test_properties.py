"""Properties of the numbers of invented studies: other entrants do not change them."""

import functools
import itertools
import json
import math
import os
import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbed.analysis.results import build_results
from benchbed.catalog.loading import load_catalog
from benchbed.interfaces import TrialStatus
from benchbed.plan import Request, make_plan
from benchbed.reports.ecdf import targets_reached
from benchbed.reports.profile import performance_ratios
from benchbed.reports.ranking import leading_rows, rank_rows
from benchbed.store import table_of
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import outcomes_of
from benchbed.tuning.scheduling import missing_batches

pytestmark = pytest.mark.slow

PROBLEMS = ["quadratic", "quadratic[start=2]", "quartic", "runge[features=3]"]
OPTIMIZERS = ["adam", "adam[learning_rate=[0.5, 0.25]]", "gd", "momentum", "sgd[learning_rate=0.1]"]
STATUSES = [status.value for status in TrialStatus]
HABITS = {
    "anything": STATUSES,
    "solves": ["solved"],
    "stays": ["exhausted"],
    "diverges": ["diverged"],
    "dies": ["crashed"],
    "cannot start": ["skipped"],
}
"""Statuses of the trials of an optimizer."""
LABELS = ["problem", "optimizer", "track", "learning_rate", "k", "seed"]
RELATIVE = ["adjusted_p", "is_apart"]
"""Columns of a comparison that depend on all pairs of its table."""
STUDIES = settings(
    deadline=None, derandomize=True, max_examples=12, suppress_health_check=[HealthCheck.too_slow]
)


@functools.cache
def installed():
    """Return the catalog of the installed plugins."""
    return load_catalog([], dict(os.environ))


@st.composite
def studies(draw):
    """Draw the parts of a study, and the seed of its trials."""
    names = draw(st.lists(st.sampled_from(OPTIMIZERS), min_size=2, max_size=4, unique=True))
    return {
        "problems": draw(st.lists(st.sampled_from(PROBLEMS), min_size=1, max_size=3, unique=True)),
        "optimizers": names,
        "tracks": draw(st.lists(st.sampled_from(["default", "tuned", "searched"]), min_size=1, unique=True)),
        "seeds": draw(st.integers(1, 21)),
        "habits": {name: draw(st.sampled_from(sorted(HABITS))) for name in names},
        "entropy": draw(st.integers(0, 10**6)),
    }


def targets_met_at_start(problem, role, seed, entropy):
    """Return how many targets the start of an instance meets, the same for all optimizers, and its gap."""
    number = random.Random(f"{entropy} {problem.label} {role} {seed}").choice(
        [0, 0, 1, 3, len(problem.targets)]
    )
    edges = [problem.targets[0] * 4, *problem.targets, problem.targets[-1] / 4]
    return number, math.sqrt(edges[number] * edges[number + 1])


def random_trial(batch, key, seed, setting, habit, entropy):
    """Invent a stored trial: a status that the habit allows, and calls to target that match it."""
    generator, problem = random.Random(f"{entropy} {key}"), batch.problem
    status = generator.choice(HABITS[habit])
    row = {
        "trial_key": key, "problem": problem.name, "optimizer": batch.optimizer, "role": batch.role, "seed": seed,
        "hyperparameters": json.dumps(setting), "budget": problem.budget, "calls": 0.0, "steps": 0, "status": status,
    }  # fmt: skip
    if status in ("crashed", "timed_out", "out_of_memory", "skipped"):
        return row
    met_at_start, start = targets_met_at_start(problem, batch.role, seed, entropy)
    reaches = {"solved": len(problem.targets), "diverged": generator.randint(0, met_at_start)}.get(
        status, met_at_start if habit == "stays" else generator.randint(met_at_start, len(problem.targets))
    )
    later = sorted(
        math.exp(generator.uniform(0, math.log(problem.budget))) for _ in problem.targets[met_at_start:]
    )
    final = {"solved": 0.4 * problem.targets[-1], "diverged": 1e4}.get(
        status, 0.99 * start if habit == "stays" else start * generator.choice([0.5, generator.random()])
    )
    calls = [*[1.0] * met_at_start, *later][:reaches]
    return row | {
        "calls": problem.budget, "steps": 9, "final_objective": final, "optimum": 0.0, "scale": 1.0, "gap": final,
        "calls_to_target": [*calls, *[None] * (len(problem.targets) - reaches)], "wall_seconds": 0.5,
        "curve_calls": [0.0, 9.0], "curve_objective": [start, final], "curve_gradient_norm": [1.0, 0.1],
        "curve_theta": [[0.0] * problem.dimension] * 2, "state_bytes": 8.0,
    }  # fmt: skip


def build(study, change=lambda rows: None):
    """Invent all trials of a study, and return its frames."""
    fields = {name: tuple(study[name]) for name in ("problems", "optimizers", "tracks")}
    plan = make_plan(installed(), Request(preset="quick", device="cpu", seeds=study["seeds"], **fields))
    habits = {selector.partition("[")[0]: habit for selector, habit in study["habits"].items()}
    rows = {}
    for pairing in plan.pairings():
        outcomes = {}
        while batches := missing_batches(PairingState(plan, pairing, outcomes)):
            trials = {
                key: random_trial(batch, key, seed, setting, habits[batch.optimizer], study["entropy"])
                for batch in batches
                for seed, keys in zip(batch.seeds, plan.keys(batch), strict=True)
                for setting, key in zip(batch.settings, keys, strict=True)
            }
            outcomes |= outcomes_of(table_of(list(trials.values())))
            rows |= trials
    change(rows)
    return build_results(plan, table_of(list(rows.values())))


def rows_of(frame, names):
    """Return the rows of some optimizers, sorted, since the order of the frame follows the list of entrants."""
    labels = [name for name in LABELS if name in frame]
    return frame[frame["optimizer"].isin(names)].sort_values(labels, kind="stable").reset_index(drop=True)


def assert_same_numbers(before, after, names):
    """Compare to the bit all numbers of these optimizers, and of every pair of them."""
    for frame in ("outcomes", "tuning", "best_of_k", "summary", "measures", "overall"):
        ours, theirs = (rows_of(getattr(results, frame), names) for results in (before, after))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True, check_dtype=False, obj=frame)
    pairs = [
        results.comparisons[results.comparisons[["first", "second"]].isin(names).all(axis=1)]
        .drop(columns=RELATIVE)
        .reset_index(drop=True)
        for results in (before, after)
    ]
    pd.testing.assert_frame_equal(*pairs, check_exact=True, check_dtype=False, obj="comparisons")


@STUDIES
@given(study=studies(), data=st.data())
def test_an_additional_entrant_does_not_change_the_numbers_of_others(study, data):
    """Scores, intervals, success, calls, gaps, counts, measures and pairs are equal to the bit.

    This holds for any optimizer, any position in the list, and any statuses of its trials.
    """
    newcomer = data.draw(st.sampled_from(study["optimizers"]), label="newcomer")
    fewer = study | {"optimizers": [name for name in study["optimizers"] if name != newcomer]}
    before, after = build(fewer), build(study)
    assert set(after.optimizers) > set(before.optimizers)
    assert_same_numbers(before, after, before.optimizers)


@STUDIES
@given(study=studies(), data=st.data())
def test_a_target_reached_earlier_lowers_no_score(study, data):
    """The score of its row does not fall, and only pairs with this row change otherwise."""
    lucky, target_index = data.draw(st.sampled_from(study["optimizers"])), data.draw(st.integers(0, 7))
    share, name = data.draw(st.floats(0, 1)), lucky.partition("[")[0]

    def improve(rows):
        for row in rows.values():
            if row["optimizer"] == name and row["role"] == "evaluation" and "calls_to_target" in row:
                reached = row["calls_to_target"][target_index]
                row["calls_to_target"][target_index] = max(
                    1.0, share * (row["budget"] if reached is None else reached)
                )

    before, after = build(study), build(study, improve)
    pair = before.summary.merge(after.summary, on=["problem", "optimizer", "track"], suffixes=("", "_after"))
    assert (pair["score_after"] >= pair["score"]).all()
    assert_same_numbers(
        before, after, [label for label in before.optimizers if label.partition("[")[0] != name]
    )


@STUDIES
@given(study=studies())
def test_the_score_of_a_row_is_the_area_under_its_distribution_of_calls(study):
    """It is the share of all targets of all trials that are reached, over the logarithm of the calls."""
    results = build(study)
    for row in results.summary.itertuples():
        trials = results.outcomes.query(
            "problem == @row.problem and optimizer == @row.optimizer and track == @row.track"
        )
        calls = [value for reached in trials["calls_to_target"] for value in reached]
        budget = results.problems[row.problem].budget
        jumps = sorted({1.0, float(budget), *(value for value in calls if 1 < value < budget)})
        area = sum(
            math.log(right / left) * sum(value <= left for value in calls) / len(calls)
            for left, right in itertools.pairwise(jumps)
        )
        assert 0 <= row.score <= 1
        # Sums of some hundred logarithms of size 5, each rounded to 1e-16.
        assert math.isclose(row.score, area / math.log(budget), abs_tol=1e-12)


LOSERS = {"momentum": "stays", "nesterov": "diverges", "sgd": "dies"}


@STUDIES
@given(
    st.lists(st.sampled_from(PROBLEMS), min_size=1, max_size=3, unique=True),
    st.permutations(["adam", *LOSERS]),
    st.integers(1, 21),
    st.integers(0, 10**6),
)
def test_optimizers_that_do_not_converge_are_never_ranked_above_one_that_does(
    problems, optimizers, seeds, entropy
):
    """They stay at 99 % of the starting gap, diverge or crash, and the starts may meet targets."""
    tracks = ["default", "tuned", "searched"]
    results = build(
        {
            "problems": problems, "optimizers": optimizers, "tracks": tracks, "seeds": seeds, "entropy": entropy,
            "habits": {"adam": "solves", **LOSERS},
        }
    )  # fmt: skip
    rows = results.summary.assign(leads=leading_rows(results.summary, results.groups))
    for frame, by in ((rows, "score"), (results.overall.dropna(subset="score"), "score"), (rows, "leads")):
        best = frame[frame["optimizer"] == "adam"].set_index(["track", *({"problem"} & set(frame))])[by]
        for _, losers in frame[frame["optimizer"] != "adam"].groupby("optimizer"):
            assert (best >= losers.set_index(best.index.names)[by]).all()
    for (_, _), table in results.groups.groupby(["problem", "track"]):
        assert table.set_index("optimizer").loc["adam", "group"] == 1
    for problem in problems:
        order = rank_rows(results.summary[results.summary["problem"] == problem])
        assert list(order["optimizer"][::4]) == ["adam"] * 3
    against = results.comparisons[(results.comparisons[["first", "second"]] == "adam").any(axis=1)]
    shares = against["win_share"].where(against["first"] == "adam", 1 - against["win_share"])
    assert (shares >= 0.5).all()


@STUDIES
@given(st.lists(st.sampled_from(PROBLEMS), min_size=1, max_size=3, unique=True), st.integers(0, 10**6))
def test_curves_of_optimizers_that_do_not_converge_are_never_above_one_that_does(problems, entropy):
    """This holds for the share of targets reached and for the performance profile."""
    results = build(
        {
            "problems": problems, "optimizers": ["sgd", "nesterov", "momentum", "adam"], "tracks": ["tuned"],
            "seeds": 5, "entropy": entropy, "habits": {"adam": "solves", **LOSERS},
        }
    )  # fmt: skip
    profiles = performance_ratios(results, "tuned")
    assert all((profiles["adam"] <= profiles[name]).all() for name in LOSERS)
    positions = np.linspace(0, 1, 101)
    for problem in problems:
        shares = {}
        for name, trials in results.outcomes[results.outcomes["problem"] == problem].groupby("optimizer"):
            curve = targets_reached(trials, results.problems[problem])
            jumps = np.searchsorted(curve["position"], positions, side="right") - 1
            shares[name] = curve["share"].to_numpy()[jumps]
        assert all((shares["adam"] >= shares[name]).all() for name in LOSERS)
