"""Time of a step of every built-in optimizer, beside the same rule in JAX and optax.

`python -m pip install -c constraints.txt -r benchmarks/requirements.txt`, then `python benchmarks/optimizer_costs.py
[--optimizers …] [--problems quadratic digits-mlp] [--rounds 3] [--threads 1]`. The hot loop of 1 000 trials of
`quadratic` and of 100 trials of `digits-mlp` is timed, alternating with `jit(vmap(scan))` where optax has the rule,
with the defaults of benchbed, for about two seconds of steps. "same" says whether both end at the same points after
100 steps in float64. The exit status is 1 if a rule takes longer than that of optax.
"""

import argparse
import functools
import inspect
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import optax
import peers_benchbed
import torch
from cores import keep_to
from peers_hot import AGREE_THETA, alternate
from peers_jax import JaxSide, Rule
from peers_trials import lanes_of, rates_of

import benchbed_optimizers
from benchbed.interfaces import OptimizerFactory

TRIALS = {"quadratic": 1_000, "digits-mlp": 100}
STEPS = (20, 500_000)
"""Fewest and most steps of a timed run."""
SECONDS = 2.0
"""Time of the steps of a run: factorizations of matrices take a thousand times as long as a step of sgd."""
PILOT_STEPS = 10
AGREE_STEPS = 100
HEADERS = ("optimizer", "problem", "benchbed µs", "optax µs", "ratio", "same")
OPTAX: dict[str, Rule] = {
    "sgd": optax.sgd,
    "momentum": lambda rate: optax.sgd((1 - 0.9) * rate, momentum=0.9),
    "nesterov": lambda rate: optax.sgd((1 - 0.9) * rate, momentum=0.9, nesterov=True),
    "rmsprop": lambda rate: optax.rmsprop(rate, decay=0.9, eps=1e-8, eps_in_sqrt=False),
    "adam": optax.adam,
    "adamw": lambda rate: optax.adamw(rate, weight_decay=1e-2),
    "signsgd": optax.sign_sgd,
    "lion": lambda rate: optax.lion(rate, weight_decay=0.0),
    "rprop": optax.rprop,
    "adagrad": lambda rate: optax.adagrad(rate, initial_accumulator_value=0.0, eps=1e-10),
    "amsgrad": optax.amsgrad,
    "nadam": optax.nadam,
    "radam": optax.radam,
    "adabelief": lambda rate: optax.adabelief(rate, eps=1e-8, eps_root=0.0),
    "adan": lambda rate: optax.adan(rate, weight_decay=0.0),
    "adopt": optax.contrib.adopt,
    "ademamix": optax.contrib.ademamix,
    "muon": optax.contrib.muon,
    "lamb": optax.lamb,
    "lars": optax.lars,
    "adafactor": optax.adafactor,
    "prodigy": optax.contrib.prodigy,
    "schedule-free-sgd": optax.contrib.schedule_free_sgd,
    "schedule-free-adamw": optax.contrib.schedule_free_adamw,
}


class Cost(NamedTuple):
    """Medians over the rounds, in µs a trial-step."""

    optimizer: str
    problem: str
    benchbed_us: float | str
    """The reason if the step cannot be compiled."""
    optax_us: float | None
    ratio: float | None
    """Time of benchbed relative to optax: the median of the ratios of the rounds."""
    is_same: bool | None
    """Whether the final points agree."""


def built_in() -> dict[str, OptimizerFactory]:
    """Return the built-in optimizers by name."""
    factories: list[OptimizerFactory] = []
    benchbed_optimizers.register_optimizers(lambda factory, *_, **__: factories.append(factory))
    return {factory.__name__.replace("_", "-"): factory for factory in factories}


