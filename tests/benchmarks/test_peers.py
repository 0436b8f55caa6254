"""The comparison with peers: the same trials on every side, and the arithmetic of times and ratios."""

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

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
PROBLEMS = ("quadratic", "weighted-quartic", "runge", "polynomial-network")


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
    """At most 20 seeds, and no trial more or less than was asked for."""
    assert trials.lanes_of(count) == lanes


@pytest.mark.parametrize("problem", ["quadratic", "polynomial-network"])
def test_trials_survive_the_way_to_another_process(trials, ours, tmp_path, problem):
    """With draws and without; nothing is lost or rounded."""
    made = ours.make_trials(problem, 10, 4)
    trials.save(made, tmp_path / "trials.npz")
    read = trials.load(tmp_path / "trials.npz")
    assert read[:2] == made[:2]
    assert read.data.keys() == made.data.keys()
    pairs = [(made.rates, read.rates), (made.start, read.start), (made.draws, read.draws)]
    for one, two in [*pairs, *((made.data[name], read.data[name]) for name in made.data)]:
        assert (one is None and two is None) or (one.dtype == two.dtype and np.array_equal(one, two))


@pytest.mark.parametrize("problem", PROBLEMS)
def test_a_loop_over_torch_optim_makes_the_same_trials(hot, problem):
    """Its ends are benchbed's, to 1e-8 in float64 and the network's loss to 1e-4 in float32."""
    hot.check_agreement(problem, 10, 20, ["torch"], "eager")


@pytest.mark.parametrize("problem", PROBLEMS)
def test_jax_makes_the_same_trials(hot, problem):
    """As the loop does."""
    pytest.importorskip("jax")
    pytest.importorskip("optax")
    hot.check_agreement(problem, 10, 20, ["jax"], "eager")


OTHERS = {
    "rates": lambda made: made._replace(rates=1.0001 * made.rates),
    "a start": lambda made: made._replace(start=made.start + 1e-6),
    "draws": lambda made: made._replace(draws=made.draws[::-1].copy()),
}


@pytest.mark.parametrize("other", OTHERS)
def test_other_trials_are_noticed(hot, monkeypatch, other):
    """What differs in its rates, its starts or the order of its draws is refused before it is timed."""
    run = hot.peers_torch.run
    monkeypatch.setattr(
        hot.peers_torch, "run", lambda made, count, steps: run(OTHERS[other](made), count, steps)
    )
    with pytest.raises(hot.DisagreementError, match="torch and benchbed differ"):
        hot.check_agreement("weighted-quartic", 10, 20, ["torch"], "eager")


def test_other_mini_batches_are_noticed_in_float32(hot, ours):
    """The tolerance for rounding is far below what another order of the mini-batches does."""
    made = ours.make_trials("polynomial-network", 5, 20)
    ends = [hot.peers_torch.run(draws, 5, 20)[1].reshape(1, 5, -1) for draws in (made, OTHERS["draws"](made))]
    difference, allowed = hot._difference("polynomial-network", "float32", *ends)
    assert difference > 10 * allowed


def test_sides_take_turns_and_short_ones_are_repeated(hot):
    """Every second round goes backwards; a side is repeated until it has run for the least time."""
    order = []

    def side(name, *seconds):
        waits = itertools.cycle(seconds)

        def run():
            order.append(name)
            return {"hot loop": next(waits)}

        return run

    sides = {"slow": side("slow", 1.0), "fast": side("fast", 0.25, 0.05)}
    found = hot.alternate(sides, rounds=2, least_seconds=0.1)
    # the first calls warm up, and say how often to repeat: 0.1 s / 0.05 s
    assert order == ["slow", "fast", "fast", "slow", "fast", "fast", "fast", "fast", "slow"]
    assert found == {"slow": {"hot loop": [1.0, 1.0]}, "fast": {"hot loop": pytest.approx([0.15, 0.15])}}


