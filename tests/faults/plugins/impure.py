"""Rules, losses and starts that depend on more than their arguments, beside the same rules written well."""

import random
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Layout, Optimizer, Problem

calls = 0


class NoState(NamedTuple):
    pass


class Steps(NamedTuple):
    count: Tensor


@dataclass(frozen=True)
class Parabola(Problem):
    """Minimize ½ |θ|² from (2, 1)."""

    layout = Layout({"point": (2,)})

    def make_start(self, generator):
        return torch.tensor([2.0, 1.0], dtype=torch.float64)

    def objective(self, theta, data):
        return 0.5 * theta.square().sum(-1)

    def optimum(self, data):
        return torch.tensor(0.0, dtype=torch.float64)


@dataclass(frozen=True)
class RandomParabola(Parabola):
    """The start is drawn, as it should be."""

    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)


@dataclass(frozen=True)
class UnseededParabola(Parabola):
    def make_start(self, generator):
        return torch.from_numpy(np.random.default_rng().standard_normal(2))


@dataclass(frozen=True)
class NoisyParabola(Parabola):
    def objective(self, theta, data):
        return super().objective(theta, data) + 1e-3 * np.random.standard_normal()


@dataclass(frozen=True)
class ShuffledParabola(Parabola):
    def make_data(self, generator):
        return torch.tensor(random.sample(range(9), 9))


def rule(update, **fields):
    return Optimizer(init=lambda theta: NoState(), update=update, **fields)


def warmup(learning_rate: Hyperparameter = 0.1):
    """A tenth of the rate in the first 5 steps, counted in Python."""
    step = 0

    def update(oracle, state, theta):
        nonlocal step
        step += 1
        return theta - (learning_rate if step > 5 else 0.1 * learning_rate) * oracle.gradient, state

    return rule(update)


def packed_warmup(learning_rate: Hyperparameter = 0.1):
    """The same rule with its count in a buffer."""
    step = bytearray(1)

    def update(oracle, state, theta):
        step[0] += 1
        return theta - (learning_rate if step[0] > 5 else 0.1 * learning_rate) * oracle.gradient, state

    return rule(update)


def warmup_in_state(learning_rate: Hyperparameter = 0.1):
    """The same rule with its count in the state."""

    def update(oracle, state, theta):
        count = state.count + 1
        rate = torch.where(count > 5, learning_rate, 0.1 * learning_rate)
        return theta - rate * oracle.gradient, Steps(count)

    return Optimizer(init=lambda theta: Steps(torch.zeros_like(theta[..., :1])), update=update)


def global_warmup(learning_rate: Hyperparameter = 0.1):
    """Counts the steps of all trials together."""

    def update(oracle, state, theta):
        global calls  # noqa: PLW0603
        calls += 1
        return theta - (learning_rate if calls > 5 else 0.0) * oracle.gradient, state

    return rule(update)


def shaken(learning_rate: Hyperparameter = 0.1):
    """Noise from torch's global generator."""
    return rule(lambda oracle, state, theta: (theta + learning_rate * torch.randn_like(theta), state))


def late_noise(learning_rate: Hyperparameter = 0.1):
    """Noise from the global generator that begins after some steps."""
    step = 0

    def update(oracle, state, theta):
        nonlocal step
        step += 1
        return (theta + random.random() if step > 9 else theta), state

    return rule(update)


def system_noise(learning_rate: Hyperparameter = 0.1):
    """Noise of the operating system, which has no state."""
    generator = random.SystemRandom()
    return rule(
        lambda oracle, state, theta: (theta - learning_rate * generator.random() * oracle.gradient, state)
    )


def two_faced(learning_rate: Hyperparameter = 0.1):
    """Another rule in a trace than outside, from an eighth of the budget on."""

    def update(oracle, state, theta):
        is_traced = type(theta) is not torch.Tensor
        factor = torch.where(oracle.progress > 0.125, 0.5 if is_traced else 1.0, 1.0)
        return theta - learning_rate * factor * oracle.gradient, state

    return rule(update)


def langevin(learning_rate: Hyperparameter = 0.1, temperature: Hyperparameter = 0.3):
    """Declared noise: the stationary variance is T/(1 - η/2)."""

    def update(oracle, state, theta):
        noise = (2 * learning_rate * temperature) ** 0.5 * oracle.draw
        return theta - learning_rate * oracle.gradient + noise, state

    def make_draws(generator, steps, dimension):
        return torch.randn(steps, dimension, generator=generator, dtype=torch.float64)

    return rule(update, make_draws=make_draws)


@hookimpl
def register_problems(register):
    for problem in (Parabola, RandomParabola, UnseededParabola, NoisyParabola, ShuffledParabola):
        register(problem)


@hookimpl
def register_optimizers(register):
    for optimizer in (
        warmup, packed_warmup, warmup_in_state, global_warmup, shaken, late_noise, system_noise, two_faced, langevin,
    ):  # fmt: skip
        register(optimizer)