def cost_of(name: str, factory: OptimizerFactory, problem: str, rounds: int) -> Cost:
    """Time an optimizer on a problem."""
    trials = TRIALS[problem]
    provided = {"layout": peers_benchbed.PROBLEMS[problem].layout, "budget": STEPS[1]}
    needed = {key: value for key, value in provided.items() if key in inspect.signature(factory).parameters}
    factory = functools.partial(factory, **needed)
    seeds, settings = lanes_of(trials)
    rates = rates_of(settings).tolist()

    def run(steps: int, dtype: str | None = None) -> peers_benchbed.TimedRun:
        return peers_benchbed.run_optimizer(
            problem, peers_benchbed.PROBLEMS[problem], factory, rates, seeds, steps, "compiled", dtype
        )

    try:
        run(PILOT_STEPS)  # compiles
        pilot = run(PILOT_STEPS).step_seconds
    except RuntimeError as error:  # the message is the reason of the fallback to the eager engine
        return Cost(name, problem, str(error).partition(": ")[2][:60], None, None, None)
    steps = int(np.clip(PILOT_STEPS * SECONDS / pilot, *STEPS))
    sides: dict[str, Callable[[], dict[str, float]]] = {"benchbed": lambda: {"hot": run(steps).step_seconds}}
    if name in OPTAX:
        side = JaxSide(peers_benchbed.make_trials(problem, trials, steps), OPTAX[name])
        sides["optax"] = lambda: {"hot": side.run()[0]}
    seconds = {each: measured["hot"] for each, measured in alternate(sides, rounds).items()}
    microseconds = {each: 1e6 * statistics.median(s) / (trials * steps) for each, s in seconds.items()}
    if "optax" not in seconds:
        return Cost(name, problem, microseconds["benchbed"], None, None, None)
    ratio = statistics.median(a / b for a, b in zip(seconds["benchbed"], seconds["optax"], strict=True))
    ours = run(AGREE_STEPS, "float64").theta
    theirs = JaxSide(peers_benchbed.make_trials(problem, trials, AGREE_STEPS, "float64"), OPTAX[name]).run()[
        1
    ]
    is_same = bool(np.abs(theirs.reshape(ours.shape) - ours).max() <= AGREE_THETA)
    return Cost(name, problem, microseconds["benchbed"], microseconds["optax"], ratio, is_same)


def has_rate(factory: OptimizerFactory) -> bool:
    """Return whether the shared learning rates apply."""
    return "learning_rate" in inspect.signature(factory).parameters


def costs(names: Sequence[str], problems: Sequence[str], rounds: int) -> Iterator[Cost]:
    """Time the optimizers, except `gd`, whose gradients are those of all samples."""
    for name, factory in built_in().items():
        if name != "gd" and has_rate(factory) and (not names or name in names):
            for problem in problems:
                yield cost_of(name, factory, problem, rounds)


def line(cells: Sequence[Any]) -> str:
    """Format a row of the table, whose columns have fixed widths: a row is printed before the next one is known."""

    def text(cell: Any) -> str:
        if isinstance(cell, bool):
            return "yes" if cell else "no"
        return "" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell)

    widths = (max(map(len, built_in())), max(map(len, TRIALS)), *map(len, HEADERS[2:]))
    return "  ".join(f"{text(cell):<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, each row when it has been measured."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--optimizers", nargs="+", choices=tuple(built_in()), default=(), metavar="NAME")
    parser.add_argument("--problems", nargs="+", choices=tuple(TRIALS), default=tuple(TRIALS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="cores and threads")
    options = parser.parse_args(arguments)
    keep_to(options.threads)
    load = os.getloadavg()[0]
    print(line(HEADERS), flush=True)
    is_slower = False
    for cost in costs(options.optimizers, options.problems, options.rounds):
        print(line(cost), flush=True)
        is_slower |= cost.ratio is not None and cost.ratio > 1
    print(
        f"ratio: time of benchbed / time of optax; torch {torch.__version__}, threads: {options.threads}, rounds: "
        f"{options.rounds}; load {load:.1f} before, {os.getloadavg()[0]:.1f} after"
    )
    sys.exit(int(is_slower))


if __name__ == "__main__":
    main()