def test_ratios_are_those_of_the_rounds(records):
    """A machine that is slow for a round is slow for both sides of it."""
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


def test_what_benchopt_takes_to_start_is_scaled_only_once(benchopt_side):
    """From 10 s at one seed and 16 s at three, 150 seeds take 16 + 147 · 3 s; its own times are in proportion."""
    runs = {1: benchopt_side.Run(10.0, 2.0, {}), 3: benchopt_side.Run(16.0, 6.0, {})}
    times = benchopt_side._times("benchopt", runs, benchopt_side.Sizes())
    assert times["benchopt", "command line", 150] == pytest.approx(16 + 147 * 3)
    assert times["benchopt", "hot loop", 150] == pytest.approx(300)
    found = {key: [seconds] for key, seconds in times.items()}
    found |= {
        ("benchbed", measure, seeds): [1.0] for measure in ("hot loop", "command line") for seeds in (3, 150)
    }
    names = {(record.peer, record.trials) for record in benchopt_side._records(found, benchopt_side.Sizes())}
    assert names == {("benchopt", 60), ("benchopt (scaled)", 3_000)}


def test_a_trial_that_benchopt_did_not_end_is_missed(benchopt_side):
    """A solver that stops early, diverges or fails leaves no row at the last step."""
    with pytest.raises(RuntimeError, match="ended 1 of 20 trials"):
        benchopt_side._ends(pd.DataFrame({"stop_val": [0, 9, 10]}), 1, 10)


def test_benchopt_starts_and_is_measured_where_benchbed_does(ours):
    """Its folder holds the starts of the evaluation seeds, and lists the checkpoints by itself."""
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
def test_benchopt_makes_the_same_trials(benchopt_side, peer):
    """All four optimizers end where benchbed's do, whether torch steps or NumPy."""
    pytest.importorskip("benchopt")
    sizes = benchopt_side.Sizes(steps=20, seeds=1, many=1)
    run = benchopt_side.run_benchopt(peer, sizes.seeds, sizes.steps, 1)
    benchopt_side.check_ends(run.theta, sizes, "eager")
    moved = {key: theta + 1e-6 for key, theta in run.theta.items()}
    with pytest.raises(benchopt_side.DisagreementError, match=r"ends 1\.0e-06 from where benchopt does"):
        benchopt_side.check_ends(moved, sizes, "eager")
    assert 0 < run.step_seconds < run.seconds


def test_a_peer_that_is_not_installed_is_asked_for(hot, monkeypatch, capsys):
    """It is not left out in silence."""
    peers = importlib.import_module("peers")
    monkeypatch.setattr(hot.importlib.util, "find_spec", lambda name: None if name == "optax" else name)
    with pytest.raises(SystemExit):
        peers.parse(["--peers", "torch", "jax"])
    assert "jax is not installed; install benchmarks/requirements.txt" in capsys.readouterr().err


def test_the_script_measures_prints_and_draws(tmp_path):
    """As a command: steps alone and end to end, as JSON, with a plot beside it."""
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
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=200)
    found = json.loads(done.stdout)["records"]
    measures = ["hot loop", "batch", "end to end", "end to end, cached"]
    assert [record["measure"] for record in found if record["trials"] == 1] == measures
    assert all(record["benchbed_us"] > 0 and record["peer_us"] > 0 for record in found)
    assert (tmp_path / "plot.png").stat().st_size > 0


def test_both_sides_start_as_usual(monkeypatch):
    """Installed files are not compiled again at each start, and a script finds its neighbours."""
    fresh = importlib.import_module("peers_fresh")
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONSAFEPATH"):
        monkeypatch.setenv(name, "1")
    look = "import sys; print(sys.dont_write_bytecode, sys.flags.safe_path)"
    seconds, printed = fresh.time_command([sys.executable, "-c", look])
    assert printed == "False False\n"
    assert seconds > 0
