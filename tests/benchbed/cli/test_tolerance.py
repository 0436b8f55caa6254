"""Tests of `--tolerance`: converged trials are results with their own status, count and key."""

import json

import numpy as np
import pytest

import benchbed

pytestmark = pytest.mark.slow

SMALL = [
    "-p", "quadratic", "-o", "gd", "-o", "torch.optim:Adam", "--track", "default", "--preset", "quick",
    "--steps", "300", "--seeds", "2", "-O", "study",
]  # fmt: skip


@pytest.fixture(scope="module")
def study(run_in_process, run_once):
    """Return the folder of a study with a tolerance and with plots; its output is in the files stdout and stderr."""

    def fill(folder):
        result = run_in_process(folder, "run", *SMALL, "--tolerance", "0.3", plots=True)
        assert result.returncode == 0, result.stderr
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    return run_once("tolerance", fill) / "study"


def test_converged_trials_are_counted_and_drawn(study):
    """In the trials, the summary, the table and its title; there is no warning, and no trial is lost."""
    read = benchbed.load(study)
    trials = read.trials[read.trials["optimizer"] == "gd"]
    assert set(trials["status"]) == {"converged"}
    assert (trials["gradient_norm"] <= 0.3).all()
    assert (trials["calls"] == trials["steps"] + 1).all()
    assert (read.trials["status"] != "diverged").all()
    assert read.summary.set_index("optimizer").loc["gd", "converged"] == 2
    assert read.lost == 0
    stdout = (study.parent / "stdout").read_text()
    assert "stops at gradient norm ≤ 0.3" in stdout
    assert "converged" in stdout  # folded in a narrow column
    assert (study.parent / "stderr").read_text().count("warning") == 0
    assert (study / "plots" / "loss-quadratic.png").exists()


def test_a_converged_trial_misses_only_later_targets(study, run_in_process, tmp_path):
    """Targets that it reached before it stopped are reached at the same calls without a tolerance."""
    assert run_in_process(tmp_path, "run", *SMALL).returncode == 0
    keys = ["problem", "optimizer", "role", "seed"]
    free = benchbed.load(tmp_path / "study").trials.set_index(keys)
    missed = 0
    for trial in benchbed.load(study).trials.itertuples():
        full_trial = free.loc[tuple(getattr(trial, key) for key in keys)]
        stopped, reached = (
            np.nan_to_num(calls, nan=np.inf)
            for calls in (trial.calls_to_target, full_trial["calls_to_target"])
        )
        assert ((stopped == reached) | np.isinf(stopped)).all()
        missed += (stopped != reached).sum()
        assert trial.trial_key != full_trial["trial_key"]
    assert missed


def test_converged_trials_do_not_run_again(study, run_in_process):
    """The stored suite has the tolerance, and all its trials are stored."""
    trial_files = sorted((study / "trials").iterdir())
    result = run_in_process(study.parent, "run", study / "suite.toml", "-O", study)
    assert result.returncode == 0, result.stderr
    assert sorted((study / "trials").iterdir()) == trial_files
    assert benchbed.load(study).plan.suite["tolerance"] == 0.3


def test_converged_trials_are_verified(study, run_in_process):
    """They are equal to the bit."""
    result = run_in_process(study.parent, "verify", "study")
    assert (result.returncode, "all agree" in result.stdout) == (0, True), result.stdout


def test_the_plan_has_the_tolerance(run_in_process, tmp_path):
    """Its estimate is that of trials that spend their budget."""
    arguments = ["-p", "quadratic[start=1e-9]", "-o", "gd", "--preset", "quick", "--tolerance", "1"]
    result = run_in_process(tmp_path, "plan", *arguments)
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[0].endswith("tolerance 1")
    rows = json.loads(run_in_process(tmp_path, "plan", *arguments, "--format", "json").stdout)["rows"]
    assert all(row["seconds"] > 0 for row in rows)


@pytest.mark.parametrize("value", ["0", "-1", "nan", "inf"])
def test_an_invalid_tolerance_is_rejected(run_in_process, tmp_path, value):
    """Before any file is written."""
    result = run_in_process(tmp_path, "run", *SMALL, f"--tolerance={value}")
    assert result.returncode == 2
    assert "it must be positive and finite" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_trials_may_run_on_after_their_last_target(run_in_process, tmp_path):
    """They end by the tolerance or the budget instead, with the same score."""
    arguments = [
        "run",
        "-p",
        "quadratic[start=2]",
        "-o",
        "gd[learning_rate=0.019]",
        "--track",
        "default",
        "--steps",
        "5000",
    ]
    scores = []
    for name, options in (("stop", []), ("run-on", ["--no-stop-when-solved", "--tolerance", "1e-9"])):
        assert run_in_process(tmp_path, *arguments, *options, "-O", name).returncode == 0
        scores.append(benchbed.load(tmp_path / name).summary["score"].item())
    solved, converged = (benchbed.load(tmp_path / name).trials.iloc[0] for name in ("stop", "run-on"))
    assert (solved["status"], converged["status"]) == ("solved", "converged")
    assert converged["gradient_norm"] <= 1e-9 < solved["gradient_norm"]
    assert scores[0] == scores[1] > 0
