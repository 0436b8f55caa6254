"""Whoever else takes part changes nobody's numbers, over made-up studies of every shape."""

import functools
import itertools
import json
import math
import os
import random

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbed.analysis.results import build_results
from benchbed.catalog import load_catalog
from benchbed.plan import Request, make_plan
from benchbed.reports.ecdf import reached
from benchbed.reports.profile import performance_ratios
from benchbed.reports.ranking import leading_rows, rank_rows
from benchbed.store import table_of
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.outcomes import outcomes_of
from benchbed.tuning.scheduling import missing_batches

PROBLEMS = ["quadratic", "quadratic[start=2]", "quartic", "runge[features=3]"]
OPTIMIZERS = ["adam", "adam[learning_rate=[0.5, 0.25]]", "gd", "momentum", "sgd[learning_rate=0.1]"]
STATUSES = [
    "solved", "converged", "exhausted", "diverged", "failed", "crashed", "timed_out", "out_of_memory", "skipped",
]  # fmt: skip
HABITS = {
    "anything": STATUSES,
    "solves": ["solved"],
    "stays": ["exhausted"],
    "diverges": ["diverged"],
    "dies": ["crashed"],
    "cannot begin": ["skipped"],
}
"""What the trials of an optimizer may come to."""
LABELS = ["problem", "optimizer", "track", "learning_rate", "k", "seed"]
RELATIVE = ["adjusted_p", "is_apart"]
"""What a comparison says only among all pairs of its table."""
STUDIES = settings(
    deadline=None, derandomize=True, max_examples=12, suppress_health_check=[HealthCheck.too_slow]
)


@functools.cache
def installed():
    """Give the catalog of what is installed."""
    return load_catalog([], dict(os.environ))


@st.composite
def studies(draw):
    """Give what a study consists of, and what to draw its trials from."""
    names = draw(st.lists(st.sampled_from(OPTIMIZERS), min_size=2, max_size=4, unique=True))
    return {
        "problems": draw(st.lists(st.sampled_from(PROBLEMS), min_size=1, max_size=3, unique=True)),
        "optimizers": names,
        "tracks": draw(st.lists(st.sampled_from(["default", "tuned", "searched"]), min_size=1, unique=True)),
        "seeds": draw(st.integers(1, 21)),
        "habits": {name: draw(st.sampled_from(sorted(HABITS))) for name in names},
        "entropy": draw(st.integers(0, 10**6)),
    }


def met_at_the_start(problem, role, seed, entropy):
    """Give how many targets the start of an instance meets, the same for everybody, and its gap."""
    number = random.Random(f"{entropy} {problem.label} {role} {seed}").choice(
        [0, 0, 1, 3, len(problem.targets)]
    )
    edges = [problem.targets[0] * 4, *problem.targets, problem.targets[-1] / 4]
    return number, math.sqrt(edges[number] * edges[number + 1])


def made_up(batch, key, seed, setting, habit, entropy):
    """Give one stored trial: a status that the habit allows, and calls to target that go with it."""
    generator, problem = random.Random(f"{entropy} {key}"), batch.problem
    status = generator.choice(HABITS[habit])
    row = {
        "trial_key": key, "problem": problem.name, "optimizer": batch.optimizer, "role": batch.role, "seed": seed,
        "hyperparameters": json.dumps(setting), "budget": problem.budget, "calls": 0.0, "steps": 0, "status": status,
    }  # fmt: skip
    if status in ("crashed", "timed_out", "out_of_memory", "skipped"):
        return row
    met, start = met_at_the_start(problem, batch.role, seed, entropy)
    reaches = {"solved": len(problem.targets), "diverged": generator.randint(0, met)}.get(
        status, met if habit == "stays" else generator.randint(met, len(problem.targets))
    )
    later = sorted(math.exp(generator.uniform(0, math.log(problem.budget))) for _ in problem.targets[met:])
    final = {"solved": 0.4 * problem.targets[-1], "diverged": 1e4}.get(
        status, 0.99 * start if habit == "stays" else start * generator.choice([0.5, generator.random()])
    )
    calls = [*[1.0] * met, *later][:reaches]
    return row | {
        "calls": problem.budget, "steps": 9, "final_objective": final, "optimum": 0.0, "scale": 1.0, "gap": final,
        "calls_to_target": [*calls, *[None] * (len(problem.targets) - reaches)], "wall_seconds": 0.5,
        "curve_calls": [0.0, 9.0], "curve_objective": [start, final], "curve_gradient_norm": [1.0, 0.1],
        "curve_theta": [[0.0] * problem.dimension] * 2, "state_bytes": 8.0,
    }  # fmt: skip


