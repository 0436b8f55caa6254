"""A metric that is registered later, or no longer, runs no trial again; earlier trials have no value of it."""

import pytest

import benchbed

METRIC = """
from benchbed.hookspecs import hookimpl


def total(problem, theta, data):
    return theta.sum(dim=-1)


@hookimpl
def register_metrics(register):
    register(total)
"""
STUDY = [
    "run",
    "-p",
    "quadratic",
    "-o",
    "gd",
    "--preset",
    "quick",
    "--steps",
    "5",
    "--track",
    "default",
    "-O",
    "out",
]
WARNING = (
    "3 stored trials have no value of the metric total, which was registered later; run them again by --fresh"
)


@pytest.fixture
def run(tmp_path, run_in_process):
    """Return a function that runs the study and returns the number of parts, and stderr."""
    (tmp_path / "total.py").write_text(METRIC)

    def run_study(*options):
        process = run_in_process(tmp_path, *STUDY, *options)
        assert process.returncode == 0, process.stderr
        return len(list((tmp_path / "out" / "trials").iterdir())), process.stderr

    return run_study


def test_a_further_metric_runs_no_trial_again(run, tmp_path, run_in_process):
    """Only new trials have it, and `verify` compares the others without it."""
    assert run("--seeds", "3")[0] == 1
    parts, errors = run("--seeds", "3", "--plugin", "total.py")
    assert parts == 1
    assert WARNING in errors
    assert run("--seeds", "4", "--plugin", "total.py")[0] == 2
    trials = benchbed.load(tmp_path / "out").trials
    assert ["total" in dict(metrics) for metrics in trials.sort_values("seed")["metrics"]] == [False] * 3 + [
        True
    ]
    process = run_in_process(tmp_path, "verify", "out", "--plugin", "total.py", "--sample", "9")
    assert process.returncode == 0, process.stdout


def test_a_metric_that_is_no_longer_registered_runs_no_trial_again(run):
    """Its values stay stored."""
    assert run("--plugin", "total.py")[0] == 1
    parts, errors = run()
    assert parts == 1
    assert "total" not in errors
