"""Studies whose rows may be a single trial."""

import json

import msgspec
import numpy as np
import pytest

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.study import Resources, run_plan

pytestmark = pytest.mark.slow

OPTIONS = {
    "problems": ["quadratic[start=2]", "quartic"],
    "optimizers": ["sgd", "momentum", "adam"],
    "preset": "quick",
    "tracks": ["default", "tuned", "searched"],
    "steps": 40,
    "device": "cpu",
    "executor": "serial",
}


def roles_of(study, problem):
    """Return the number of seeds of a problem's stored trials, by role."""
    trials = study.trials[study.trials["problem"] == problem]
    return trials.groupby("role")["seed"].agg(["nunique", "min", "max"]).to_dict("index")


@pytest.fixture(scope="module", params=[1, 3])
def study(request, tmp_path_factory):
    """Run a deterministic and a stochastic problem, with one evaluation seed or several."""
    return benchbed.run(**OPTIONS, seeds=request.param, output=tmp_path_factory.mktemp("one") / "study")


@pytest.fixture
def run_again(monkeypatch):
    """Return a function that runs a plan in a folder without reports."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    return lambda plan, path: run_plan(plan, load_catalog([]), path, (), Resources(executor="serial"))


def test_every_report_is_drawn(study):
    """No report warns about a row of one trial."""
    assert study.warnings == []
    plots = {path.stem for path in (study.path / "plots").glob("*.png")}
    pairs = {
        f"{kind}-{of}"
        for kind in ("loss", "learning-rate", "best-of-k")
        for of in ("quartic", "quadratic-start-2")
    }
    assert plots >= {*pairs, "ecdf-quartic", "ecdf-overall", "paths-quadratic-start-2", "heatmap", "wins"}


def test_a_deterministic_problem_runs_on_one_seed(study):
    """It runs on seed 0 in both roles; its rows have a note and no interval."""
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


def test_deterministic_rows_are_compared_exactly(study):
    """With a single seed, no difference is significant."""
    comparisons = study.results.comparisons.set_index("problem")
    assert comparisons.loc["quadratic[start=2]", "is_exact"].all()
    assert comparisons.loc["quadratic[start=2]", ["p_value", "low", "high"]].isna().all(axis=None)
    for table in ("quartic", ""):
        assert not comparisons.loc[table, "is_exact"].any()
        assert comparisons.loc[table, "p_value"].isna().all() == (study.plan.evaluation_seeds == 1)
    if study.plan.evaluation_seeds == 1:
        assert not comparisons.loc[["quartic", ""], "is_apart"].any()


def test_the_best_of_all_settings_is_the_score_of_the_choice(study):
    """The search chooses by the trials that it then evaluates."""
    best = study.results.best_of_k.query("problem == 'quadratic[start=2]' and k == 8").set_index("optimizer")[
        "score"
    ]
    chosen = study.summary.query("problem == 'quadratic[start=2]' and track == 'searched'").set_index(
        "optimizer"
    )
    np.testing.assert_allclose(best, chosen["score"], rtol=0, atol=1e-12)


def test_no_trial_is_missing_or_runs_twice(study, run_again):
    """A second run finds all trials; the stored plan marks the deterministic problem."""
    assert study.lost == 0
    parts = sorted((study.path / "trials").iterdir())
    assert run_again(study.plan, study.path).summary.equals(study.summary)
    assert sorted((study.path / "trials").iterdir()) == parts
    plan = json.loads((study.path / "plan.json").read_bytes())
    assert [problem["seedless"] for problem in plan["problems"]] == [True, False]


def test_the_single_trial_equals_those_of_all_seeds(study, run_again, tmp_path):
    """If the plan does not mark the problem, three seeds end alike."""
    problem = msgspec.structs.replace(study.plan.problems[0], seedless=False)
    plan = msgspec.structs.replace(study.plan, problems=(problem,), evaluation_seeds=3, tracks=("default",))
    every = run_again(plan, tmp_path / "every").results.outcomes
    assert len(every) == 9
    single = study.results.outcomes.query("problem == @problem.label and track == 'default'").set_index(
        "optimizer"
    )
    for trial in every.itertuples():
        expected = single.loc[trial.optimizer]
        assert (trial.status, trial.calls_to_target) == (expected["status"], expected["calls_to_target"])
        assert trial.gap == pytest.approx(
            expected["gap"], rel=1e-12
        )  # lanes of other batches may round otherwise
