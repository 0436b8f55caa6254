"""JAX and optax: `jit(vmap(vmap(scan)))` over seeds and settings, one compiled function for all steps of all trials.

`python benchmarks/peers_jax.py TRIALS.npz` runs trials in a separate process, which imports neither torch nor benchbed,
and prints the seconds of the call with compilation.

This is the fastest of several forms on a CPU. Slower or equal were: steps unrolled in the scan (4, 16), mini-batches
gathered before the scan, θ of the network as one vector, units before samples. So the scan runs over noise and indices
of mini-batches, one for each seed and shared by its settings; samples are gathered inside; the network's parameters
are arrays by name. The start is donated, and the dtype is that of the arrays.
"""

import json
import math
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from peers_jax_networks import NETWORKS
from peers_trials import INSTANCE_DATA, Trials, load

Loss = Callable[[Any, dict[str, Any], Any], Any]
Rule = Callable[[Any], optax.GradientTransformation]
"""A function from a learning rate to an optimizer."""


def quadratic(theta, data, draw):
    """½ Σ λᵢ θᵢ²."""
    return 0.5 * jnp.sum(data["eigenvalues"] * theta**2)


def weighted_quartic(theta, data, draw):
    """Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ) + noise · θ."""
    return jnp.sum(data["weights"] * (theta**4 - 3 * theta**2 + theta)) + jnp.dot(draw, theta)


def runge(theta, data, draw):
    """½ mean (Xθ − y)²."""
    return 0.5 * jnp.mean((data["design"] @ theta - data["y"]) ** 2)


LOSSES: dict[str, Loss] = {
    "quadratic": quadratic,
    "weighted-quartic": weighted_quartic,
    "runge": runge,
    **NETWORKS,
}


class JaxSide:
    """The compiled function of some trials, with its arguments on JAX's device."""

    def __init__(self, trials: Trials, rule: Rule = optax.adam) -> None:
        self.trials = trials
        self._double = trials.start.dtype == np.float64
        with jax.enable_x64(self._double):
            self._arguments = jax.device_put((trials.rates, trials.data, trials.draws))
            self._run = _program(trials, rule)

    def run(self) -> tuple[float, np.ndarray]:
        """Return the seconds of all steps, and the final points `[seeds, settings, dimension]`."""
        with jax.enable_x64(self._double):
            lanes = np.repeat(self.trials.start[:, None], len(self.trials.rates), axis=1)
            start = jax.block_until_ready(jax.device_put(_split(lanes, self.trials.blocks)))
            begun = time.perf_counter()
            end = jax.block_until_ready(self._run(start, *self._arguments))
            seconds = time.perf_counter() - begun
        return seconds, _join(end, self.trials)


def _program(trials: Trials, rule: Rule):
    gradient = jax.grad(LOSSES[trials.problem])

    def run(start, rate, data, draws):
        optimizer = rule(rate)

        def step(carry, draw):
            theta, state = carry
            updates, state = optimizer.update(gradient(theta, data, draw), state, theta)
            return (optax.apply_updates(theta, updates), state), None

        (theta, _), _ = lax.scan(step, (start, optimizer.init(start)), draws, length=trials.steps)
        return theta

    over_settings = jax.vmap(run, in_axes=(0, 0, None, None))
    data_axis = 0 if trials.problem in INSTANCE_DATA else None
    draws_axis = None if trials.draws is None else 1
    return jax.jit(jax.vmap(over_settings, in_axes=(0, None, data_axis, draws_axis)), donate_argnums=0)


def _split(theta: np.ndarray, blocks: dict[str, tuple[int, ...]]):
    """Return the blocks of θ by name; θ unchanged if there is only one."""
    if len(blocks) == 1:
        return theta
    ends = np.cumsum([math.prod(shape) for shape in blocks.values()])[:-1]
    parts = zip(blocks.items(), np.split(theta, ends, axis=-1), strict=True)
    return {name: part.reshape(*theta.shape[:-1], *shape) for (name, shape), part in parts}


def _join(tree, trials: Trials) -> np.ndarray:
    leaves = [tree] if len(trials.blocks) == 1 else [tree[name] for name in trials.blocks]
    return np.concatenate([np.asarray(leaf).reshape(*trials.lanes, -1) for leaf in leaves], axis=-1)


def main() -> None:
    """Run the trials of the command line."""
    seconds, _ = JaxSide(load(Path(sys.argv[1]))).run()
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
