"""Studies with `checkpoints = "all"`, from the curves to tables, plots and verification."""

import numpy as np
import pytest

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.engine import checkpoint_calls
from benchbed.runner.scheduler import RunOptions
from benchbed.runner.workers import Workers
from benchbed.verify.rerun import run_again
from benchbed.verify.sampling import sample_batches

pytestmark = pytest.mark.slow

STEPS = 150
OPTIONS = {
    "problems": ["quadratic[start=2]", "polynomial-network[samples=256, batch_size=64, hidden=[4]]"],
    "optimizers": ["gd[learning_rate=0.015]", "adam[learning_rate=0.05]"],
    "preset": "quick",
    "tracks": ["default"],
    "steps": STEPS,
    "seeds": 2,
    "device": "cpu",
    "executor": "serial",
}
PRICE = 4
"""A full gradient of 256 samples in batches of 64."""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Run it with all reports."""
    return benchbed.run(**OPTIONS, checkpoints="all", output=tmp_path_factory.mktemp("every") / "study")


@pytest.fixture
def curves_of(study):
    """Return a function that lists the curves of a problem's trials with one optimizer."""

    def find(problem, optimizer):
        trials = study.trials.query("problem == @problem and optimizer == @optimizer")
        assert len(trials)
        curves = study.results.curves  # as stored, without values after the end of a trial
        return [curves[curves["trial_key"] == key] for key in trials["trial_key"]]

    return find


def test_every_call_of_a_cheap_oracle_is_a_row(curves_of):
    """Objective, gradient norm and path follow the closed form of gradient descent on ½ θᵀΛθ."""
    (curve,) = curves_of("quadratic", "gd")
    eigenvalues = np.array([1.0, 100.0])
    theta = 2 * (1 - 0.015 * eigenvalues) ** np.arange(STEPS + 1)[:, None]
    assert curve["calls"].tolist() == list(range(STEPS + 1))
    np.testing.assert_allclose(curve[["theta_0", "theta_1"]], theta, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(curve["objective"], 0.5 * (theta**2 * eigenvalues).sum(axis=1), rtol=1e-11)
    norms = np.linalg.norm(eigenvalues * theta, axis=1)
    np.testing.assert_allclose(curve["gradient_norm"], norms, rtol=1e-11)


def test_an_expensive_oracle_is_measured_after_each_step(curves_of):
    """Full gradients leave fewer steps, and every step is a row."""
    for curve in curves_of("polynomial-network", "gd"):
        assert curve["calls"].tolist() == list(range(0, STEPS + 1, PRICE))
        assert curve["objective"].notna().all()
    for curve in curves_of("polynomial-network", "adam"):
        assert curve["calls"].tolist() == list(range(STEPS + 1))
        assert curve["objective"].notna().all()
        assert curve["gradient_norm"].isna().all()  # would cost four times as much as the step


def test_more_checkpoints_do_not_change_the_path(study, tmp_path, monkeypatch):
    """All values at the protocol's checkpoints are equal to the bit."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    sparse = benchbed.run(**OPTIONS, output=tmp_path / "sparse")
    labels = ["problem", "optimizer", "role", "seed"]
    dense = study.trials.set_index(labels)
    assert not set(sparse.trials["trial_key"]) & set(study.trials["trial_key"])
    for trial in sparse.trials.itertuples():
        whole = dense.loc[tuple(getattr(trial, name) for name in labels)]
        index_of = {calls: position for position, calls in enumerate(whole["curve_calls"])}
        indices = [index_of[calls] for calls in trial.curve_calls]
        np.testing.assert_array_equal(whole["curve_objective"][indices], trial.curve_objective)
        np.testing.assert_array_equal(whole["final_theta"], trial.final_theta)
    assert max(map(len, sparse.trials["curve_calls"])) == len(checkpoint_calls(STEPS)) + 1


def test_its_tables_and_plots_are_written(study):
    """No report warns."""
    assert study.warnings == []
    assert study.lost == 0
    assert (study.path / "plots" / "loss-quadratic-start-2.png").exists()
    assert study.plan.suite["checkpoints"] == "all"


def test_its_suite_runs_the_same_trials(study, monkeypatch):
    """The suite in the folder requests every step, so no trial is missing."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    parts = sorted((study.path / "trials").iterdir())
    again = benchbed.run(study.path / "suite.toml", output=study.path, executor="serial")
    assert sorted((study.path / "trials").iterdir()) == parts
    assert again.summary.equals(study.summary)


def test_its_batches_verify(study):
    """They are equal to the bit."""
    catalog = load_catalog([])
    sample = sample_batches(study.path, catalog, size=10, seed=0)
    assert len(sample.batches) == 4
    executor = catalog.entry("executors", "serial").implementation(1)
    options = RunOptions(jobs=1, timeout=None, plugin_files=(), catalog=catalog)
    verdicts = run_again(sample, Workers(executor), options)
    assert [verdict.difference for verdict in verdicts] == [None] * 4


def test_a_tolerance_ends_the_curve_at_its_point(tmp_path, monkeypatch):
    """As in the course, the gradient that met it is a call, but not a row."""
    monkeypatch.setenv("BENCHBED_DISABLE_PLUGINS", "reports")
    asked = OPTIONS | {"problems": ["quadratic[start=2]"], "optimizers": ["gd[learning_rate=0.015]"]}
    study = benchbed.run(**asked, checkpoints="all", tolerance=0.5, output=tmp_path / "study")
    (trial,) = study.trials.itertuples()
    eigenvalues = np.array([1.0, 100.0])
    norms = np.linalg.norm(eigenvalues * 2 * (1 - 0.015 * eigenvalues) ** np.arange(STEPS)[:, None], axis=1)
    steps = int(np.argmax(norms <= 0.5))
    assert (trial.status, trial.steps, trial.calls) == ("converged", steps, steps + 1)
    np.testing.assert_allclose(study.results.curves["gradient_norm"], norms[: steps + 1], rtol=1e-11)
    assert study.summary["converged"].tolist() == [1]
