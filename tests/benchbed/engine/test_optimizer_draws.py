"""Optimizers that draw random numbers of their own: the same draws in any batch, engine and form."""

from typing import NamedTuple

import numpy as np
import pytest
import torch

from benchbed.engine.run import seeds_of_a_tile
from benchbed.engine.sampling import Instances
from benchbed.engine.tile import Tile
from benchbed.interfaces import Optimizer
from benchbed.seeds import DRAW_BLOCK
from benchbed.testing import check_optimizer
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic

STEPS = 40
BOWL = Quadratic(eigenvalues=(1.0, 3.0), start=2.0)


class Nothing(NamedTuple):
    """A state without tensors."""


def normal(generator, steps, dimension):
    return torch.randn(steps, dimension, generator=generator, dtype=torch.float64)


def langevin(learning_rate: float = 0.01, temperature: float = 1e-4):
    """SGD with normal noise of variance 2 · learning rate · temperature."""

    def update(oracle, state, theta):
        noise = (2 * learning_rate * temperature) ** 0.5 * oracle.draw
        return theta - learning_rate * oracle.gradient + noise, state

    return Optimizer(init=lambda theta: Nothing(), update=update, make_draws=normal)


def per_trial_langevin(learning_rate: float = 0.01, temperature: float = 1e-4):
    return langevin(learning_rate, temperature)._replace(per_trial=True)


def stateful_langevin(learning_rate: float = 0.01, temperature: float = 1e-4):
    return langevin(learning_rate, temperature)._replace(stateful=True)


def clipped_langevin(learning_rate: float = 0.01, temperature: float = 1e-4):
    """The same rule behind an oracle that changes no gradient."""
    inner = langevin(learning_rate, temperature)
    return inner._replace(update=lambda oracle, *rest: inner.update(oracle.map(lambda g: g), *rest))


def loop(batch, seed, setting, steps):
    """Return the last iterate of a plain loop with the draws of the seed's own generators."""
    theta = Instances(batch.problem, [batch.seeds[seed]]).start[0]
    rate, temperature = (batch.hyperparameters[name][setting] for name in ("learning_rate", "temperature"))
    for step in range(steps):
        block, offset = divmod(step, DRAW_BLOCK)
        if offset == 0:
            generator_seed = batch.seeds[seed].generator_seed("optimizer", block)
            noise = normal(torch.Generator().manual_seed(generator_seed), DRAW_BLOCK, len(theta))
        gradient = torch.tensor(batch.problem.eigenvalues, dtype=torch.float64) * theta
        theta = theta - rate * gradient + (2 * rate * temperature) ** 0.5 * noise[offset]
    return theta.numpy()


@pytest.mark.parametrize("factory", [langevin, per_trial_langevin, stateful_langevin, clipped_langevin])
def test_every_form_of_the_rule_takes_the_path_of_a_plain_loop(make_batch, run, factory):
    """Each seed has its own draws, which its settings share; 1e-12: the sums have another order."""
    settings = {"learning_rate": [0.01, 0.2], "temperature": [1e-4, 0.3]}
    arguments = {"seeds": 3, "targets": (), "budget": STEPS, **settings}
    record = run(BOWL, factory, **arguments)
    batch = make_batch(BOWL, factory, **arguments)
    for seed in range(3):
        for setting in range(2):
            expected = loop(batch, seed, setting, STEPS)
            np.testing.assert_allclose(record.final_theta[seed, setting], expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("factory", [langevin, per_trial_langevin, clipped_langevin])
def test_compiled_steps_take_the_same_path_beyond_a_block_of_draws(make_batch, run, no_inductor, factory):
    """The draws cross from one block of 1000 steps to the next."""
    steps = DRAW_BLOCK + 50
    arguments = {"seeds": 2, "targets": (), "budget": steps, "learning_rate": [0.1], "temperature": [0.3]}
    record = run(BOWL, factory, engine="compiled", **arguments)
    assert record.engine[0, 0] == "compiled", record.engine_reason[0, 0]
    batch = make_batch(BOWL, langevin, **arguments)
    for seed in range(2):
        np.testing.assert_allclose(record.final_theta[seed, 0], loop(batch, seed, 0, steps), rtol=1e-9)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_a_seed_has_the_same_draws_alone_as_in_a_batch(run, monkeypatch, engine, no_inductor):
    """Also if the batch is cut into tiles."""
    arguments = {"targets": (), "budget": STEPS, "engine": engine, "temperature": [0.3, 0.3]}
    arguments["learning_rate"] = [0.1, 0.2]
    together = run(BOWL, langevin, seeds=3, **arguments)
    alone = run(BOWL, langevin, seeds=[2], **arguments)
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    tiled = run(BOWL, langevin, seeds=3, **arguments)
    np.testing.assert_array_equal(together.final_theta[2:], alone.final_theta)
    np.testing.assert_array_equal(together.final_theta, tiled.final_theta)


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_langevin_dynamics_has_the_stationary_variance_of_theory(run, engine, no_inductor):
    """θ ← (1 − ηc) θ + √(2ηT) v has the variance 2ηT/(1 − (1 − ηc)²) = T/(c (1 − ηc/2)).

    The mean of 2000 squared normal numbers differs from it by less than 4 standard deviations of √(2/2000).
    """
    rate, temperature = 0.5, 0.3
    record = run(
        Quadratic(eigenvalues=(1.0,), start=0.0), langevin, seeds=2000, targets=(), budget=60, engine=engine,
        learning_rate=[rate], temperature=[temperature],
    )  # fmt: skip
    variance = float(np.mean(record.final_theta**2))
    assert variance == pytest.approx(temperature / (1 - rate / 2), rel=4 * (2 / 2000) ** 0.5)


def test_draws_of_the_optimizer_differ_from_those_of_problem_and_gradient(make_batch):
    """Equal seeds of two purposes would correlate noise that should be independent."""
    seed = make_batch(BOWL).seeds[0]
    purposes = ("start", "data", "draws", "gradient", "optimizer")
    assert len({seed.generator_seed(purpose) for purpose in purposes}) == len(purposes)


def test_a_rule_without_make_draws_cannot_read_draws(run):
    """The trial fails with the remedy."""

    def greedy(learning_rate: float = 0.1):
        return sgd(learning_rate)._replace(update=lambda oracle, state, theta: (theta + oracle.draw, state))

    record = run(BOWL, greedy, learning_rate=[0.1])
    assert record.status[0, 0] == "failed"
    assert "Optimizer(make_draws=" in record.error


def test_the_conformance_checks_hand_over_a_draw():
    """A rule with declared draws conforms in each form."""
    for factory in (langevin, per_trial_langevin, stateful_langevin):
        check_optimizer(factory)


def test_draws_are_part_of_the_memory_of_a_tile(make_batch, monkeypatch):
    """Seeds whose draws do not fit run in another tile."""

    batch = make_batch(BOWL, langevin, learning_rate=[0.1], temperature=[0.1])
    dimension = batch.problem.layout.dimension
    monkeypatch.setattr("benchbed.engine.run.DRAW_BYTES", 3 * DRAW_BLOCK * 8 * dimension)
    assert seeds_of_a_tile(batch) == 3
    assert Tile(batch, Instances(batch.problem, batch.seeds)).draws(0, 2).optimizer.shape == (
        2,
        1,
        1,
        dimension,
    )
