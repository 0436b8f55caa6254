"""Compare with benchopt on `quadratic`: 4 optimizers × 5 rates, from the command line and by the steps alone.

`benchopt run` gets a copy of benchmarks/benchopt_quadratic, so that nothing is kept between rounds, and evaluates at
the checkpoints at which benchbed does. Its hot loop is the time that it records itself, evaluations excluded;
benchbed's is that of its steps, made by the engine asked for. On the command line both run with their defaults, and
write their tables and plots. benchopt ("benchopt") steps by torch.optim and autograd; "benchopt-numpy" steps in NumPy,
its gradients by hand, without torch, and so has less to do.

For many seeds benchopt's times are scaled: those recorded in proportion, those from the command line by what each
further trial was found to take between one seed and the measured ones.
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
from peers_benchbed import PROBLEMS, run_rule
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
"""The solver that stands for each peer."""
FILES = {"torch": "torch_optim.py", "numpy": "numpy_by_hand.py"}
REPEATS = 5
PER_SEED = len(RULES) * len(RATES)


class Sizes(NamedTuple):
    """How much is run."""

    steps: int = 1_000
    seeds: int = 3
    """Seeds at which benchopt is measured."""
    many: int = 150
    """Seeds to which its times are scaled."""


class Run(NamedTuple):
    """What `benchopt run` took and gave."""

    seconds: float
    step_seconds: float
    theta: dict[tuple[str, float, int], np.ndarray]
    """The end of each optimizer, rate and seed, `[dimension]`."""


def compare_benchopt(
    peers: Sequence[str], sizes: Sizes, rounds: int, threads: int, engine: str
) -> list[Record]:
    """Run both sides alternately, and compare their ends in every round."""
    found: dict[tuple[str, str, int], list[float]] = {}
    for seeds in (sizes.seeds, sizes.many):
        _seconds_of_steps(seeds, sizes.steps, engine)  # compiles
    for _ in range(rounds):
        one_round: dict[tuple[str, str, int], float] = {}
        for seeds in (sizes.seeds, sizes.many):
            one_round["benchbed", HOT, seeds] = _seconds_of_steps(seeds, sizes.steps, engine)
            one_round["benchbed", COMMAND, seeds] = _command(seeds, sizes.steps, threads)
        for peer in peers:
            runs = {seeds: run_benchopt(peer, seeds, sizes.steps, threads) for seeds in (1, sizes.seeds)}
            check_ends(runs[sizes.seeds].theta, sizes, engine)
            one_round.update(_times(peer, runs, sizes))
        for key, seconds in one_round.items():
            found.setdefault(key, []).append(seconds)
    return _records(found, sizes)


def _times(peer: str, runs: Mapping[int, Run], sizes: Sizes) -> dict[tuple[str, str, int], float]:
    few, most = runs[1], runs[sizes.seeds]
    # what benchopt takes to start is paid once however many the trials are
    each = (most.seconds - few.seconds) / max(sizes.seeds - 1, 1)
    return {
        (peer, HOT, sizes.seeds): most.step_seconds,
        (peer, COMMAND, sizes.seeds): most.seconds,
        (peer, HOT, sizes.many): most.step_seconds * sizes.many / sizes.seeds,
        (peer, COMMAND, sizes.many): most.seconds + each * (sizes.many - sizes.seeds),
    }


def _records(found: Mapping[tuple[str, str, int], list[float]], sizes: Sizes) -> list[Record]:
    records = []
    for (peer, measure, seeds), seconds in found.items():
        if peer == "benchbed":
            continue
        case = Case("quadratic", seeds * PER_SEED, sizes.steps)
        work = case.trials * case.steps
        name = peer + (SCALED if seeds == sizes.many else "")
        ours = Seconds(found["benchbed", measure, seeds], work)
        records.append(compare(case, name, measure, ours, Seconds(seconds, work)))
    return records


def run_benchopt(peer: str, seeds: int, steps: int, threads: int) -> Run:
    """Run the benchmark by the solver that stands for `peer`, without the others, which would be imported."""
    solver = SOLVERS[peer]
    others = [file for name, file in FILES.items() if name != solver]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "quadratic"
        shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", "outputs", *others))
        command = [
            *(sys.executable, "-m", "benchopt", "run", str(folder)),
            *("-o", f"quadratic[steps={steps}]", "-d", f"simulated[seed={list(range(seeds))}]", "-s", solver),
            *("--max-runs", str(steps), "--n-repetitions", "1", "--n-jobs", str(threads), "--timeout", "10h"),
            *("--no-cache", "--no-display", "--seed", "0", "--output", "ends"),
        ]
        seconds, _ = time_command(command)
        return Run(seconds, *_ends(pd.read_parquet(folder / "outputs" / "ends.parquet"), seeds, steps))


def _ends(
    curves: pd.DataFrame, seeds: int, steps: int
) -> tuple[float, dict[tuple[str, float, int], np.ndarray]]:
    """Give the recorded seconds of all trials, and where they end."""
    last = curves[curves["stop_val"] == steps]
    if len(last) != seeds * PER_SEED:
        raise RuntimeError(f"benchopt ended {len(last)} of {seeds * PER_SEED} trials after {steps} steps")
    names = ["p_solver_optimizer", "p_solver_learning_rate", "p_dataset_seed"]
    theta = last[["objective_theta_0", "objective_theta_1"]].to_numpy()
    keys = last[names].itertuples(index=False, name=None)
    return float(last["time"].sum()), dict(zip(keys, theta, strict=True))


def check_ends(theta: Mapping[tuple[str, float, int], np.ndarray], sizes: Sizes, engine: str) -> None:
    """Raise DisagreementError unless benchbed's trials end in the same places."""
    for name, factory in RULES.items():
        ours = run_rule(
            "quadratic", PROBLEMS["quadratic"], factory, RATES, sizes.seeds, sizes.steps, engine
        ).theta
        for seed in range(sizes.seeds):
            for place, rate in enumerate(RATES):
                difference = np.abs(ours[seed, place] - theta[name, rate, seed]).max()
                if not difference <= AGREE_THETA:
                    raise DisagreementError(
                        f"quadratic: {name} at {rate} on seed {seed} ends {difference:.1e} from where benchopt does, "
                        f"more than {AGREE_THETA:.0e}; they do not run the same trials"
                    )


def _seconds_of_steps(seeds: int, steps: int, engine: str) -> float:
    """Give the median of several runs: they take milliseconds, in which one sees what ran before."""
    problem = PROBLEMS["quadratic"]

    def once() -> float:
        runs = [
            run_rule("quadratic", problem, factory, RATES, seeds, steps, engine) for factory in RULES.values()
        ]
        return sum(ran.step_seconds for ran in runs)

    return statistics.median(once() for _ in range(REPEATS))


def _command(seeds: int, steps: int, threads: int) -> float:
    """Time `benchbed run`, which is to make the same trials, with nothing cached."""
    with tempfile.TemporaryDirectory() as scratch:
        optimizers = [part for name in RULES for part in ("-o", f"{name}[learning_rate={json.dumps(RATES)}]")]
        command = [
            *(sys.executable, "-m", "benchbed", "run", "-p", "quadratic", *optimizers),
            *("--preset", "full", "--track", "default", "--steps", str(steps), "--seeds", str(seeds)),
            *("--device", "cpu", "--jobs", str(threads), "--output", f"{scratch}/study", "--format", "csv"),
        ]
        return time_command(command, Path(scratch) / "caches")[0]
