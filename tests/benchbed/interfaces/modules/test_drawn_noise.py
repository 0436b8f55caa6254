"""Dropout in the loss of a problem written by hand: its masks are draws, and trials equal a plain loop with them."""

import functools
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import nn
from torch.func import functional_call

from benchbed.engine.sampling import Instances
from benchbed.interfaces import Layout, Problem
from benchbed.interfaces.modules.drawn_noise import with_drawn_noise
from benchbed.interfaces.references import reference_digest
from benchbed.seeds import InstanceSeed
from benchbed.testing import check_problem
from benchbed_optimizers.gd import gd
from benchbed_optimizers.sgd import sgd

RATE, STEPS, SAMPLES = 0.2, 20, 40


def build():
    """Build the network."""
    return nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Dropout(0.3), nn.Linear(6, 3))


@functools.cache
def network():
    """Return the network whose tensors are replaced in each call."""
    return build()


@dataclass(frozen=True)
class Dropped(Problem):
    """Classify random points by mini-batches, or by all of them, with dropout."""

    batch_size: int = 8
    per_trial = True
    full_price = 5.0

    @property
    def layout(self):
        return Layout({name: tuple(block.shape) for name, block in network().named_parameters()})

    def shared_data(self):
        generator = torch.Generator().manual_seed(0)
        x = torch.randn(SAMPLES, 4, generator=generator, dtype=torch.float64)
        return x, torch.randint(3, (SAMPLES,), generator=generator)

    def make_start(self, generator):
        return nn.utils.parameters_to_vector(build().parameters()).detach().double()

    def make_draws(self, generator, steps):
        if self.batch_size == SAMPLES:
            return None
        return torch.randint(SAMPLES, (steps, self.batch_size), generator=generator)

    def mean_loss(self, theta, data, training):
        logits = functional_call(network().train(training), self.layout.views(theta), (data[0],))
        return nn.functional.cross_entropy(logits, data[1])

    def loss(self, theta, data, draw):
        return self.mean_loss(theta, data if draw is None else tuple(part[draw] for part in data), True)

    def objective(self, theta, data):
        return self.mean_loss(theta, data, False)


class Plain(Dropped):
    """The same without dropout."""

    def loss(self, theta, data, draw):
        return self.mean_loss(theta, tuple(part[draw] for part in data), False)


class Adding(Dropped):
    """Noise of other functions in the loss, and a full-batch loss that trains by it on all samples."""

    def loss(self, theta, data, draw):
        noise = torch.rand_like(theta) + torch.bernoulli(torch.full_like(theta, 0.5))
        return super().loss(theta + 1e-3 * noise, data, draw)

    def full_batch_loss(self, theta, data):
        return self.mean_loss(theta, data, True)


class Faulty(Dropped):
    """A loss that raises."""

    def loss(self, theta, data, draw):
        raise ValueError("a fault")


def plain_loop(problem, seed):
    """Train by torch.optim.SGD with the drawn masks; return the final point."""
    identity = InstanceSeed(0, "dropped", "evaluation", seed)
    instances = Instances(problem, [identity])
    trained, data = build().double(), instances.data
    nn.utils.vector_to_parameters(instances.start[0], trained.parameters())
    optimizer = torch.optim.SGD(trained.parameters(), lr=RATE)
    for step in range(STEPS):
        draw = instances.draws.at(step)
        positions = slice(None) if draw.draw is None else draw.draw[0, 0]
        (mask,) = draw.noise
        hidden = trained[1](trained[0](data[0][positions]))
        logits = trained[3](hidden * mask[0, 0] / 0.7)
        optimizer.zero_grad()
        nn.functional.cross_entropy(logits, data[1][positions]).backward()
        optimizer.step()
    return nn.utils.parameters_to_vector(trained.parameters()).detach().numpy()


@pytest.mark.parametrize(
    ("batch_size", "engine"),
    [(8, "eager"), (SAMPLES, "eager"), pytest.param(8, "compiled", marks=pytest.mark.slow)],
)
def test_trials_equal_a_plain_loop_with_the_drawn_masks(run, batch_size, engine):
    """To rounding, for mini-batches and for a problem that draws nothing but masks."""
    problem = with_drawn_noise(Dropped(batch_size))
    record = run(problem, sgd, seeds=2, budget=STEPS, learning_rate=[RATE], scale=None, engine=engine)
    assert record.error is None
    assert set(record.engine.flat) == {engine}
    for seed in range(2):
        np.testing.assert_allclose(record.final_theta[seed, 0], plain_loop(problem, seed), rtol=0, atol=1e-12)


@pytest.mark.parametrize("problem", [Dropped(), Adding()])
def test_full_gradients_are_without_noise(run, problem):
    """They are those of the objective, also of a loss in `train()` mode."""
    record = run(with_drawn_noise(problem), gd, seeds=1, budget=50, learning_rate=[RATE], scale=None)
    name = type(problem).__name__.lower()
    instances = Instances(problem, [InstanceSeed(0, name, "evaluation", 0)])
    theta = instances.start[0].requires_grad_()
    for _ in range(10):
        (gradient,) = torch.autograd.grad(problem.objective(theta, instances.data), theta)
        theta = (theta - RATE * gradient).detach().requires_grad_()
    assert record.steps[0, 0] == 10
    np.testing.assert_allclose(record.final_theta[0, 0], theta.detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("problem", [Dropped(), Dropped(SAMPLES), Adding()])
def test_such_problems_pass_the_conformance_tests(problem):
    """Gradients against differences, single trials, randomness."""
    check_problem(problem)


@pytest.mark.parametrize("problem", [Plain(), Faulty()])
def test_other_problems_stay_as_they_are(problem):
    """Those without noise, and those whose trials will raise."""
    assert with_drawn_noise(problem) is problem


def test_a_problem_with_drawn_noise_is_the_same_problem():
    """By its name, parameters and reference value; equal problems have equal ones."""
    problem, noisy = Dropped(), with_drawn_noise(Dropped())
    assert noisy == with_drawn_noise(Dropped(8)) != with_drawn_noise(Dropped(9))
    assert repr(noisy) == repr(problem)
    assert isinstance(noisy, Dropped)
    assert type(noisy).__qualname__ == "Dropped"
    assert reference_digest(noisy, noisy.shared_data()) == reference_digest(problem, problem.shared_data())
