"""Comparison with benchopt on `quadratic`: 4 optimizers × 5 rates, as whole commands and by the steps alone.

`benchopt run` gets a copy of benchmarks/benchopt_quadratic, so that nothing is cached between rounds, and evaluates at
benchbed's checkpoints. Its hot loop is the time that it records, without evaluations; that of benchbed is the time of
its steps with the chosen engine. As commands both run with their defaults and write tables and plots. "benchopt" uses
torch.optim and autograd; "benchopt-numpy" uses NumPy with manual gradients, which is less work.

For many seeds the times of benchopt are scaled: recorded times in proportion, commands by the time of each further
trial between one seed and the measured ones.
"""

import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from peers_benchbed import PROBLEMS, run_optimizer
from peers_fresh import time_command
from peers_hot import AGREE_THETA, DisagreementError
from peers_records import COMMAND, HOT, SCALED, Case, Record, Seconds, compare

from benchbed_optimizers.adam import adam
from benchbed_optimizers.momentum import momentum
from benchbed_optimizers.rmsprop import rmsprop
from benchbed_optimizers.sgd import sgd

FOLDER = Path(__file__).parent / "benchopt_quadratic"
RULES = {"sgd": sgd, "momentum": momentum, "rmsprop": rmsprop, "adam": adam}
RATES = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2]
SOLVERS = {"benchopt": "torch", "benchopt-numpy": "numpy"}
"""Name of the solver of each peer."""
FILES = {"torch": "torch_optim.py", "numpy": "numpy_by_hand.py"}
REPEATS = 5
PER_SEED = len(RULES) * len(RATES)


class BenchoptSizes(NamedTuple):
    """Numbers of steps and seeds."""

    steps: int = 1_000
    seeds: int = 3
    """Seeds with which benchopt is measured."""
    many: int = 150
    """Seeds to which its times are scaled."""


class BenchoptRun(NamedTuple):
    """Times and final points of `benchopt run`."""

    seconds: float
    step_seconds: float
    theta: dict[tuple[str, float, int], np.ndarray]
    """Final point of each optimizer, rate and seed, `[dimension]`."""


def compare_benchopt(
    peers: Sequence[str], sizes: BenchoptSizes, rounds: int, threads: int, engine: str
) -> list[Record]:
    """Run benchbed and the peers alternately, and compare their final points in every round."""
    times: dict[tuple[str, str, int], list[float]] = {}
    for seeds in (sizes.seeds, sizes.many):
        _seconds_of_steps(seeds, sizes.steps, engine)  # compiles
    for _ in range(rounds):
        round_times: dict[tuple[str, str, int], float] = {}
        for seeds in (sizes.seeds, sizes.many):
            round_times["benchbed", HOT, seeds] = _seconds_of_steps(seeds, sizes.steps, engine)
            round_times["benchbed", COMMAND, seeds] = _command(seeds, sizes.steps, threads)
        for peer in peers:
            runs = {seeds: run_benchopt(peer, seeds, sizes.steps, threads) for seeds in (1, sizes.seeds)}
            check_ends(runs[sizes.seeds].theta, sizes, engine)
            round_times.update(_times(peer, runs, sizes))
        for key, seconds in round_times.items():
            times.setdefault(key, []).append(seconds)
    return _records(times, sizes)


def _times(
    peer: str, runs: Mapping[int, BenchoptRun], sizes: BenchoptSizes
) -> dict[tuple[str, str, int], float]:
    single, several = runs[1], runs[sizes.seeds]
    # the start-up time of benchopt does not depend on the number of trials
    each = (several.seconds - single.seconds) / max(sizes.seeds - 1, 1)
    return {
        (peer, HOT, sizes.seeds): several.step_seconds,
        (peer, COMMAND, sizes.seeds): several.seconds,
        (peer, HOT, sizes.many): several.step_seconds * sizes.many / sizes.seeds,
        (peer, COMMAND, sizes.many): several.seconds + each * (sizes.many - sizes.seeds),
    }


