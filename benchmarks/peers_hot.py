"""Compare in one process, round by round: the steps alone, and a whole batch with what benchbed measures."""

import importlib.util
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import peers_benchbed
import peers_torch
from peers_records import BATCH, HOT, Case, Record, Seconds, compare
from peers_trials import Trials

LOOP_TRIALS, LOOP_STEPS = 4, 250
"""What a loop runs at most: its time is linear in both."""
AGREE_STEPS, AGREE_TRIALS = 100, 100
"""Steps after which rounding has not yet parted anyone, and the trials that are compared."""
AGREE_THETA = 1e-8
"""Between ends in float64, in which every problem is compared; they were found to differ by some 1e-15."""
AGREE_LOSS = 1e-4
"""Between objectives in float32, relative: a step rounds at 6e-8 and Adam divides by gradients that are as small;
1e-5 was found, and a trial with another draw, rate or start is off by far more."""
LEAST_SECONDS = 0.1
"""What a side is timed for at least in a round, by repeating it."""
MOST_REPEATS = 50

Side = Callable[[], Mapping[str, float]]
"""Run once, and give seconds by measure, the first of them that of the steps."""


class DisagreementError(Exception):
    """Two sides did not do the same."""


def compare_hot(case: Case, peers: Sequence[str], rounds: int, engine: str) -> list[Record]:
    """Time the steps of every side, alternately; benchbed's batch as a whole is compared with the same peers' steps."""
    trials = peers_benchbed.make_trials(*case)
    loop_trials, loop_steps = min(LOOP_TRIALS, case.trials), min(LOOP_STEPS, case.steps)
    sides: dict[str, Side] = {"benchbed": lambda: _ours(case, engine)}
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


def _ours(case: Case, engine: str) -> dict[str, float]:
    ran = peers_benchbed.run(*case, engine)
    return {HOT: ran.step_seconds, BATCH: ran.seconds}


def _jax_side(trials: Trials):
    from peers_jax import JaxSide

    return JaxSide(trials)


def alternate(
    sides: Mapping[str, Side], rounds: int, least_seconds: float = LEAST_SECONDS
) -> dict[str, dict[str, list[float]]]:
    """Run each side in turn, every second round backwards, after a round that warms up; give means of the repeats."""
    repeats = {}
    for name, side in sides.items():
        seconds = _first(side())  # the first compiles, and what it took tells little unless it is much
        if seconds < 10 * least_seconds:
            seconds = _first(side())
        repeats[name] = min(MOST_REPEATS, max(1, math.ceil(least_seconds / max(seconds, 1e-9))))
    found: dict[str, dict[str, list[float]]] = {name: {} for name in sides}
    for number in range(rounds):
        for name in list(sides)[:: -1 if number % 2 else 1]:
            runs = [sides[name]() for _ in range(repeats[name])]
            for measure in runs[0]:
                mean = sum(run[measure] for run in runs) / len(runs)
                found[name].setdefault(measure, []).append(mean)
    return found


def _first(seconds: Mapping[str, float]) -> float:
    return next(iter(seconds.values()))


def check_agreement(problem: str, trials: int, steps: int, peers: Sequence[str], engine: str) -> None:
    """Raise DisagreementError unless every side ends where benchbed does: θ in float64, the objective in float32."""
    count, steps = min(trials, AGREE_TRIALS), min(steps, AGREE_STEPS)
    for dtype in dict.fromkeys(("float64", peers_benchbed.PROBLEMS[problem].dtype)):
        arrays = peers_benchbed.make_trials(problem, count, steps, dtype)
        ours = peers_benchbed.run(problem, count, steps, engine, dtype).theta
        for peer in peers:
            theirs = _ends(peer, arrays, steps).reshape(ours.shape)
            difference, allowed = _difference(problem, dtype, ours, theirs)
            if not difference <= allowed:
                raise DisagreementError(
                    f"{problem}: after {steps} steps in {dtype}, {peer} and benchbed differ by {difference:.1e}, "
                    f"more than {allowed:.0e}; they do not run the same trials"
                )


def _ends(peer: str, arrays: Trials, steps: int) -> np.ndarray:
    return peers_torch.run(arrays, arrays.count, steps)[1] if peer == "torch" else _jax_side(arrays).run()[1]


def _difference(problem: str, dtype: str, ours: np.ndarray, theirs: np.ndarray) -> tuple[float, float]:
    if dtype == "float64":
        return float(np.abs(theirs - ours).max()), AGREE_THETA
    values = [peers_benchbed.objectives(problem, theta) for theta in (ours, theirs)]
    return float(np.abs(values[1] / values[0] - 1).max()), AGREE_LOSS


def is_installed(peer: str) -> bool:
    """Tell whether what a peer needs is there."""
    needed = {"torch": ("torch",), "jax": ("jax", "optax")}.get(peer, ("benchopt",))
    return all(importlib.util.find_spec(name) is not None for name in needed)
