"""Comparison in one process: the steps alone, and the whole batch of benchbed with its measurements."""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import peers_benchbed
import peers_torch
from peers_records import BATCH, HOT, Case, Record, Seconds, compare
from peers_trials import Trials

LOOP_TRIALS, LOOP_STEPS = 4, 250
"""Limits of the loop, whose time is linear in both."""
AGREE_TRIALS = 100
"""Largest number of trials that are compared."""
AGREE_STEPS = {"float64": 100, "float32": 20}
"""Largest numbers of steps that are compared; rounding in float32 reaches 9e-3 on `digits-cnn` after 100 steps."""
AGREE_THETA = 1e-8
"""Allowed difference of final points in float64; the observed one is about 1e-15."""
AGREE_LOSS, AGREE_LOSS_OF = 1e-4, {"digits-cnn": 4e-4}
"""Allowed relative difference of objectives in float32, with exceptions by problem.

A step rounds at 6e-8 and Adam divides by small gradients; the observed difference is at most 7e-6, and 7e-5 on
`digits-cnn`. That of another draw, rate or start is far larger.
"""
LEAST_SECONDS = 0.1
"""Least total time of a side in a round; shorter runs are repeated."""
MAX_REPEATS = 50

Side = Callable[[], Mapping[str, float]]
"""A run that returns seconds by measure; the first measure is that of the steps."""


class DisagreementError(Exception):
    """Two tools did not compute the same trials."""


def compare_hot(case: Case, peers: Sequence[str], rounds: int, engine: str) -> list[Record]:
    """Time the steps of all tools alternately; benchbed's whole batch is compared with the steps of the peers too."""
    trials = peers_benchbed.make_trials(*case)
    loop_trials, loop_steps = min(LOOP_TRIALS, case.trials), min(LOOP_STEPS, case.steps)
    sides: dict[str, Side] = {"benchbed": lambda: _run_benchbed(case, engine)}
    work = {"benchbed": case.trials * case.steps}
    if "torch" in peers:
        sides["torch"] = lambda: {HOT: peers_torch.run(trials, loop_trials, loop_steps)[0]}
        work["torch"] = loop_trials * loop_steps
    if "jax" in peers:
        side = _jax_side(trials)
        sides["jax"] = lambda: {HOT: side.run()[0]}
        work["jax"] = case.trials * case.steps
    seconds = alternate(sides, rounds)
    return [
        compare(
            case,
            peer,
            measure,
            Seconds(seconds["benchbed"][measure], work["benchbed"]),
            Seconds(seconds[peer][HOT], work[peer]),
        )
        for peer in sides
        if peer != "benchbed"
        for measure in (HOT, BATCH)
    ]


def _run_benchbed(case: Case, engine: str) -> dict[str, float]:
    run = peers_benchbed.run(*case, engine)
    return {HOT: run.step_seconds, BATCH: run.seconds}


def _jax_side(trials: Trials):
    from peers_jax import JaxSide

    return JaxSide(trials)


def alternate(
    sides: Mapping[str, Side], rounds: int, least_seconds: float = LEAST_SECONDS
) -> dict[str, dict[str, list[float]]]:
    """Run the sides in turn, every second round backwards, after a warm-up; return the mean of the repeats."""
    repeats = {}
    for name, side in sides.items():
        seconds = _first(side())  # the first run compiles, so its time is used only if it is long
        if seconds < 10 * least_seconds:
            seconds = _first(side())
        repeats[name] = min(MAX_REPEATS, max(1, math.ceil(least_seconds / max(seconds, 1e-9))))
    means: dict[str, dict[str, list[float]]] = {name: {} for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            runs = [sides[name]() for _ in range(repeats[name])]
            for measure in runs[0]:
                mean = sum(run[measure] for run in runs) / len(runs)
                means[name].setdefault(measure, []).append(mean)
    return means


def _first(seconds: Mapping[str, float]) -> float:
    return next(iter(seconds.values()))


def check_agreement(problem: str, trials: int, steps: int, peers: Sequence[str], engine: str) -> None:
    """Raise DisagreementError unless all tools agree with benchbed: θ in float64, the objective in float32."""
    count = min(trials, AGREE_TRIALS)
    for dtype in dict.fromkeys(("float64", peers_benchbed.PROBLEMS[problem].dtype)):
        compared_steps = min(steps, AGREE_STEPS[dtype])
        arrays = peers_benchbed.make_trials(problem, count, compared_steps, dtype)
        ours = peers_benchbed.run(problem, count, compared_steps, engine, dtype).theta
        for peer in peers:
            theirs = _final_points(peer, arrays, compared_steps).reshape(ours.shape)
            difference, allowed = _difference(problem, dtype, ours, theirs)
            if not difference <= allowed:
                raise DisagreementError(
                    f"{problem}: after {compared_steps} steps in {dtype}, {peer} and benchbed differ by "
                    f"{difference:.1e}, more than {allowed:.0e}; they do not run the same trials"
                )


def _final_points(peer: str, arrays: Trials, steps: int) -> np.ndarray:
    return peers_torch.run(arrays, arrays.count, steps)[1] if peer == "torch" else _jax_side(arrays).run()[1]


def _difference(problem: str, dtype: str, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    if dtype == "float64":
        return float(np.abs(theirs - ours).max()), AGREE_THETA
    values = [peers_benchbed.objectives(problem, theta) for theta in (ours, theirs)]
    return float(np.abs(values[1] / values[0] - 1).max()), AGREE_LOSS_OF.get(problem, AGREE_LOSS)


def is_installed(peer: str) -> bool:
    """Return whether the requirements of a peer are installed."""
    requirements = {"torch": ("torch",), "jax": ("jax", "optax")}.get(peer, ("benchopt",))
    return all(importlib.util.find_spec(name) is not None for name in requirements)
