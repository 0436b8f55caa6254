"""`--engine`: what is chosen is stored, verified as it was made, and never costs a trial."""

import benchbed

BRANCHING = """
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Optimizer

def branching(learning_rate: float = 0.01):
    def update(oracle, state, theta):
        if (oracle.loss > 1).any():  # Python looks at the values of a tensor: no program can
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


def test_a_compiled_study_is_kept_and_verified_as_such(bench, tmp_path):
    """The engine is no part of a trial's key; verification takes the one that the trials were made by."""
    assert bench(tmp_path, "run", *SMALL, "-o", "sgd", "--engine", "compiled").returncode == 0
    study = benchbed.load("study")
    assert study.plan.suite["engine"] == "compiled"
    assert study.trials[["engine", "engine_reason"]].drop_duplicates().values.tolist() == [
        ["compiled", "requested"]
    ]
    assert bench(tmp_path, "run", *SMALL, "-o", "sgd", "--engine", "eager").returncode == 0
    assert set(benchbed.load("study").trials["engine"]) == {"compiled"}
    verified = bench(tmp_path, "verify", "study")
    assert (verified.returncode, "equal to the bit" in verified.stdout) == (0, True), verified.stdout


def test_a_plugin_that_cannot_be_compiled_runs_step_by_step_and_says_so(bench, tmp_path):
    """One line on stderr, the reason in the row, and nothing lost."""
    (tmp_path / "mine.py").write_text(BRANCHING)
    asked = ["--plugin", "mine.py", "-o", "branching", "--engine", "compiled"]
    result = bench(tmp_path, "run", *SMALL, *asked)
    assert result.returncode == 0, result.stderr
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert line.startswith(
        "warning: quadratic × branching: ran eagerly because its step could not be compiled: "
    )
    trials = benchbed.load("study").trials
    assert set(trials["engine"]) == {"eager"}
    assert (
        trials["engine_reason"]
        .str.startswith("requested; ran eagerly because its step could not be compiled: ")
        .all()
    )
    assert (trials["status"] == "exhausted").all()
