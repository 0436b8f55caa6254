"""The comparison with peers: equal trials of all tools, and the computation of times and ratios."""

import importlib
import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchbed.checkpoints import checkpoint_calls

pytestmark = pytest.mark.slow

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROBLEMS = (
    *("quadratic", "weighted-quartic", "runge", "polynomial-network"),
    *("digits-mlp", "digits-cnn", "char-transformer"),
)


@pytest.fixture
def hot():
    return importlib.import_module("peers_hot")


@pytest.fixture
def records():
    return importlib.import_module("peers_records")


@pytest.fixture
def trials():
    return importlib.import_module("peers_trials")


@pytest.fixture
def ours():
    return importlib.import_module("peers_benchbed")


@pytest.fixture
def benchopt_side():
    return importlib.import_module("peers_benchopt")


@pytest.mark.parametrize(
    ("count", "lanes"),
    [(1, (1, 1)), (7, (1, 7)), (10, (2, 5)), (100, (20, 5)), (1_000, (20, 50)), (10_000, (20, 500))],
)
def test_trials_are_seeds_times_settings(trials, count, lanes):
    """There are at most 20 seeds, and exactly the requested number of trials."""
    assert trials.lanes_of(count) == lanes


@pytest.mark.parametrize("problem", ["quadratic", "polynomial-network"])
def test_saved_trials_are_loaded_unchanged(trials, ours, tmp_path, problem):
    """With and without draws, to the bit."""
    created = ours.make_trials(problem, 10, 4)
    trials.save(created, tmp_path / "trials.npz")
    loaded = trials.load(tmp_path / "trials.npz")
    assert loaded[:2] == created[:2]
    assert loaded.data.keys() == created.data.keys()
    pairs = [(created.rates, loaded.rates), (created.start, loaded.start), (created.draws, loaded.draws)]
    for left, right in [*pairs, *((created.data[name], loaded.data[name]) for name in created.data)]:
        assert (left is None and right is None) or (left.dtype == right.dtype and np.array_equal(left, right))


def require_data(problem):
    if problem.startswith("digits"):
        pytest.importorskip("sklearn")


def sizes_of(problem):
    """Return fewer trials and steps where they would take half a minute."""
    return (4, 5) if problem in ("digits-cnn", "char-transformer") else (10, 20)


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_loop_over_torch_optim_runs_the_same_trials(hot, problem):
    """The final points agree to 1e-8 in float64, and the networks' losses to 1e-4 in float32, 4e-4 on `digits-cnn`."""
    require_data(problem)
    hot.check_agreement(problem, *sizes_of(problem), ["torch"], "eager")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_jax_runs_the_same_trials(hot, problem):
    """With the same tolerances as the loop."""
    pytest.importorskip("jax")
    pytest.importorskip("optax")
    require_data(problem)
    hot.check_agreement(problem, *sizes_of(problem), ["jax"], "eager")


CHANGES = {
    "rates": lambda trials: trials._replace(rates=1.0001 * trials.rates),
    "a start": lambda trials: trials._replace(start=trials.start + 1e-6),
    "draws": lambda trials: trials._replace(draws=trials.draws[::-1].copy()),
}


@pytest.mark.parametrize("change", CHANGES)
def test_different_trials_are_rejected(hot, monkeypatch, change):
    """Different rates, starts or orders of draws raise an error before the timing."""
    run = hot.peers_torch.run
    monkeypatch.setattr(
        hot.peers_torch, "run", lambda trials, count, steps: run(CHANGES[change](trials), count, steps)
    )
    with pytest.raises(hot.DisagreementError, match="torch and benchbed differ"):
        hot.check_agreement("weighted-quartic", 10, 20, ["torch"], "eager")


@pytest.mark.parametrize("problem", ["polynomial-network", "digits-mlp"])
def test_different_mini_batches_are_rejected_in_float32(hot, ours, problem):
    """The tolerance for rounding is far below the effect of another order of the mini-batches."""
    require_data(problem)
    created = ours.make_trials(problem, 5, 20)
    ends = [
        hot.peers_torch.run(draws, 5, 20)[1].reshape(1, 5, -1)
        for draws in (created, CHANGES["draws"](created))
    ]
    difference, allowed = hot._difference(problem, "float32", *ends)
    assert difference > 10 * allowed


def test_sides_alternate_and_short_ones_are_repeated(hot):
    """Every second round is reversed; a side is repeated until the least time is reached."""
    order = []

    def side(name, *seconds):
        waits = itertools.cycle(seconds)

        def run():
            order.append(name)
            return {"hot loop": next(waits)}

        return run

    sides = {"slow": side("slow", 1.0), "fast": side("fast", 0.25, 0.05)}
    means = hot.alternate(sides, rounds=2, least_seconds=0.1)
    # the first calls warm up and set the number of repeats, 0.1 s / 0.05 s
    assert order == ["slow", "fast", "fast", "slow", "fast", "fast", "fast", "fast", "slow"]
    assert means == {"slow": {"hot loop": [1.0, 1.0]}, "fast": {"hot loop": pytest.approx([0.15, 0.15])}}


