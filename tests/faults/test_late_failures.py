"""A trial that fails, dies or diverges comes last in every table, also if it reached targets before."""

import json
from pathlib import Path

import pandas as pd
import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "late_failures.py"
LOST = ["fast-then-raises", "fast-then-exits", "fast-then-explodes"]
MEASURED = ["medium", "slow"]


@pytest.fixture(scope="module")
def ran(run_benchbed, run_once):
    """Run optimizers that are fast and then lost beside two that are slow."""

    def fill(folder):
        optimizers = [option for name in [*LOST, *MEASURED] for option in ("-o", name)]
        result = run_benchbed(
            folder, "run", "--plugin", PLUGIN, "-p", "quadratic", *optimizers, "--preset", "quick", "-j", "2",
            *("--steps", "60", "--seeds", "4", "--no-stop-when-solved", "--track", "default", "-O", "study"),
            plots=True,
        )  # fmt: skip
        (folder / "result.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    return run_once("late-failures", fill)


@pytest.fixture(scope="module")
def results(ran):
    """Return the results of the study."""
    return benchbed.load(ran / "study").results


def test_the_measured_rows_are_first_and_the_best_has_the_star(ran):
    """In the table on the terminal, which is sorted; the command fails, since trials are lost."""
    code, stdout, stderr = json.loads((ran / "result.json").read_text())
    assert code == 1
    lines = [line for line in stdout.splitlines() if " default " in line and "track" not in line]
    assert [line.split()[0] for line in lines[:2]] == MEASURED
    assert all(line.startswith("fast-then-") for line in lines[2:5])
    assert [line.split()[0] for line in lines if "*" in line] == ["medium"]
    assert "medium has the highest score" in stdout
    assert "ArithmeticError: too late" in stderr


def test_the_lost_trials_reached_targets_on_their_way(ran):
    """Their rows have them, and the curve; a crash leaves neither."""
    trials = benchbed.load(ran / "study").trials
    for name, status in (("fast-then-raises", "failed"), ("fast-then-explodes", "diverged")):
        rows = trials[trials["optimizer"] == name]
        assert set(rows["status"]) == {status}
        assert all(pd.notna(calls).sum() > 4 for calls in rows["calls_to_target"])
        assert all(
            curve[-1 if status == "failed" else -2] < 1e-8 * curve[0] for curve in rows["curve_objective"]
        )


def test_no_lost_trial_has_a_score_or_wins(results):
    """Against a measured one they lose on every seed."""
    scores = results.outcomes.groupby("optimizer")["score"].mean()
    assert all(scores[name] == 0 for name in LOST)
    assert scores["medium"] > scores["slow"] > 0
    for pair in results.comparisons.itertuples():
        if pair.first in MEASURED and pair.second in LOST:
            assert pair.win_share == 1
        if pair.second in MEASURED and pair.first in LOST:
            assert pair.win_share == 0


def test_lost_trials_stay_in_every_denominator(results):
    """All four seeds count, as trials that reached nothing."""
    summary = results.summary.set_index("optimizer")
    assert (summary["trials"] == 4).all()
    assert (summary.loc[LOST, "success_rate"] == 0).all()
    assert (summary.loc[LOST, "gap"] == float("inf")).all()
    assert (summary.loc[MEASURED, "success_rate"] == 1).all()
