"""Rows of a study that are compared, and their groups."""

import numpy as np
import pandas as pd
import pytest

from benchbed.analysis import pairwise_tables
from benchbed.analysis.intervals import DRAWS
from benchbed.analysis.pairwise_tables import (
    ComparedProblem,
    ComparedStudy,
    compared_problems,
    influence_of,
    shares_of_variance,
)
from benchbed.analysis.pairwise_tests import compare
from benchbed.analysis.strata import Sampling
from benchbed.interfaces import ALL_PROBLEMS, Note
from benchbed.interfaces.results import group_table

SUMMARY = ["problem", "optimizer", "track", "score", "skipped", "notes"]
OUTCOMES = ["problem", "optimizer", "track", "seed", "score", "calls_to_target"]
CHECKPOINTS = np.arange(1, 101)


def comparisons_of(summary, outcomes):
    problems = {p: ComparedProblem(CHECKPOINTS, Sampling(p)) for p in summary["problem"]}
    return pairwise_tables.comparisons_of(ComparedStudy(summary, outcomes, problems))


def study(scores, notes=(), track="tuned", calls=()):
    """Build the frames of a study from `{(problem, optimizer): [scores]}`; notes are given by optimizer or by row."""
    notes, reached = dict(notes), dict(calls)
    summary = [
        (problem, name, track, np.mean(values), 0, notes.get((problem, name), notes.get(name, ())))
        for (problem, name), values in scores.items()
    ]
    outcomes = [
        (problem, name, track, seed, value, reached.get((problem, name), [np.inf]))
        for (problem, name), values in scores.items()
        for seed, value in enumerate(values)
    ]
    return pd.DataFrame(summary, columns=SUMMARY), pd.DataFrame(outcomes, columns=OUTCOMES)


def group_of(groups, problem):
    rows = groups[groups["problem"] == problem]
    return dict(zip(rows["optimizer"], rows["group"], strict=True))


def test_clear_differences_make_groups():
    """Two optimizers that differ by noise only are the first group; a far worse one is the second."""
    noise = np.random.default_rng(0).normal(0, 0.01, (3, 20))
    scores = {("a", "x"): 0.8 + noise[0], ("a", "y"): 0.8 + noise[1], ("a", "z"): 0.3 + noise[2]}
    pairs, groups = comparisons_of(*study(scores))
    assert group_of(groups, "a") == {"x": 1, "y": 1, "z": 2}
    assert len(pairs) == 3
    assert set(groups["problem"]) == {"a"}, "a single problem has no mean over all"


def test_the_mean_over_problems_is_a_table():
    """Optimizers that differ significantly on each of two problems do so over both."""
    better, worse = np.linspace(0.5, 0.6, 20), np.linspace(0.1, 0.2, 20)
    scores = {(problem, name): values for problem in "ab" for name, values in (("x", better), ("y", worse))}
    _, groups = comparisons_of(*study(scores))
    assert group_of(groups, ALL_PROBLEMS) == {"x": 1, "y": 2}


def test_tables_are_those_of_each_track():
    """Problems in every track; means over all and over each of several groups only where rates are tuned."""
    scores = {(problem, "x"): [0.5] for problem in "abc"}
    frames = [study(scores, track=track) for track in ("default", "tuned")]
    summary, outcomes = map(pd.concat, zip(*frames, strict=True))
    groups = {"a": "noise", "b": "geometry", "c": "noise"}
    problems = {name: ComparedProblem(CHECKPOINTS, Sampling(name), group) for name, group in groups.items()}
    assert [*ComparedStudy(summary, outcomes, problems).tables()] == [
        *(("default", name, [name]) for name in "abc"),
        *(("tuned", name, [name]) for name in "abc"),
        ("tuned", ALL_PROBLEMS, ["a", "b", "c"]),
        ("tuned", group_table("noise"), ["a", "c"]),
        ("tuned", group_table("geometry"), ["b"]),
    ]


def test_the_exact_oracle_is_not_compared():
    """It lacks the noise of the others."""
    scores = {("a", name): np.linspace(0, 1, 20) for name in "xyz"}
    pairs, groups = comparisons_of(*study(scores, notes={"z": (Note.EXACT_ORACLE,)}))
    assert group_of(groups, "a") == {"x": 1, "y": 1}
    assert len(pairs) == 1


def test_an_entrant_without_all_seeds_is_not_compared():
    """Pairs need the same seeds on both sides."""
    scores = {
        ("a", "x"): np.linspace(0, 1, 20),
        ("a", "y"): np.linspace(0, 1, 20),
        ("a", "z"): np.linspace(0, 1, 7),
    }
    _, groups = comparisons_of(*study(scores))
    assert set(group_of(groups, "a")) == {"x", "y"}


