"""Tests against reference results are those of one study of all optimizers."""

import msgspec
import numpy as np
import pandas as pd
import pytest

import benchbed
from benchbed.analysis.pairwise_tests import holm
from benchbed.analysis.reference_comparisons import compare_with_references
from benchbed.interfaces import ALL_PROBLEMS
from benchbed.interfaces.reference_studies import MatchedReference
from benchbed.study.reference_studies import reference_of

OPTIONS = {
    "preset": "quick",
    "steps": 60,
    "executor": "serial",
    "device": "cpu",
    "tracks": ["default", "tuned"],
}
OPTIONS["problems"] = ["quadratic", "quartic", "noisy-quadratic[dimension=5]"]
TABLE = ["problem", "track"]


@pytest.fixture(scope="module")
def studies(tmp_path_factory):
    """A study of three optimizers, one of the first alone, and one of it on fewer seeds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
        folder = tmp_path_factory.mktemp("references")
        return {
            name: benchbed.run(optimizers=optimizers, seeds=seeds, output=folder / name, **OPTIONS)
            for name, optimizers, seeds in (
                ("all", ["sgd", "adam", "momentum"], 6),
                ("one", ["sgd"], 6),
                ("few", ["sgd"], 4),
            )
        }


@pytest.fixture(scope="module")
def reference(studies):
    """The results of the two other optimizers, on all problems."""
    reference = reference_of(studies["all"], "past", 1)
    # What is stored is read.
    reference = msgspec.json.decode(msgspec.json.encode(reference), type=type(reference))
    labels = tuple(problem.label for problem in reference.problems)
    return MatchedReference(reference, labels, ("adam", "momentum"))


def test_the_tests_are_those_of_one_study(studies, reference):
    """In every table, with the choice of the rates; p values are adjusted over the pairs with references alone."""
    study = studies["one"]
    compared = compare_with_references(study.results, [reference], study.plan)
    together = studies["all"].results.comparisons
    expected = together[together["first"] == "sgd"].reset_index(drop=True)
    assert len(compared) == len(expected) == 2 * (3 + 3 + 3)  # two tracks on three problems, tuned means
    assert compared[[*TABLE, "first"]].equals(expected[[*TABLE, "first"]])
    assert compared["second"].to_list() == [f"{name} (past 1)" for name in expected["second"]]
    for column in ("difference", "low", "high", "win_share", "sign_p"):
        assert compared[column].to_numpy(float) == pytest.approx(expected[column].to_numpy(float), abs=1e-5)
    assert compared["p_value"].to_numpy(float) == pytest.approx(expected["p_value"].to_numpy(float), rel=1e-3)
    for _, pairs in compared.groupby(TABLE):
        adjusted = holm(pairs["p_value"].to_numpy(float))
        assert pairs["adjusted_p"].to_numpy(float) == pytest.approx(adjusted)
        assert (pairs["is_apart"].astype(bool) == (adjusted < 0.05)).all()
    assert 0 < compared["is_apart"].astype(bool).sum() < len(compared)


def test_the_choice_of_the_rate_widens_the_intervals(studies, reference):
    """Of tuned rows: without the tuning scores of the reference, its rate would be given; default rates are given."""
    study = studies["one"]
    rows = tuple(msgspec.structs.replace(row, tuning=()) for row in reference.study.scores)
    given = reference._replace(study=msgspec.structs.replace(reference.study, scores=rows))
    with_choice, without = (
        compare_with_references(study.results, [each], study.plan) for each in (reference, given)
    )
    is_tuned = with_choice["track"] == "tuned"
    assert set(with_choice["track"][~is_tuned]) == {"default"}
    pd.testing.assert_frame_equal(with_choice[~is_tuned], without[~is_tuned])
    widths, narrower = (
        (pairs["high"] - pairs["low"])[is_tuned].to_numpy(float) for pairs in (with_choice, without)
    )
    # If few draws choose another rate, their shifts of random sign move a quantile to a neighbouring draw.
    assert (widths > 0.99 * narrower).all()
    assert (widths > 2 * narrower).any()


def test_scores_on_other_seeds_are_not_compared(studies, reference):
    """They are not paired."""
    study = studies["few"]
    assert compare_with_references(study.results, [reference], study.plan).empty


def test_a_reference_on_other_seeds_leaves_the_tests_of_another(studies, reference):
    """As if it were not stored, with fewer seeds than the study as with more."""
    few = reference_of(studies["few"], "few", 1)
    fewer = MatchedReference(few, reference.problems, ("sgd",))
    study = studies["one"]
    alone = compare_with_references(study.results, [reference], study.plan)
    assert len(alone)
    pd.testing.assert_frame_equal(
        compare_with_references(study.results, [fewer, reference], study.plan), alone
    )
    study = studies["few"]
    compared = compare_with_references(study.results, [reference, fewer], study.plan)
    assert set(compared["second"]) == {"sgd (few 1)"}


def test_a_problem_without_a_score_has_no_test(studies, reference):
    """Nor has a mean over it; the other problems have theirs."""
    study = studies["one"]
    summary = study.results.summary
    unscored = summary.assign(score=summary["score"].mask(summary["problem"] == "quartic"))
    compared = compare_with_references(study.results._replace(summary=unscored), [reference], study.plan)
    scored = {problem for problem in study.results.problems if problem != "quartic"}
    assert scored <= set(compared["problem"])
    assert not {"quartic", ALL_PROBLEMS} & set(compared["problem"])


def test_rows_that_do_not_compare_have_no_test(studies, reference):
    """Such as those of the exact oracle, whose scores are not stored; without any there is no table."""
    study = studies["one"]
    rows = tuple(row for row in reference.study.scores if row.optimizer == "adam")
    part = reference._replace(study=msgspec.structs.replace(reference.study, scores=rows))
    compared = compare_with_references(study.results, [part], study.plan)
    assert set(compared["second"]) == {"adam (past 1)"}
    none = reference._replace(study=msgspec.structs.replace(reference.study, scores=()))
    assert compare_with_references(study.results, [none], study.plan).empty
    elsewhere = reference._replace(problems=("quartic",))
    assert set(compare_with_references(study.results, [elsewhere], study.plan)["problem"]) == {"quartic"}


def test_the_stored_scores_are_those_of_the_trials(studies):
    """By seed; the tuning scores begin with the rate that has the highest mean."""
    results = studies["all"].results
    rows = reference_of(studies["all"], "past").scores
    assert len(rows) == len(results.summary)
    for row in rows:
        trials = results.outcomes.set_index([*TABLE, "optimizer"]).loc[
            (row.problem, row.track, row.optimizer)
        ]
        assert row.evaluation == pytest.approx(trials.sort_values("seed")["score"].to_numpy(), abs=1e-11)
        means = [np.mean(of_setting) for of_setting in row.tuning]
        assert bool(means) == (row.track == "tuned")
        assert not means or means[0] >= max(means) - 1e-6
