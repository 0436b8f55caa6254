"""Tests of `--engine`: it is stored, and verification uses the same engine."""

import pytest

import benchbed

pytestmark = pytest.mark.slow

BRANCHING = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def branching(learning_rate: float = 0.01):
    def update(oracle, state, theta):
        if (oracle.progress < 0.5).all():  # depends on values of a tensor, so that it cannot be compiled
            return theta - learning_rate * oracle.gradient, state
        return theta - learning_rate / 2 * oracle.gradient, state
    return Optimizer(init=lambda theta: (), update=update)

@hookimpl
def register_optimizers(register):
    register(branching)
"""
SMALL = [
    "-p",
    "quadratic",
    "--steps",
    "40",
    "--seeds",
    "2",
    "--track",
    "default",
    "--preset",
    "quick",
    "-O",
    "study",
]


def test_a_compiled_study_is_kept_and_verified(run_benchbed, tmp_path):
    """The engine is not in a trial's key; verification uses the engine of the stored trials."""
    assert run_benchbed(tmp_path, "run", *SMALL, "-o", "sgd", "--engine", "compiled").returncode == 0
    study = benchbed.load("study")
    assert study.plan.suite["engine"] == "compiled"
    assert study.trials[["engine", "engine_reason"]].drop_duplicates().values.tolist() == [
        ["compiled", "requested; lanewise code"]
    ]
    assert run_benchbed(tmp_path, "run", *SMALL, "-o", "sgd", "--engine", "eager").returncode == 0
    assert set(benchbed.load("study").trials["engine"]) == {"compiled"}
    verified = run_benchbed(tmp_path, "verify", "study")
    assert (verified.returncode, "equal to the bit" in verified.stdout) == (0, True), verified.stdout


def test_a_plugin_that_cannot_be_compiled_runs_eagerly(run_benchbed, tmp_path):
    """With one line on stderr, and the reason in the row."""
    (tmp_path / "mine.py").write_text(BRANCHING)
    arguments = ["--plugin", "mine.py", "-o", "branching", "--engine", "compiled"]
    result = run_benchbed(tmp_path, "run", *SMALL, *arguments)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert line.startswith(
        "warning: quadratic × branching: ran eagerly because its step could not be compiled"
    )
    trials = benchbed.load("study").trials
    assert set(trials["engine"]) == {"eager"}
    assert (
        trials["engine_reason"]
        .str.startswith("requested; ran eagerly because its step could not be compiled")
        .all()
    )
    assert (trials["status"] == "exhausted").all()
