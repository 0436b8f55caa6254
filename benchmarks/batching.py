"""Speed-up by batching: µs a trial-step of benchbed's engines compared with plain torch.optim loops.

`python benchmarks/batching.py [--format json]`. The loop and both engines of benchbed run alternately in one process on
one thread, so that a shared machine slows them equally; the output is medians over the rounds with their range. The
loops measure nothing, so the ratio is that of the steps alone; the time with instances, checkpoints and final
measurements is shown as well. The warm-up round compiles the step; its time is shown too.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from benchbed.engine import Batch, run_batch
from benchbed.engine.sampling import Instances
from benchbed.gradients import reverse
from benchbed.interfaces import Problem
from benchbed.seeds import InstanceSeed
from benchbed_optimizers.adam import adam
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic


class Comparison(NamedTuple):
    """A pairing and its loop, which runs fewer trials and steps, because its time is linear in both."""

    name: str
    problem: Problem
    rates: tuple[float, ...]
    seeds: int
    steps: int
    loop: Callable[[Problem, int, int], float]
    loop_trials: int
    loop_steps: int
    target: float

    @property
    def trials(self) -> int:
        """Number of trials in the batch."""
        return len(self.rates) * self.seeds


def seconds_of_batch(comparison: Comparison, engine: str) -> tuple[float, float]:
    """Time a batch: the steps alone, and everything from the instances to the record, with checkpoints."""
    batch = Batch(
        problem=comparison.problem,
        factory=adam,
        statics={},
        hyperparameters={"learning_rate": comparison.rates},
        settings=len(comparison.rates),
        seeds=[InstanceSeed(0, comparison.name, "evaluation", seed) for seed in range(comparison.seeds)],
        budget=comparison.steps,
        targets=(),  # no trial stops early
        scale=1.0,
        gradient=reverse,
        metrics={},
        dtype=comparison.problem.dtype,
        device="cpu",
        engine=engine,
    )
    begun = time.perf_counter()
    record = run_batch(batch)
    seconds = time.perf_counter() - begun
    if not (record.engine == engine).all():
        raise RuntimeError(f"{comparison.name}: {record.engine_reason[0, 0]}; install a C++ compiler")
    steps = int(record.steps.sum())
    if steps != comparison.trials * comparison.steps:
        raise RuntimeError(f"{comparison.name}: only {steps} steps ran; choose rates that do not diverge")
    return float(record.step_seconds.sum()), seconds


def quadratic_loop(problem: Problem, trials: int, steps: int) -> float:
    """Time `torch.optim.Adam` on the quadratic, trial after trial, without measurements."""
    instances = _instances(problem, trials)
    eigenvalues = instances.data.eigenvalues
    begun = time.perf_counter()
    for start in instances.start:
        theta = nn.Parameter(start.clone())
        optimizer = torch.optim.Adam([theta], lr=1e-3)
        for _ in range(steps):
            optimizer.zero_grad()
            loss = 0.5 * (eigenvalues * theta.square()).sum()
            loss.backward()
            optimizer.step()
    return time.perf_counter() - begun


def network_loop(problem: Problem, trials: int, steps: int) -> float:
    """Time `torch.optim.Adam` on a network of torch.nn modules, trial after trial, without measurements."""
    instances = _instances(problem, trials)
    x, y = instances.data.x, instances.data.y
    draws = [[instances.draws.at(step)[trial, 0] for step in range(steps)] for trial in range(trials)]
    begun = time.perf_counter()
    for trial in range(trials):
        network = _modules(instances.start[trial])
        optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
        for draw in draws[trial]:
            optimizer.zero_grad()
            loss = 0.5 * nn.functional.mse_loss(network(x[draw]), y[draw])
            loss.backward()
            optimizer.step()
    return time.perf_counter() - begun


def _modules(start: Tensor) -> nn.Sequential:
    network = nn.Sequential(
        nn.Linear(10, 32), nn.GELU("tanh"), nn.Linear(32, 32), nn.GELU("tanh"), nn.Linear(32, 1)
    )
    nn.utils.vector_to_parameters(start, network.parameters())
    return network


def _instances(problem: Problem, trials: int) -> Instances:
    seeds = [InstanceSeed(0, "loop", "evaluation", seed) for seed in range(trials)]
    return Instances(problem, seeds, torch.device("cpu"), getattr(torch, problem.dtype))


COMPARISONS = (
    Comparison(
        name="adam on quadratic, 1000 learning rates × 20 seeds",
        problem=Quadratic(),
        rates=tuple(10 ** (-6 + 4 * index / 999) for index in range(1000)),
        seeds=20,
        steps=300,
        loop=quadratic_loop,
        loop_trials=6,
        loop_steps=300,
        target=500,
    ),
    Comparison(
        name="adam on polynomial-network[samples=4096], 5 learning rates × 20 seeds",
        problem=PolynomialNetwork(samples=4096),
        rates=(1e-5, 1e-4, 3e-4, 1e-3, 3e-3),
        seeds=20,
        steps=1_000,
        loop=network_loop,
        loop_trials=2,
        loop_steps=1_000,
        target=12,
    ),
)


ENGINES = ("eager", "compiled")


def measure(comparison: Comparison, rounds: int) -> dict[str, object]:
    """Time the loop and the engines alternately after a warm-up round; return medians, ranges and ratios."""
    loop: list[float] = []
    steps: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    batches: dict[str, list[float]] = {engine: [] for engine in ENGINES}
    trial_steps = comparison.trials * comparison.steps
    for _ in range(rounds + 1):
        seconds = comparison.loop(comparison.problem, comparison.loop_trials, comparison.loop_steps)
        loop.append(1e6 * seconds / (comparison.loop_trials * comparison.loop_steps))
        for engine in ENGINES:
            step_seconds, batch_seconds = seconds_of_batch(comparison, engine)
            steps[engine].append(1e6 * step_seconds / trial_steps)
            batches[engine].append(1e6 * batch_seconds / trial_steps)
    return {
        "name": comparison.name,
        "trials": comparison.trials,
        "steps": comparison.steps,
        "loop_trials": comparison.loop_trials,
        "loop_steps": comparison.loop_steps,
        "rounds": rounds,
        "target": comparison.target,
        "loop_us_per_trial_step": _median_and_range(loop[1:]),
        "engines": {
            engine: {
                "us_per_trial_step": _median_and_range(steps[engine][1:]),
                "us_per_trial_step_with_checkpoints": _median_and_range(batches[engine][1:]),
                "ratio": _median_and_range(
                    [slow / fast for slow, fast in zip(loop[1:], steps[engine][1:], strict=True)]
                ),
                "first_round_seconds": batches[engine][0] * trial_steps / 1e6,
            }
            for engine in ENGINES
        },
    }


def _median_and_range(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def show(result: dict[str, Any]) -> None:
    """Print one comparison as text."""
    print(f"{result['name']}: {result['trials']} trials × {result['steps']} steps, {result['rounds']} rounds")
    _line("torch.optim loop", result["loop_us_per_trial_step"], 1, "µs a trial-step")
    for engine, figures in result["engines"].items():
        _line(f"{engine} steps", figures["us_per_trial_step"], 3, "µs a trial-step")
        _line("… with the rest", figures["us_per_trial_step_with_checkpoints"], 3, "µs a trial-step")
        _line(f"loop / {engine}", figures["ratio"], 1, f"(target {result['target']:.0f})")
    seconds = result["engines"]["compiled"]["first_round_seconds"]
    print(f"  The first compiled batch, with compilation, took {seconds:.1f} s.")
    print(
        f"  The loop ran {result['loop_trials']} trials of {result['loop_steps']} steps; its time is linear in both."
    )


def _line(name: str, values: dict[str, float], digits: int, unit: str) -> None:
    low, middle, high = (f"{values[name]:.{digits}f}" for name in ("lowest", "median", "highest"))
    print(f"  {name:<18} {middle:>9} {unit}, {low} to {high}")


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--format", choices=("text", "json"), default="text")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1, help="threads of the loop and the engines")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    load = os.getloadavg()
    results = [measure(comparison, arguments.rounds) for comparison in COMPARISONS]
    if arguments.format == "json":
        facts = {
            "torch": torch.__version__,
            "threads": arguments.threads,
            "load_before": load,
            "load_after": os.getloadavg(),
        }
        print(json.dumps({**facts, "comparisons": results}, indent=2))
        return
    for result in results:
        show(result)
    print(
        f"torch {torch.__version__}, threads: {arguments.threads}; "
        f"load {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after"
    )


if __name__ == "__main__":
    main()
