"""A metric that fails costs its own values: trials are as without it, and its place has the reason."""

import json
from pathlib import Path

import numpy as np
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "metrics.py"
REASONS = {
    "raises": "RuntimeError: no such thing",
    "exits": "SystemExit: 0",
    "text": "returned str instead of",
    "number": "returned float instead of",
    "complex-number": "returned torch.complex128 instead of",
    "whole-batch": "returned shape () for theta (3, 1, 2)",
    "for-each-coordinate": "returned shape (3, 1, 2) for theta (3, 1, 2)",
    "compares-trials": "depends on the other trials of its batch",
    "not-a-number": "the value is NaN",
    "long-text": "ValueError: xxxx",
    "guesses": "uses torch's global generator",
    "guesses-late": "uses NumPy's global generator",
    "ages": "returns other numbers when it is called again",
    "counts-calls": "returns other numbers when it is called again",
    "writes-into-data": "writes to its arguments",
}
VALUES = {
    "size": np.linalg.norm,
    "is-right": lambda theta: float(theta[0] > 0),
    "counts": lambda theta: float((theta > 0).sum()),
    "writes": lambda theta: 0.0,
    "requires-gradient": lambda theta: float((theta**2).sum()),
}


@pytest.fixture(scope="module")
def ran(run_in_process, run_once):
    """Return the folder of two studies, with and without the metrics."""

    def fill(folder):
        options = [
            "-p", "quadratic[eigenvalues=[1.0,2.0]]", "-o", "gd", "--preset", "quick", "--steps", "20",
            "--track", "default", "--format", "json",
        ]  # fmt: skip
        plain = run_in_process(folder, "run", *options, "-O", "plain")
        assert plain.returncode == 0, plain.stderr
        result = run_in_process(folder, "run", "--plugin", PLUGIN, *options, "-O", "study")
        (folder / "result.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    return run_once("metrics", fill)


@pytest.fixture(scope="module")
def trials(ran):
    """Return the stored trials with the metrics."""
    return benchbed.load(ran / "study").trials


def test_the_trials_are_as_without_the_metrics(ran, trials):
    """To the bit, also the final point, which one metric overwrites."""
    plain = benchbed.load(ran / "plain").trials
    assert list(trials["status"]) == ["exhausted"] * 3
    for column in ("calls", "curve_objective", "final_theta", "calls_to_target", "gap"):
        for left, right in zip(trials[column], plain[column], strict=True):
            np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", REASONS)
def test_a_metric_without_values_has_a_reason(name, trials):
    """In every row, and at most some hundred characters."""
    for row in trials.to_dict("records"):
        reason = dict(row["metric_errors"])[name]
        assert REASONS[name] in reason
        assert len(reason) < 400
        assert name not in dict(row["metrics"])


@pytest.mark.parametrize("name", VALUES)
def test_the_other_metrics_are_kept(name, trials):
    """They are those of the final point."""
    for row in trials.to_dict("records"):
        assert dict(row["metrics"])[name] == pytest.approx(VALUES[name](row["final_theta"]), rel=1e-12)
        assert "absent" not in dict(row["metrics"]) | dict(row["metric_errors"])


def test_a_metric_that_raises_for_some_trials_has_the_others(trials):
    """Each trial is measured alone then."""
    rights = [row["final_theta"][0] > 0 for row in trials.to_dict("records")]
    assert 0 < sum(rights) < len(rights)
    for row, is_right in zip(trials.to_dict("records"), rights, strict=True):
        values, reasons = dict(row["metrics"]), dict(row["metric_errors"])
        assert ("raises-for-some" in reasons) == is_right
        if not is_right:
            assert values["raises-for-some"] == row["final_theta"][0]


def test_the_command_succeeds_and_names_each_failed_metric_once(ran):
    """On stderr, and in the notes of the row."""
    code, stdout, stderr = json.loads((ran / "result.json").read_text())
    assert code == 0
    (row,) = json.loads(stdout)["summary"]
    for name in [*REASONS, "raises-for-some"]:
        (line,) = (line for line in stderr.splitlines() if f"metric {name} could not be measured" in line)
        assert line.startswith("warning: quadratic[eigenvalues=[1, 2]] × gd: ")
        assert len(line) < 1_100
        assert f"metric {name} not measured: " in row["notes"]
    for name in [*VALUES, "absent"]:
        assert f"metric {name} " not in stderr + row["notes"]
