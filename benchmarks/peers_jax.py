"""JAX and optax: `jit(vmap(vmap(scan)))` over seeds and settings, one compiled function for all steps of all trials.

`python benchmarks/peers_jax.py TRIALS.npz` runs trials in a separate process, which imports neither torch nor benchbed,
and prints the seconds of the call with compilation.

This is the fastest of several forms on a CPU. Slower or equal were: steps unrolled in the scan (4, 16), mini-batches
gathered before the scan, θ of the network as one vector, units before samples. So the scan runs over noise and indices
of mini-batches, one for each seed and shared by its settings; samples are gathered inside; the network's parameters
are a list of arrays. The start is donated, and the dtype is that of the arrays.
"""

import json
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from peers_trials import INSTANCE_DATA, Trials, load

WIDTHS = (10, 32, 32, 1)
Loss = Callable[[Any, dict[str, Any], Any], Any]


def quadratic(theta, data, draw):
    """½ Σ λᵢ θᵢ²."""
    return 0.5 * jnp.sum(data["eigenvalues"] * theta**2)


def weighted_quartic(theta, data, draw):
    """Σ wᵢ (θᵢ⁴ − 3θᵢ² + θᵢ) + noise · θ."""
    return jnp.sum(data["weights"] * (theta**4 - 3 * theta**2 + theta)) + jnp.dot(draw, theta)


def runge(theta, data, draw):
    """½ mean (Xθ − y)²."""
    return 0.5 * jnp.mean((data["design"] @ theta - data["y"]) ** 2)


def polynomial_network(theta, data, draw):
    """½ mean (network(x) − y)² on a mini-batch."""
    values = data["x"][draw]
    *hidden, (weight, bias) = theta
    for inner_weight, inner_bias in hidden:
        values = jax.nn.gelu(values @ inner_weight.T + inner_bias, approximate=True)
    return 0.5 * jnp.mean((values @ weight.T + bias - data["y"][draw]) ** 2)


LOSSES: dict[str, Loss] = {
    "quadratic": quadratic,
    "weighted-quartic": weighted_quartic,
    "runge": runge,
    "polynomial-network": polynomial_network,
}


class JaxSide:
    """The compiled function of some trials, with its arguments on JAX's device."""

    def __init__(self, trials: Trials) -> None:
        self.trials = trials
        self._double = trials.start.dtype == np.float64
        with jax.enable_x64(self._double):
            self._arguments = jax.device_put((trials.rates, trials.data, trials.draws))
            self._run = _program(trials)

    def run(self) -> tuple[float, np.ndarray]:
        """Return the seconds of all steps, and the final points `[seeds, settings, dimension]`."""
        with jax.enable_x64(self._double):
            lanes = np.repeat(self.trials.start[:, None], len(self.trials.rates), axis=1)
            start = jax.block_until_ready(jax.device_put(_split(lanes, self.trials.problem)))
            begun = time.perf_counter()
            end = jax.block_until_ready(self._run(start, *self._arguments))
            seconds = time.perf_counter() - begun
        return seconds, _join(end, self.trials.lanes)


def _program(trials: Trials):
    gradient = jax.grad(LOSSES[trials.problem])

    def run(start, rate, data, draws):
        adam = optax.adam(rate)

        def step(carry, draw):
            theta, state = carry
            updates, state = adam.update(gradient(theta, data, draw), state)
            return (optax.apply_updates(theta, updates), state), None

        (theta, _), _ = lax.scan(step, (start, adam.init(start)), draws, length=trials.steps)
        return theta

    over_settings = jax.vmap(run, in_axes=(0, 0, None, None))
    data_axis = 0 if trials.problem in INSTANCE_DATA else None
    draws_axis = None if trials.draws is None else 1
    return jax.jit(jax.vmap(over_settings, in_axes=(0, None, data_axis, draws_axis)), donate_argnums=0)


def _split(theta: np.ndarray, problem: str):
    """Return weights and biases of the network, layer by layer; θ unchanged for other problems."""
    if problem != "polynomial-network":
        return theta
    layers, at = [], 0
    for inputs, outputs in pairwise(WIDTHS):
        weight = theta[..., at : at + inputs * outputs].reshape(*theta.shape[:-1], outputs, inputs)
        at += inputs * outputs
        layers.append((weight, theta[..., at : at + outputs]))
        at += outputs
    return layers


def _join(tree, lanes: tuple[int, int]) -> np.ndarray:
    return np.concatenate([np.asarray(leaf).reshape(*lanes, -1) for leaf in jax.tree.leaves(tree)], axis=-1)


def main() -> None:
    """Run the trials of the command line."""
    seconds, _ = JaxSide(load(Path(sys.argv[1]))).run()
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