def _records(times: Mapping[tuple[str, str, int], list[float]], sizes: BenchoptSizes) -> list[Record]:
    records = []
    for (peer, measure, seeds), seconds in times.items():
        if peer == "benchbed":
            continue
        case = Case("quadratic", seeds * PER_SEED, sizes.steps)
        work = case.trials * case.steps
        name = peer + (SCALED if seeds == sizes.many else "")
        ours = Seconds(times["benchbed", measure, seeds], work)
        records.append(compare(case, name, measure, ours, Seconds(seconds, work)))
    return records


def run_benchopt(peer: str, seeds: int, steps: int, threads: int) -> BenchoptRun:
    """Run the benchmark with the solver of `peer`, without the other solver files, which benchopt would import."""
    solver = SOLVERS[peer]
    unused_files = [file for name, file in FILES.items() if name != solver]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "quadratic"
        shutil.copytree(
            FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", "outputs", *unused_files)
        )
        command = [
            *(sys.executable, "-m", "benchopt", "run", str(folder)),
            *("-o", f"quadratic[steps={steps}]", "-d", f"simulated[seed={list(range(seeds))}]", "-s", solver),
            *("--max-runs", str(steps), "--n-repetitions", "1", "--n-jobs", str(threads), "--timeout", "10h"),
            *("--no-cache", "--no-display", "--seed", "0", "--output", "ends"),
        ]
        seconds, _ = time_command(command)
        return BenchoptRun(
            seconds, *_ends(pd.read_parquet(folder / "outputs" / "ends.parquet"), seeds, steps)
        )


def _ends(
    curves: pd.DataFrame, seeds: int, steps: int
) -> tuple[float, dict[tuple[str, float, int], np.ndarray]]:
    """Return the recorded seconds of all trials, and their final points."""
    last = curves[curves["stop_val"] == steps]
    if len(last) != seeds * PER_SEED:
        raise RuntimeError(f"benchopt ended {len(last)} of {seeds * PER_SEED} trials after {steps} steps")
    names = ["p_solver_optimizer", "p_solver_learning_rate", "p_dataset_seed"]
    theta = last[["objective_theta_0", "objective_theta_1"]].to_numpy()
    keys = last[names].itertuples(index=False, name=None)
    return float(last["time"].sum()), dict(zip(keys, theta, strict=True))


def check_ends(theta: Mapping[tuple[str, float, int], np.ndarray], sizes: BenchoptSizes, engine: str) -> None:
    """Raise DisagreementError unless benchbed's trials reach the same final points."""
    for name, factory in RULES.items():
        ours = run_optimizer(
            "quadratic", PROBLEMS["quadratic"], factory, RATES, sizes.seeds, sizes.steps, engine
        ).theta
        for seed in range(sizes.seeds):
            for index, rate in enumerate(RATES):
                difference = np.abs(ours[seed, index] - theta[name, rate, seed]).max()
                if not difference <= AGREE_THETA:
                    raise DisagreementError(
                        f"quadratic: {name} at {rate} on seed {seed} differs by {difference:.1e} between benchbed "
                        f"and benchopt, more than {AGREE_THETA:.0e}; they do not run the same trials"
                    )


def _seconds_of_steps(seeds: int, steps: int, engine: str) -> float:
    """Return the median of several runs, because single runs take milliseconds and vary."""
    problem = PROBLEMS["quadratic"]

    def total_seconds() -> float:
        runs = [
            run_optimizer("quadratic", problem, factory, RATES, seeds, steps, engine)
            for factory in RULES.values()
        ]
        return sum(run.step_seconds for run in runs)

    return statistics.median(total_seconds() for _ in range(REPEATS))


def _command(seeds: int, steps: int, threads: int) -> float:
    """Time `benchbed run` on the same trials with an empty cache."""
    with tempfile.TemporaryDirectory() as scratch:
        optimizers = [
            argument for name in RULES for argument in ("-o", f"{name}[learning_rate={json.dumps(RATES)}]")
        ]
        command = [
            *(sys.executable, "-m", "benchbed", "run", "-p", "quadratic", *optimizers),
            *("--preset", "full", "--track", "default", "--steps", str(steps), "--seeds", str(seeds)),
            *("--device", "cpu", "--jobs", str(threads), "--output", f"{scratch}/study", "--format", "csv"),
        ]
        return time_command(command, Path(scratch) / "caches")[0]