def test_a_single_entrant_has_no_comparison():
    """It is the first group of its table."""
    pairs, groups = comparisons_of(*study({("a", "x"): np.linspace(0, 1, 20)}))
    assert len(pairs) == 0
    assert group_of(groups, "a") == {"x": 1}


def test_a_deterministic_row_represents_every_seed():
    """Its single trial is compared with each of the others' twenty, as twenty equal trials would be."""
    sampled = {("a", "y"): np.linspace(0.2, 0.4, 20), ("a", "z"): np.linspace(0.3, 0.9, 20) ** 2}
    notes = {"x": (Note.NOTHING_TO_TUNE, Note.DETERMINISTIC)}
    pairs, groups = comparisons_of(*study({("a", "x"): [0.5], **sampled}, notes))
    again, _ = comparisons_of(*study({("a", "x"): [0.5] * 20, **sampled}))
    pd.testing.assert_frame_equal(pairs, again, check_exact=True)
    assert set(group_of(groups, "a")) == {"x", "y", "z"}
    assert not pairs["is_exact"].any()


def test_a_single_trial_of_another_row_does_not_represent_every_seed():
    """The row lacks nineteen seeds."""
    scores = {("a", "x"): [0.5], ("a", "y"): np.linspace(0.2, 0.4, 20)}
    _, groups = comparisons_of(*study(scores))
    assert group_of(groups, "a") == {"y": 1}


@pytest.mark.parametrize(("calls", "is_apart"), [(30.0, False), (31.0, False), (32.0, True), (np.inf, True)])
def test_two_deterministic_rows_are_compared_by_their_checkpoints(calls, is_apart):
    """They are marked exact; both are compared by a test with a row that has seeds."""
    scores = {("a", "x"): [0.5], ("a", "y"): [0.4], ("a", "z"): np.linspace(0.1, 0.2, 20)}
    reached = {("a", "x"): [10.0, 30.0], ("a", "y"): [10.0, calls]}
    pairs, groups = comparisons_of(*study(scores, dict.fromkeys("xy", (Note.DETERMINISTIC,)), calls=reached))
    assert pairs["is_exact"].tolist() == [True, False, False]
    assert pairs["is_apart"].tolist() == [is_apart, True, True]
    assert pairs[["low", "high", "p_value", "adjusted_p", "sign_p"]].isna().all(axis=1).tolist() == [
        True, False, False,
    ]  # fmt: skip
    assert group_of(groups, "a") == {"x": 1, "y": 2 if is_apart else 1, "z": 3 if is_apart else 2}


def test_over_all_problems_a_comparison_is_exact_only_if_it_is_on_each():
    """x and y are deterministic on both problems, z on one of them."""
    scores = {(problem, name): [score] for problem in "ab" for name, score in (("x", 0.5), ("y", 0.3))}
    scores |= {("a", "z"): [0.2], ("b", "z"): np.linspace(0.1, 0.2, 20)}
    notes = {row: (Note.DETERMINISTIC,) for row in scores if row != ("b", "z")}
    reached = {(problem, name): [calls] for problem in "ab" for name, calls in (("x", 10.0), ("y", 40.0))}
    pairs, groups = comparisons_of(*study(scores, notes, calls=reached))
    overall = pairs[pairs["problem"] == ALL_PROBLEMS]
    assert overall["is_exact"].tolist() == [True, False, False]
    assert overall["is_apart"].all()
    assert group_of(groups, ALL_PROBLEMS) == {"x": 1, "y": 2, "z": 3}
    first = pairs[pairs["problem"] == "a"]
    assert first["is_exact"].all()


def test_a_problem_with_one_trial_counts_as_a_constant_in_the_mean():
    """The difference of the means is half of each problem's; the test is that of the other problem."""
    sampled = {("b", name): np.random.default_rng(seed).random(20) for seed, name in enumerate("xy")}
    scores = {("a", "x"): [0.7], ("a", "y"): [0.1], **sampled}
    notes = {("a", name): (Note.DETERMINISTIC,) for name in "xy"}
    pairs, _ = comparisons_of(*study(scores, notes))
    (overall,) = pairs[pairs["problem"] == ALL_PROBLEMS].itertuples()
    (plain,) = compare({"x": [sampled["b", "x"] + 0.6], "y": [sampled["b", "y"]]})
    assert overall.difference == pytest.approx(plain.difference / 2, rel=1e-12)
    assert (overall.low, overall.high) == pytest.approx((plain.low / 2, plain.high / 2), abs=0.02)
    assert overall.p_value == pytest.approx(plain.p_value, rel=1e-9)


def test_a_single_seed_shows_no_difference():
    """There is no p value, no interval, and one group."""
    scores = {(problem, name): [score] for problem in "ab" for name, score in (("x", 0.9), ("y", 0.1))}
    pairs, groups = comparisons_of(*study(scores))
    assert pairs[["p_value", "adjusted_p", "low", "high"]].isna().all(axis=None)
    assert not pairs["is_apart"].any()
    assert set(groups["group"]) == {1}


