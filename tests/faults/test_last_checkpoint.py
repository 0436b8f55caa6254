"""A trial that stops at a point is measured as staying there, so that it does not lose by stopping early or late."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "endings.py"
TARGETS = 10.0 ** -np.arange(1, 9)


JUMPS = {1: 1, 58: 60, 59: 60, 60: 60}
"""The calls after which the minimum is measured, by the step that jumps to it."""
AWAY = (59, 60)
RULES = [
    *(f"gd[learning_rate={rate}]" for rate in (0.1, 0.5)),
    *(f"jumps[to_zero={step}.0]" for step in JUMPS),
    *(f"jumps[to_zero=56.0, away={step}.0]" for step in AWAY),
]


@pytest.fixture(scope="module")
def summary(run_in_process, run_once):
    """Return a function that runs the rules on the bowl; it returns the rows of the summary by rule."""

    def run(steps, *options):
        def fill(folder):
            rules = [argument for rule in RULES for argument in ("-o", rule)]
            result = run_in_process(
                folder, "run", "--plugin", PLUGIN, "-p", "bowl", *rules, *options, "--preset", "quick",
                "--track", "default", "--steps", steps, "--format", "json",
            )  # fmt: skip
            assert result.returncode == 0, result.stderr
            (folder / "stdout").write_text(result.stdout)

        folder = run_once(f"endings-{steps}{'-'.join(options)}", fill)
        rows = json.loads((folder / "stdout").read_text())["summary"]
        return {(row["optimizer"].partition("[")[0], *row["hyperparameters"].values()): row for row in rows}

    return run


def score(calls, budget):
    """Return the score of targets reached at these calls: the mean of 1 − ln T / ln budget."""
    return float(np.mean(np.maximum(0, 1 - np.log(np.maximum(calls, 1)) / math.log(budget))))


@pytest.mark.parametrize("options", [(), ("--tolerance", "1e-9"), ("--no-stop-when-solved",)])
def test_the_exact_solution_of_one_step_is_first(summary, options):
    """θ − ½ 2θ = 0 after one call, and (1 − 0.2)^2k at rate 0.1; a tolerance changes neither score."""
    rows = summary(60, *options)
    assert rows["gd", 0.5]["score"] == 1.0
    assert max(row["score"] for row in rows.values()) == 1.0
    checkpoints = np.array([*range(11), 11, 13, 14, 16, 18, 20, 22, 25, 28, 32, 35, 40, 45, 50, 56, 60])
    reached = [checkpoints[0.64**checkpoints <= target].min() for target in TARGETS]
    assert rows["gd", 0.1]["score"] == pytest.approx(score(reached, 60), abs=1e-12)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_budget_of_one_or_two_steps_can_be_won(summary, steps):
    """There are two or three checkpoints in all."""
    rows = summary(steps)
    for rate, expected in ((0.5, 1.0), (0.1, 0.0)):
        row = rows["gd", rate]
        assert (row["score"], row["success_rate"]) == (expected, expected)


@pytest.mark.parametrize("step", JUMPS)
def test_a_jump_to_the_minimum_counts_at_any_step(summary, step):
    """Also at the last one, with the score 1 − ln 60 / ln 60 = 0, and between the last two checkpoints."""
    row = summary(60)["jumps", step, 0.0]
    assert (row["success_rate"], row["median_calls"]) == (1.0, JUMPS[step])
    assert row["score"] == pytest.approx(score(JUMPS[step], 60), abs=1e-12)
    assert row["solved"] == row["trials"]


@pytest.mark.parametrize("away", AWAY)
def test_a_trial_that_diverges_or_leaves_does_not_stay(summary, away):
    """It was at the minimum for fewer than three checkpoints."""
    row = summary(60)["jumps", 56, away]
    assert (row["success_rate"], row["score"], row["diverged"]) == (0.0, 0.0, row["trials"])
