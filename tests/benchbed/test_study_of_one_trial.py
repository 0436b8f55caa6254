"""Whole studies in which a row may be a single trial: everything is run, told and drawn all the same."""

import json

import msgspec
import numpy as np
import pytest

import benchbed
from benchbed.catalog import load_catalog
from benchbed.study import Resources, run_plan

pytestmark = pytest.mark.slow

ASKED = {
    "problems": ["quadratic[start=2]", "quartic"],
    "optimizers": ["sgd", "momentum", "adam"],
    "preset": "quick",
    "tracks": ["default", "tuned", "searched"],
    "steps": 40,
    "device": "cpu",
    "executor": "serial",
}


def roles_of(study, problem):
    """Count the trials of a problem's optimizers that are stored, by role."""
    trials = study.trials[study.trials["problem"] == problem]
    return trials.groupby("role")["seed"].agg(["nunique", "min", "max"]).to_dict("index")


@pytest.fixture(scope="module", params=[1, 3])
def study(request, tmp_path_factory):
    """Run a deterministic problem beside a stochastic one, with one evaluation seed or with several."""
    return benchbed.run(**ASKED, seeds=request.param, output=tmp_path_factory.mktemp("one") / "study")


@pytest.fixture
def again(monkeypatch):
    """Give a function that runs a plan in a folder, without drawing its figures."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    return lambda plan, path: run_plan(plan, load_catalog([]), path, (), Resources(executor="serial"))


def test_every_report_is_drawn(study):
    """No figure takes a row of one trial amiss."""
    assert study.warnings == []
    drawn = {path.stem for path in (study.path / "plots").glob("*.png")}
    pairs = {
        f"{kind}-{of}"
        for kind in ("loss", "learning-rate", "best-of-k")
        for of in ("quartic", "quadratic-start-2")
    }
    assert drawn >= {*pairs, "ecdf-quartic", "ecdf-overall", "paths-quadratic-start-2", "heatmap", "wins"}


def test_only_what_depends_on_its_seed_runs_on_several(study):
    """Seed 0 alone in both roles of the deterministic problem; every row of it says so, and has no interval."""
    seeds = study.plan.evaluation_seeds
    assert roles_of(study, "quadratic") == {
        role: {"nunique": 1, "min": 0, "max": 0} for role in ("evaluation", "tuning")
    }
    assert {role: counts["nunique"] for role, counts in roles_of(study, "quartic").items()} == {
        "evaluation": seeds,
        "tuning": 2,
    }
    summary = study.summary.set_index("problem")
    fixed, sampled = summary.loc["quadratic[start=2]"], summary.loc["quartic"]
    assert (fixed["trials"] == 1).all()
    assert fixed["notes"].str.contains("deterministic").all()
    assert (
        fixed[["score_low", "score_high", "success_low", "success_high", "calls_low", "calls_high"]]
        .isna()
        .all(axis=None)
    )
    assert (sampled["trials"] == seeds).all()
    assert not sampled["notes"].str.contains("deterministic").any()
    assert sampled[["score_low", "calls_low"]].isna().all(axis=None) == (seeds == 1)


def test_comparisons_are_exact_where_both_are_deterministic(study):
    """And nothing is told apart by a single seed."""
    comparisons = study.results.comparisons.set_index("problem")
    assert comparisons.loc["quadratic[start=2]", "is_exact"].all()
    assert comparisons.loc["quadratic[start=2]", ["p_value", "low", "high"]].isna().all(axis=None)
    for table in ("quartic", ""):
        assert not comparisons.loc[table, "is_exact"].any()
        assert comparisons.loc[table, "p_value"].isna().all() == (study.plan.evaluation_seeds == 1)
    if study.plan.evaluation_seeds == 1:
        assert not comparisons.loc[["quartic", ""], "is_apart"].any()


def test_the_expected_best_of_all_settings_is_the_score_of_the_choice(study):
    """Of a deterministic problem, the search chooses by what it then evaluates."""
    best = study.results.best_of_k.query("problem == 'quadratic[start=2]' and k == 8").set_index("optimizer")[
        "score"
    ]
    chosen = study.summary.query("problem == 'quadratic[start=2]' and track == 'searched'").set_index(
        "optimizer"
    )
    np.testing.assert_allclose(best, chosen["score"], rtol=0, atol=1e-12)


def test_nothing_is_missing_and_nothing_runs_twice(study, again):
    """A second run finds all trials; the stored plan says which problem depends on no seed."""
    assert study.lost == 0
    parts = sorted((study.path / "trials").iterdir())
    assert again(study.plan, study.path).summary.equals(study.summary)
    assert sorted((study.path / "trials").iterdir()) == parts
    plan = json.loads((study.path / "plan.json").read_bytes())
    assert [problem["seedless"] for problem in plan["problems"]] == [True, False]


def test_the_one_trial_is_that_of_every_seed(study, again, tmp_path):
    """Run on three seeds, as if the plan did not know better, all end alike: no approximation stands for them."""
    problem = msgspec.structs.replace(study.plan.problems[0], seedless=False)
    plan = msgspec.structs.replace(study.plan, problems=(problem,), evaluation_seeds=3, tracks=("default",))
    every = again(plan, tmp_path / "every").results.outcomes
    assert len(every) == 9
    once = study.results.outcomes.query("problem == @problem.label and track == 'default'").set_index(
        "optimizer"
    )
    for trial in every.itertuples():
        one = once.loc[trial.optimizer]
        assert (trial.status, trial.calls_to_target) == (one["status"], one["calls_to_target"])
        assert trial.gap == pytest.approx(one["gap"], rel=1e-12)  # lanes of other batches may round otherwise
