"""A loop over `torch.optim.Adam`, trial after trial, without measurements.

`python benchmarks/peers_torch.py TRIALS.npz COUNT STEPS` runs some of the trials in a separate process and prints the
seconds of the loop, whose time is linear in both numbers.
"""

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from peers_networks import NETWORKS
from peers_trials import INSTANCE_DATA, Trials, load
from torch import Tensor, nn

from benchbed.interfaces import ModuleProblem


class LoopTask(NamedTuple):
    """Parameters, and the loss on the draw of a step."""

    parameters: list[nn.Parameter]
    loss: Callable[[Tensor | None], Tensor]


Data = dict[str, Tensor]


def quadratic(start: Tensor, data: Data) -> LoopTask:
    """½ Σ λᵢ θᵢ²."""
    theta = nn.Parameter(start)
    return LoopTask([theta], lambda draw: 0.5 * (data["eigenvalues"] * theta.square()).sum())


def weighted_quartic(start: Tensor, data: Data) -> LoopTask:
    """Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ) + noise · θ."""
    theta = nn.Parameter(start)
    weights = data["weights"]

    def loss(noise: Tensor) -> Tensor:
        return (weights * (theta**4 - 3 * theta**2 + theta)).sum() + noise @ theta

    return LoopTask([theta], loss)


def runge(start: Tensor, data: Data) -> LoopTask:
    """½ mean (Xθ − y)²."""
    theta = nn.Parameter(start)
    design, y = data["design"], data["y"]
    return LoopTask([theta], lambda draw: 0.5 * nn.functional.mse_loss(design @ theta, y))


def polynomial_network(start: Tensor, data: Data) -> LoopTask:
    """½ mean (network(x) − y)² on a mini-batch, with a network of torch.nn modules."""
    network = nn.Sequential(
        nn.Linear(10, 32), nn.GELU("tanh"), nn.Linear(32, 32), nn.GELU("tanh"), nn.Linear(32, 1)
    ).to(start.dtype)
    nn.utils.vector_to_parameters(start, network.parameters())
    x, y = data["x"], data["y"]
    return LoopTask(
        list(network.parameters()), lambda draw: 0.5 * nn.functional.mse_loss(network(x[draw]), y[draw])
    )


def network_on_data(problem: ModuleProblem, start: Tensor, data: Data) -> LoopTask:
    """The loss of a network on a mini-batch."""
    network, x, y = problem.make_network().to(start.dtype), data["x"], data["y"]
    nn.utils.vector_to_parameters(start, network.parameters())
    return LoopTask(list(network.parameters()), lambda draw: problem.loss_of(network(x[draw]), y[draw]))


TASKS: dict[str, Callable[[Tensor, Data], LoopTask]] = {
    "quadratic": quadratic,
    "weighted-quartic": weighted_quartic,
    "runge": runge,
    "polynomial-network": polynomial_network,
    **{name: partial(network_on_data, problem) for name, problem in NETWORKS.items()},
}


def run(trials: Trials, count: int, steps: int) -> tuple[float, np.ndarray]:
    """Run the first `steps` of `count` trials; return the seconds of the loop and the points `[count, dimension]`."""
    lanes = lanes_of(trials, count)
    tasks = [task_of(trials, seed, setting) for seed, setting in lanes]
    draws = [_draws_of(trials, seed, steps) for seed, _ in lanes]
    seconds = 0.0
    for task, rate, trial_draws in zip(tasks, [trials.rates[at] for _, at in lanes], draws, strict=True):
        begun = time.perf_counter()
        optimizer = torch.optim.Adam(task.parameters, lr=float(rate))
        for draw in trial_draws:
            optimizer.zero_grad()
            task.loss(draw).backward()
            optimizer.step()
        seconds += time.perf_counter() - begun
    ends = [nn.utils.parameters_to_vector(task.parameters).detach().numpy() for task in tasks]
    return seconds, np.stack(ends)


def lanes_of(trials: Trials, count: int) -> list[tuple[int, int]]:
    """List seed and setting of `count` trials, evenly spaced among all."""
    indices = np.linspace(0, trials.count - 1, count).round().astype(int)
    return [divmod(int(index), len(trials.rates)) for index in indices]


def task_of(trials: Trials, seed: int, setting: int) -> LoopTask:
    """Build a trial at its start."""
    is_per_seed = trials.problem in INSTANCE_DATA
    data = {
        name: torch.from_numpy(values[seed] if is_per_seed else values)
        for name, values in trials.data.items()
    }
    return TASKS[trials.problem](torch.from_numpy(trials.start[seed]).clone(), data)


def _draws_of(trials: Trials, seed: int, steps: int) -> list[Tensor | None]:
    if trials.draws is None:
        return [None] * steps
    return list(torch.from_numpy(trials.draws[:steps, seed]).unbind())


def main() -> None:
    """Run the trials of the command line."""
    path, count, steps = sys.argv[1:]
    trials = load(Path(path))
    run(trials, 1, 1)  # torch loads modules at the first step
    seconds, _ = run(trials, int(count), int(steps))
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