def test_ratios_are_those_of_the_rounds(records):
    """The median of the ratios, so that a slow round does not change the result."""
    case = records.Case("quadratic", 10, 100)
    record = records.compare(
        case,
        "jax",
        "hot loop",
        records.Seconds([1.0, 10.0, 2.0], 1_000),
        records.Seconds([2.0, 30.0, 8.0], 2_000),
    )
    assert record[:7] == ("quadratic", 10, 100, "jax", "hot loop", 2_000.0, 4_000.0)
    assert record.ratio == pytest.approx(1.5)  # of 1, 1.5 and 2
    assert record.spread["ratio"] == pytest.approx((1.0, 2.0))
    fields = ("problem", "trials", "steps", "peer", "measure", "benchbed_us", "peer_us", "ratio", "spread")
    assert record._fields == fields


def test_the_start_of_benchopt_is_not_scaled(benchopt_side):
    """With 10 s for one seed and 16 s for three, 150 seeds take 16 + 147 · 3 s; recorded times are proportional."""
    runs = {1: benchopt_side.BenchoptRun(10.0, 2.0, {}), 3: benchopt_side.BenchoptRun(16.0, 6.0, {})}
    times = benchopt_side._times("benchopt", runs, benchopt_side.BenchoptSizes())
    assert times["benchopt", "command line", 150] == pytest.approx(16 + 147 * 3)
    assert times["benchopt", "hot loop", 150] == pytest.approx(300)
    all_times = {key: [seconds] for key, seconds in times.items()}
    all_times |= {
        ("benchbed", measure, seeds): [1.0] for measure in ("hot loop", "command line") for seeds in (3, 150)
    }
    names = {
        (record.peer, record.trials)
        for record in benchopt_side._records(all_times, benchopt_side.BenchoptSizes())
    }
    assert names == {("benchopt", 60), ("benchopt (scaled)", 3_000)}


def test_an_unfinished_trial_of_benchopt_raises(benchopt_side):
    """A solver that stops early, diverges or fails leaves no row at the last step."""
    with pytest.raises(RuntimeError, match="ended 1 of 20 trials"):
        benchopt_side._ends(pd.DataFrame({"stop_val": [0, 9, 10]}), 1, 10)


def test_benchopt_has_the_same_starts_and_checkpoints(ours):
    """Its folder contains the starts of the evaluation seeds, and computes the checkpoints."""
    folder = BENCHMARKS / "benchopt_quadratic"
    starts = np.loadtxt(folder / "starts.csv", delimiter=",")
    assert np.array_equal(starts, ours.make_trials("quadratic", 15, 1).start)
    source = folder / "benchmark_utils" / "checkpoints.py"
    specification = importlib.util.spec_from_file_location("checkpoints", source)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    reached = list(itertools.takewhile(lambda step: step <= 1_000, module.checkpoints()))
    assert reached == checkpoint_calls(1_000)


@pytest.mark.parametrize("peer", ["benchopt", "benchopt-numpy"])
def test_benchopt_runs_the_same_trials(benchopt_side, peer):
    """All four optimizers reach the same final points with torch and with NumPy."""
    pytest.importorskip("benchopt")
    sizes = benchopt_side.BenchoptSizes(steps=20, seeds=1, many=1)
    run = benchopt_side.run_benchopt(peer, sizes.seeds, sizes.steps, 1)
    benchopt_side.check_ends(run.theta, sizes, "eager")
    shifted = {key: theta + 1e-6 for key, theta in run.theta.items()}
    with pytest.raises(
        benchopt_side.DisagreementError, match=r"differs by 1\.0e-06 between benchbed and benchopt"
    ):
        benchopt_side.check_ends(shifted, sizes, "eager")
    assert 0 < run.step_seconds < run.seconds


def test_a_missing_peer_is_an_error(hot, monkeypatch, capsys):
    """The message names the requirements."""
    peers = importlib.import_module("peers")
    monkeypatch.setattr(hot.importlib.util, "find_spec", lambda name: None if name == "optax" else name)
    with pytest.raises(SystemExit):
        peers.parse(["--peers", "torch", "jax"])
    assert "jax is not installed; install benchmarks/requirements.txt" in capsys.readouterr().err


def test_the_script_prints_records_and_draws_a_plot(tmp_path):
    """As a command with JSON output, for the steps alone and end to end."""
    command = [sys.executable, BENCHMARKS / "peers.py", "--quick", "--engine", "eager", "--trials", "1"]
    command += [
        "--problems",
        "quadratic",
        "--peers",
        "torch",
        "--format",
        "json",
        "--plot",
        tmp_path / "plot.png",
    ]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    process = subprocess.run(
        command, capture_output=True, text=True, check=True, env=environment, timeout=200
    )
    found_records = json.loads(process.stdout)["records"]
    measures = ["hot loop", "batch", "end to end", "end to end, cached"]
    assert [record["measure"] for record in found_records if record["trials"] == 1] == measures
    assert all(record["benchbed_us"] > 0 and record["peer_us"] > 0 for record in found_records)
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_processes_start_with_default_settings(monkeypatch):
    """Bytecode is cached, and a script imports modules from its folder."""
    fresh = importlib.import_module("peers_fresh")
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH"):
        monkeypatch.setenv(name, "1")
    code = "import sys; print(sys.dont_write_bytecode, sys.flags.safe_path)"
    seconds, printed = fresh.time_command([sys.executable, "-c", code])
    assert printed == "False False\n"
    assert seconds > 0
