"""A trial that raises, kills its process or hangs leaves the results of all others of its batch."""

import json
from pathlib import Path

import numpy as np
import pytest

import benchbed
from benchbed.catalog.loading import load_catalog
from benchbed.engine.sampling import make_start
from benchbed.seeds import InstanceSeed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "isolation.py"
SEEDS = 12
RATES = (0.1, 0.2)
STATUS = {"raise": "failed", "exit": "crashed", "hang": "timed_out"}


@pytest.fixture(scope="module")
def trials(run_benchbed, run_once):
    """Return a function that returns the rows of the problem with a fault by rate and seed."""

    def run(name, faults, seeds, *options):
        def fill(folder):
            problems = [option for fault in faults for option in ("-p", f"trap[fault='{fault}']")]
            rates = ",".join(map(str, RATES))
            result = run_benchbed(
                folder, "run", "--plugin", PLUGIN, *problems, "-o", f"gd[learning_rate=[{rates}]]",
                *("--preset", "quick", "--seeds", str(seeds), "--steps", "10", "--no-stop-when-solved"),
                *("--track", "default", "-j", "2", "-O", "study", *options),
            )  # fmt: skip
            (folder / "stderr").write_text(result.stderr)
            assert result.returncode == 1, result.stderr

        return benchbed.load(run_once(f"isolation-{name}", fill) / "study").trials

    raising = run("short", ["none", "raise", "exit"], SEEDS)
    hanging = run("hang", ["hang"], 3, "--timeout", "8")

    def of(fault):
        rows = hanging if fault == "hang" else raising
        rows = rows[rows["problem_parameters"] == json.dumps({} if fault == "none" else {"fault": fault})]
        return {
            (json.loads(row["hyperparameters"])["learning_rate"], row["seed"]): row
            for row in rows.to_dict("records")
        }

    return of


@pytest.fixture(scope="module")
def starts():
    """Return the starts `[seeds, 3]` of the evaluation seeds."""
    problem = load_catalog([PLUGIN], environ={}).problem("trap", {})
    seeds = [InstanceSeed(0, "trap", "evaluation", number) for number in range(SEEDS)]
    return np.array([make_start(problem, seed).numpy() for seed in seeds])


@pytest.mark.parametrize("fault", STATUS)
def test_only_the_failing_seeds_are_lost(fault, trials, starts):
    """They are those with a large tag, at every setting; seeds 0 and 4 of 12, and seed 0 of 3."""
    rows = trials(fault)
    seeds = range(3 if fault == "hang" else SEEDS)
    fails = starts[:, 2] > 0.75
    assert set(np.flatnonzero(fails)) == {0, 4}
    expected = {
        (rate, seed): STATUS[fault] if fails[seed] else "exhausted" for rate in RATES for seed in seeds
    }
    assert {key: row["status"] for key, row in rows.items()} == expected


@pytest.mark.parametrize("fault", STATUS)
def test_the_others_are_equal_to_the_bit_to_a_run_without_the_fault(fault, trials):
    """The size of a batch changes neither the engine nor the numbers of this problem."""
    undisturbed = trials("none")
    for key, row in trials(fault).items():
        if row["status"] == "exhausted":
            for column in ("curve_calls", "curve_objective", "final_theta", "calls_to_target"):
                assert row[column].tobytes() == undisturbed[key][column].tobytes()
            assert row["engine"] == undisturbed[key]["engine"]


def test_a_failed_trial_keeps_its_curve(trials, starts):
    """The objective is x₀² (1 − 2r)²ᵏ up to the step before the one that falls below half of the start."""
    for (rate, seed), row in trials("raise").items():
        last = {0.1: 3, 0.2: 1}[rate] if row["status"] == "failed" else 10
        expected = starts[seed, 0] ** 2 * (1 - 2 * rate) ** (2 * np.arange(last + 1))
        np.testing.assert_allclose(row["curve_objective"], expected, rtol=1e-14)
        assert ("this trial fails" in str(row["error"])) == (row["status"] == "failed")