def results(study, change=lambda rows: None):
    """Make up every trial that the study asks for, selection by selection, and give its frames."""
    fields = {name: tuple(study[name]) for name in ("problems", "optimizers", "tracks")}
    plan = make_plan(installed(), Request(preset="quick", device="cpu", seeds=study["seeds"], **fields))
    habits = {selector.partition("[")[0]: habit for selector, habit in study["habits"].items()}
    rows = {}
    for pairing in plan.pairings():
        known = {}
        while batches := missing_batches(PairingState(plan, pairing, known)):
            new = {
                key: made_up(batch, key, seed, setting, habits[batch.optimizer], study["entropy"])
                for batch in batches
                for seed, keys in zip(batch.seeds, plan.keys(batch), strict=True)
                for setting, key in zip(batch.settings, keys, strict=True)
            }
            known |= outcomes_of(table_of(list(new.values())))
            rows |= new
    change(rows)
    return build_results(plan, table_of(list(rows.values())))


def of_others(frame, names):
    """Give the rows of these optimizers in an order of their own: that of the frame follows the list of entrants."""
    labels = [name for name in LABELS if name in frame]
    return frame[frame["optimizer"].isin(names)].sort_values(labels, kind="stable").reset_index(drop=True)


def assert_same_numbers(before, after, names):
    """Compare to the bit everything that is said of these optimizers alone, and of every two of them."""
    for frame in ("outcomes", "tuning", "best_of_k", "summary", "measures", "overall"):
        ours, theirs = (of_others(getattr(one, frame), names) for one in (before, after))
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True, check_dtype=False, obj=frame)
    pairs = [
        one.comparisons[one.comparisons["first"].isin(names) & one.comparisons["second"].isin(names)]
        .drop(columns=RELATIVE)
        .reset_index(drop=True)
        for one in (before, after)
    ]
    pd.testing.assert_frame_equal(*pairs, check_exact=True, check_dtype=False, obj="comparisons")


@STUDIES
@given(study=studies(), data=st.data())
def test_one_entrant_more_changes_nobodys_numbers(study, data):
    """Scores, intervals, success, calls, gaps, counts, measures and pairs stay as they are, to the bit.

    Whoever it is, wherever it stands in the list, and whatever becomes of its trials.
    """
    newcomer = data.draw(st.sampled_from(study["optimizers"]), label="newcomer")
    fewer = study | {"optimizers": [name for name in study["optimizers"] if name != newcomer]}
    before, after = results(fewer), results(study)
    assert set(after.optimizers) > set(before.optimizers)
    assert_same_numbers(before, after, before.optimizers)


@STUDIES
@given(study=studies(), data=st.data())
def test_a_target_reached_earlier_lowers_no_score(study, data):
    """Not that of its own row, and it changes nothing else: only pairs with it."""
    lucky, place = data.draw(st.sampled_from(study["optimizers"])), data.draw(st.integers(0, 7))
    share, name = data.draw(st.floats(0, 1)), lucky.partition("[")[0]

    def improve(rows):
        for row in rows.values():
            if row["optimizer"] == name and row["role"] == "evaluation" and "calls_to_target" in row:
                reached = row["calls_to_target"][place]
                row["calls_to_target"][place] = max(
                    1.0, share * (row["budget"] if reached is None else reached)
                )

    before, after = results(study), results(study, improve)
    pair = before.summary.merge(after.summary, on=["problem", "optimizer", "track"], suffixes=("", "_after"))
    assert (pair["score_after"] >= pair["score"]).all()
    assert_same_numbers(before, after, [one for one in before.optimizers if one.partition("[")[0] != name])


