"""Without a usable optimum or scale, trials run as ever, and their score is withheld with the reason."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "optima.py"
LARGE = "bowl[constant=1e16]"
PARTLY = "bowl[constant=1000000000000]"
REASONS = {
    "raising-optimum": "optimum of problem 'raising-optimum' raises ArithmeticError: no optimum at all",
    "nan-optimum": "optimum of problem 'nan-optimum' is nan",
    "infinite-optimum": "optimum of problem 'infinite-optimum' is -inf",
    "high-optimum": "below the optimum f* = 1.5",
    "raising-scale": "the scale of problem 'raising-scale' raises ArithmeticError: too many",
    LARGE: "float64 cannot resolve any target at the optimum f* = 1e+16",
}


@pytest.fixture(scope="module")
def ran(run_in_process, run_once):
    """Run gradient descent on all problems."""

    def fill(folder):
        problems = [
            option for name in ["bowl", "raising-for-some", PARTLY, *REASONS] for option in ("-p", name)
        ]
        result = run_in_process(
            folder, "run", "--plugin", PLUGIN, *problems, "-o", "gd[learning_rate=0.1]", "-o", "gd[learning_rate=0.2]",
            *("--preset", "quick", "--steps", "60", "--seeds", "20", "--track", "default", "-O", "study"),
            *("--format", "json"), plots=True,
        )  # fmt: skip
        (folder / "result.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    return run_once("optima", fill)


@pytest.fixture(scope="module")
def trials(ran):
    """Return the trials."""
    return benchbed.load(ran / "study").trials


@pytest.fixture(scope="module")
def summary(ran):
    """Return the rows of the summary by problem, of gradient descent at rate 0.1."""
    code, stdout, stderr = json.loads((ran / "result.json").read_text())
    assert code == 0, stderr
    return {
        row["problem"]: row
        for row in json.loads(stdout)["summary"]
        if row["hyperparameters"]["learning_rate"] == 0.1
    }


@pytest.mark.parametrize("name", REASONS)
def test_a_score_is_withheld_with_its_reason(name, summary):
    """In the row, which contains neither score nor success; its final value is the objective."""
    row = summary[name]
    assert [row[column] for column in ("score", "success_rate", "median_calls")] == [None] * 3
    assert "no score: " in row["notes"]
    assert REASONS[name] in row["notes"]


@pytest.mark.parametrize("name", REASONS)
def test_the_trials_are_those_of_plain_descent(name, trials):
    """|θ|² = 2 (1 − 0.2)²ᵏ up to the last of 60 steps, or a little earlier where targets are reached."""
    parameters = json.dumps({"constant": 1e16} if name == LARGE else {})
    trials = trials[
        (trials["problem"] == name.partition("[")[0]) & (trials["problem_parameters"] == parameters)
    ]
    assert len(trials) == 40
    for row in trials.to_dict("records"):
        rate = json.loads(row["hyperparameters"])["learning_rate"]
        expected = 2 * (1 - 2 * rate) ** (2 * row["curve_calls"]) + (1e16 if name == LARGE else 0)
        np.testing.assert_allclose(row["curve_objective"], expected, rtol=1e-12)
        assert row["status"] in {"exhausted", "solved"}


def test_the_reason_is_printed(ran):
    """Once for each problem."""
    *_, stderr = json.loads((ran / "result.json").read_text())
    for reason in REASONS.values():
        # One below f* names the value that a trial reached.
        assert sum(reason in line for line in stderr.splitlines()) == (2 if "below" in reason else 1)
    assert "Traceback" not in stderr


def test_an_optimum_that_raises_for_some_seeds_costs_their_scores(trials, summary):
    """The other trials keep theirs; the mean of fewer seeds would not be comparable, so the row has none."""
    some = trials[trials["problem"] == "raising-for-some"]
    has_reason = some["score_error"].notna()
    assert 0 < has_reason.sum() < len(some)
    assert set(some["status"]) <= {"exhausted", "solved"}
    assert some["gap"][~has_reason].notna().all()
    assert some["gap"][has_reason].isna().all()
    assert summary["raising-for-some"]["score"] is None
    assert "no optimum here" in summary["raising-for-some"]["notes"]


def test_a_sound_problem_keeps_its_score(summary):
    """Beside all others."""
    assert 0 < summary["bowl"]["score"] < 1
    assert "no score" not in summary["bowl"]["notes"]


def test_targets_below_the_last_digit_are_not_scored(trials, summary):
    """At f* = 1e12, ε |f*| is 2.2e-4, and the targets are multiples of the scale 2: 1e-4 … 1e-8 are left out.

    Descent at rate 0.1 passes 0.1, 0.01 and 0.001 after k calls, 0.64ᵏ ≤ target, up to the rounding of the last one.
    """
    is_partly = trials["problem_parameters"] == json.dumps({"constant": 1e12})
    calls = [np.array(list(of_trial)) for of_trial in trials.loc[is_partly, "calls_to_target"]]
    assert len(calls) == 40
    assert all(np.isnan(of_trial[3:]).all() and np.isfinite(of_trial[:3]).all() for of_trial in calls)
    row, sound = summary[PARTLY], summary["bowl"]
    assert (
        "the 5 hardest targets are not scored: float64 cannot resolve them beside the optimum" in row["notes"]
    )
    for name in ("target", "success_rate", "median_calls"):
        assert row[name] == sound[name]
    steps = [math.ceil(math.log(target) / math.log(0.64)) for target in (0.1, 0.01, 0.001)]
    areas = [1 - math.log(step) / math.log(60) for step in steps]
    assert row["score"] == pytest.approx(sum(areas) / 3, abs=0.02)