def test_optimizers_that_never_reach_a_target_tie():
    """All scores are 0: there is no difference, and no test divides by a variance of 0."""
    scores = {("a", "x"): [0.0] * 20, ("a", "y"): [0.0] * 20, ("a", "z"): [0.0]}
    pairs, groups = comparisons_of(*study(scores, {"z": (Note.DETERMINISTIC,)}))
    assert pairs["p_value"].tolist() == [1.0, 1.0, 1.0]
    assert pairs["win_share"].tolist() == [0.5, 0.5, 0.5]
    assert group_of(groups, "a") == {"x": 1, "y": 1, "z": 1}


@pytest.mark.parametrize(("checkpoints", "last"), [("protocol", [178, 200]), ("all", [199, 200])])
def test_checkpoints_are_those_of_the_trials(plan_of, checkpoints, last):
    """They are those of the protocol up to the budget, or every call."""
    problems = compared_problems(plan_of(("quadratic",), checkpoints=checkpoints))
    assert problems["quadratic"].checkpoints[-2:].tolist() == last
    assert (problems["quadratic"].group, problems["quadratic"].sampling.name) == ("geometry", "quadratic")


def test_without_scores_final_objectives_are_compared():
    """In their own unit, lower ones first, with the p values of the same test on scores; lost trials are left out."""
    noise = np.random.default_rng(0).normal(0, 10.0, (2, 20))
    objectives = {"x": 3000 + noise[0], "y": 1000 + noise[1], "z": np.full(20, np.inf)}
    summary, outcomes = study({("a", name): np.full(20, np.nan) for name in objectives})
    summary["objective"] = [np.median(values) for values in objectives.values()]
    outcomes["objective"] = np.concatenate(list(objectives.values()))
    pairs, groups = comparisons_of(summary, outcomes)
    (pair,) = pairs.itertuples()
    (expected,) = compare({"x": [-objectives["x"]], "y": [-objectives["y"]]})
    assert (pair.measure, pair.first, pair.second) == ("objective", "x", "y")
    assert pair.difference == pytest.approx(np.mean(objectives["x"] - objectives["y"]), rel=1e-12)
    assert (pair.low, pair.high) == pytest.approx((-expected.high, -expected.low), rel=1e-12)
    assert pair.p_value == pytest.approx(expected.p_value, rel=1e-9)
    assert pair.win_share == 0
    assert group_of(groups, "a") == {"y": 1, "x": 2}


def test_deterministic_objectives_are_compared_directly():
    """Different values differ, equal ones tie."""
    notes = dict.fromkeys("xyz", (Note.DETERMINISTIC,))
    summary, outcomes = study({("a", name): [np.nan] for name in "xyz"}, notes=notes)
    summary["objective"] = outcomes["objective"] = [2.0, 1.0, 1.0]
    pairs, groups = comparisons_of(summary, outcomes)
    assert pairs["is_exact"].all()
    assert pairs["is_apart"].tolist() == [True, True, False]
    assert group_of(groups, "a") == {"y": 1, "z": 1, "x": 2}


def test_a_mean_has_the_degrees_of_freedom_of_the_fewest_tuning_seeds():
    """A choice among more seeds is better known; the fewest are on the safe side."""
    generator = np.random.default_rng(4)
    values = {(problem, name): generator.random(20) for problem in "ab" for name in "xy"}
    shifts = {(problem, "x", "tuned"): np.full(DRAWS, 0.05) for problem in "ab"}

    def p_value(problems, counts):
        compared = {p: ComparedProblem(CHECKPOINTS, Sampling(p), tuning_seeds=n) for p, n in counts.items()}
        return (
            ComparedStudy(*study(values), compared, shifts).compare("tuned", problems).comparisons[0].p_value
        )

    assert p_value(["a"], {"a": 6, "b": 10}) == p_value(["a"], {"a": 6, "b": 2})
    assert p_value(["a", "b"], {"a": 6, "b": 10}) == p_value(["a", "b"], {"a": 6, "b": 6})
    assert p_value(["a", "b"], {"a": 6, "b": 10}) > p_value(["a", "b"], {"a": 10, "b": 10})


def grouped_study(scores, groups):
    """Build a study of problems in groups from `{(problem, optimizer): [scores]}`."""
    summary, outcomes = study(scores)
    problems = {p: ComparedProblem(CHECKPOINTS, Sampling(p), group) for p, group in groups.items()}
    return ComparedStudy(summary, outcomes, problems)