@STUDIES
@given(study=studies())
def test_the_score_of_a_row_is_the_area_under_its_distribution_of_calls(study):
    """Between 0 and 1: the share of all targets of all trials that is reached, over the logarithm of the calls."""
    found = results(study)
    for row in found.summary.itertuples():
        trials = found.outcomes.query(
            "problem == @row.problem and optimizer == @row.optimizer and track == @row.track"
        )
        calls = [value for reached in trials["calls_to_target"] for value in reached]
        budget = found.problems[row.problem].budget
        places = sorted({1.0, float(budget), *(value for value in calls if 1 < value < budget)})
        area = sum(
            math.log(right / left) * sum(value <= left for value in calls) / len(calls)
            for left, right in itertools.pairwise(places)
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
def test_nothing_that_does_not_converge_is_ranked_above_what_does(problems, optimizers, seeds, entropy):
    """Stuck at 99 % of the starting gap, diverging or crashing, whatever targets the starts meet, in every ranking."""
    tracks = ["default", "tuned", "searched"]
    found = results(
        {
            "problems": problems, "optimizers": optimizers, "tracks": tracks, "seeds": seeds, "entropy": entropy,
            "habits": {"adam": "solves", **LOSERS},
        }
    )  # fmt: skip
    rows = found.summary.assign(leads=leading_rows(found.summary, found.groups))
    for frame, by in ((rows, "score"), (found.overall, "score"), (rows, "leads")):
        best = frame[frame["optimizer"] == "adam"].set_index(["track", *({"problem"} & set(frame))])[by]
        for _, losers in frame[frame["optimizer"] != "adam"].groupby("optimizer"):
            assert (best >= losers.set_index(best.index.names)[by]).all()
    for (_, _), table in found.groups.groupby(["problem", "track"]):
        assert table.set_index("optimizer").loc["adam", "group"] == 1
    for problem in problems:
        order = rank_rows(found.summary[found.summary["problem"] == problem])
        assert list(order["optimizer"][::4]) == ["adam"] * 3
    against = found.comparisons[(found.comparisons[["first", "second"]] == "adam").any(axis=1)]
    shares = against["win_share"].where(against["first"] == "adam", 1 - against["win_share"])
    assert (shares >= 0.5).all()


@STUDIES
@given(st.lists(st.sampled_from(PROBLEMS), min_size=1, max_size=3, unique=True), st.integers(0, 10**6))
def test_no_curve_of_what_does_not_converge_lies_above_one_that_does(problems, entropy):
    """Neither in the share of targets reached nor in the performance profile."""
    found = results(
        {
            "problems": problems, "optimizers": ["sgd", "nesterov", "momentum", "adam"], "tracks": ["tuned"],
            "seeds": 5, "entropy": entropy, "habits": {"adam": "solves", **LOSERS},
        }
    )  # fmt: skip
    profiles = performance_ratios(found, "tuned")
    assert all((profiles["adam"] <= profiles[name]).all() for name in LOSERS)
    places = np.linspace(0, 1, 101)
    for problem in problems:
        trials = dict(iter(found.outcomes[found.outcomes["problem"] == problem].groupby("optimizer")))
        shares = {
            name: (np.concatenate([[0.0], share]))[np.searchsorted(jumps, places, side="right")]
            for name in trials
            for jumps, share in [reached(trials[name], found.problems[problem])]
        }
        assert all((shares["adam"] >= shares[name]).all() for name in LOSERS)