def test_each_group_is_a_table(make_scores):
    """The comparison of a group is that of a study of its problems alone; one group alone is the whole study."""
    groups = {"a": "noise", "b": "geometry", "c": "noise"}
    pairs, tiers = pairwise_tables.comparisons_of(grouped_study(make_scores("abc"), groups))
    alone, _ = pairwise_tables.comparisons_of(grouped_study(make_scores("ac"), {"a": "noise", "c": "noise"}))
    of_group, of_all = (
        frame[frame["problem"] == table].iloc[:, 1:].reset_index(drop=True)
        for frame, table in ((pairs, group_table("noise")), (alone, ALL_PROBLEMS))
    )
    pd.testing.assert_frame_equal(of_group, of_all)
    assert set(tiers["problem"]) == {*"abc", ALL_PROBLEMS, group_table("noise"), group_table("geometry")}
    assert group_table("noise") not in set(alone["problem"])


def test_default_rates_have_no_means_over_problems(make_scores):
    """They measure the distance of the start over rate times budget."""
    summary, outcomes = study(make_scores("ab"), track="default")
    pairs, tiers = comparisons_of(summary, outcomes)
    assert set(pairs["problem"]) == set(tiers["problem"]) == {"a", "b"}


@pytest.fixture
def make_scores():
    """Return scores of three optimizers on any problems; those of a problem do not depend on the others."""

    def make(problems):
        return {
            (problem, name): 0.1 * rank + np.random.default_rng([ord(problem), rank]).random(20) / 2
            for problem in problems
            for rank, name in enumerate("xyz")
        }

    return make


def test_shares_of_variance_are_covariances_with_the_mean():
    """They sum to 1, and equal numpy's covariances; a problem that ranks optimizers in reverse has a negative one."""
    means = np.array([[0.9, 0.5, 0.3], [0.5, 0.5, 0.4], [0.1, 0.5, 0.45]])
    shares = shares_of_variance(means)
    overall = means.mean(axis=1)
    expected = [np.cov(means[:, p] / 3, overall)[0, 1] / np.var(overall, ddof=1) for p in range(3)]
    assert shares == pytest.approx(expected)
    assert shares.sum() == pytest.approx(1)
    assert shares[2] < 0 == shares[1]
    assert np.isnan(shares_of_variance(np.full((3, 2), 0.5))).all()


def test_a_lead_that_one_problem_carries_is_lost_without_it():
    """x leads the mean by problem a only; without a the others lead."""
    noise = np.random.default_rng(0).normal(0, 0.01, (9, 20))
    scores = {
        ("a", "x"): 0.9,
        ("a", "y"): 0.1,
        ("b", "x"): 0.3,
        ("b", "y"): 0.5,
        ("c", "x"): 0.3,
        ("c", "y"): 0.5,
    }
    scores = {row: score + noise[number] for number, (row, score) in enumerate(scores.items())}
    influence = influence_of(grouped_study(scores, dict.fromkeys("abc", "other"))).set_index("problem")
    assert influence["leaders"].tolist() == [("y",), ("x",), ("x",)]
    assert influence["share"]["a"] > 1
    assert influence["share"]["b"] < 0
    assert influence_of(grouped_study({("a", "x"): noise[0]}, {"a": "other"})).empty


def test_an_optimizer_that_is_not_compared_over_all_problems_leads_no_mean_without_one():
    """z has no score on a; without a it would have the highest mean of all, but it never competed for the lead."""
    noise = np.random.default_rng(0).normal(0, 0.01, 20)
    scores = {(problem, name): score + noise for problem in "abc" for name, score in (("x", 0.5), ("y", 0.3))}
    scores |= {("a", "z"): np.full(20, np.nan), ("b", "z"): 0.9 + noise, ("c", "z"): 0.9 + noise}
    influence = influence_of(grouped_study(scores, dict.fromkeys("abc", "other")))
    assert influence["leaders"].tolist() == [("x",)] * 3


def test_leaders_without_a_problem_are_those_of_a_study_of_the_others(make_scores):
    """One optimizer is deterministic on two problems of three; the scores are selected once for all problems."""
    scores = make_scores("abc") | {(problem, "w"): np.array([0.5]) for problem in "ab"}
    scores["c", "w"] = 0.5 + scores["c", "x"] / 10
    notes = {(problem, "w"): (Note.DETERMINISTIC,) for problem in "ab"}
    summary, outcomes = study(scores, notes=notes)
    problems = {p: ComparedProblem(CHECKPOINTS, Sampling(p)) for p in "abc"}
    influence = influence_of(ComparedStudy(summary, outcomes, problems)).set_index("problem")["leaders"]
    for problem in "abc":
        others = (frame[frame["problem"] != problem] for frame in (summary, outcomes))
        remaining = [other for other in "abc" if other != problem]
        assert influence[problem] == ComparedStudy(*others, problems).compare("tuned", remaining).leaders
