"""A compiled program makes the same steps as the loop, whatever the rule and the problem."""

import inspect
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from benchbed.catalog import load_catalog
from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

CATALOG = load_catalog([], os.environ)
STEPS = 100
"""Later, lanes that do not converge part: rounding grows along their paths."""


class Averages(NamedTuple):
    """The mean of θ so far and the steps it is of."""

    mean: Tensor
    steps: Tensor


def averaged(learning_rate: float = 1e-2):
    """Measure the mean of all iterates."""

    def update(oracle, state, theta):
        moved = theta - learning_rate * oracle.gradient
        steps = state.steps + 1
        return moved, Averages(state.mean + (moved - state.mean) / steps, steps)

    return Optimizer(
        init=lambda theta: Averages(theta.clone(), torch.ones_like(theta[..., :1])),
        update=update,
        answer=lambda state, theta: state.mean,
    )


def sharpness_aware(learning_rate: float = 1e-2):
    """Ask twice a step, through a wrapper that clips."""

    def update(oracle, state, theta):
        clipped = oracle.map(lambda gradient: gradient.clamp(-1, 1))
        _, gradient = clipped.at(theta + 0.05 * clipped.gradient)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def careful(learning_rate: float = 1e-2):
    """Ask a second time where the loss is high: the lanes make different numbers of calls."""

    def update(oracle, state, theta):
        high = oracle.loss > 0.1
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, high)
        return theta - learning_rate * torch.where(high.unsqueeze(-1), ahead, oracle.gradient), state

    return Optimizer(init=lambda theta: (), update=update)


def cosine_alone(learning_rate: float = 1e-2):
    """Follow a schedule, written for one trial."""

    def update(oracle, state, theta):
        rate = learning_rate * 0.5 * (1 + torch.cos(torch.pi * oracle.progress))
        return theta - rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update, per_trial=True)


def defaults_of(factory):
    """Give three settings about a factory's defaults, one number each by name."""
    values = {name: parameter.default for name, parameter in inspect.signature(factory).parameters.items()}
    return {name: [value * (1, 0.8, 1.2)[k] if name == "learning_rate" else value for k in range(3)]
            for name, value in values.items()}  # fmt: skip


@pytest.fixture
def both(run):
    """Give a function that runs a batch by the loop and by a compiled program."""

    def twice(problem, factory, **more):
        fields = {"seeds": 2, "budget": STEPS, "targets": (), **defaults_of(factory), **more}
        return tuple(run(problem, factory, engine=engine, **fields) for engine in ("eager", "compiled"))

    return twice


def assert_same(loop, compiled):
    """The programs were what they should be, and did the same to 1e-10."""
    assert [set(each.engine.flat) for each in (loop, compiled)] == [{"eager"}, {"compiled"}]
    assert set(compiled.engine_reason.flat) == {"asked for"}
    for name in ("status", "calls", "steps", "calls_to_target", "curve_calls"):
        np.testing.assert_array_equal(getattr(loop, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective", "gradient_norm"):
        one, other = getattr(loop, name), getattr(compiled, name)
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10, err_msg=name)


@pytest.mark.parametrize("optimizer", ["gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_every_optimizer_is_the_same_compiled(both, optimizer):
    """On a deterministic problem; lanes differ in their learning rate."""
    assert_same(*both(Quadratic(), CATALOG.optimizer(optimizer).thing))


@pytest.mark.parametrize(
    "problem", [Quartic(gradient_noise=0.1), WeightedQuartic(), Runge(), PolynomialNetwork(samples=256, batch_size=32)],
    ids=lambda problem: type(problem).__name__,
)  # fmt: skip
def test_every_problem_is_the_same_compiled(both, problem):
    """With noise, with data of each instance's own, with mini-batches."""
    assert_same(*both(problem, adam))


def test_full_gradients_of_a_network_are_the_same_compiled(both):
    """The samples come from outside of the loop, and are transposed within."""
    assert_same(*both(PolynomialNetwork(samples=64, batch_size=32), CATALOG.optimizer("gd").thing))


@pytest.mark.parametrize(
    "factory", [averaged, sharpness_aware, careful, cosine_alone], ids=lambda rule: rule.__name__
)
def test_harder_rules_are_the_same_compiled(both, factory):
    """An answer of its own, several calls a step, calls of some lanes only, a schedule for one trial under vmap."""
    assert_same(*both(Runge(), factory))


def test_lanes_that_end_early_are_the_same_compiled(both, valleys):
    """Some diverge, some reach their targets, some are dropped on the way."""
    rates = [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]
    loop, compiled = both(valleys, sgd, seeds=4, targets=(10.0, 1.0), budget=60, learning_rate=rates)
    assert set(np.unique(loop.status.astype(str))) == {"diverged", "exhausted", "solved"}
    assert_same(loop, compiled)


def test_one_program_serves_every_number_of_lanes_and_steps(run):
    """What is compiled again for each batch would cost more than it saves."""

    def programs():
        return counters["stats"]["unique_graphs"]

    before = programs()
    settings = {"engine": "compiled", "targets": (), "budget": 50}
    run(Runge(features=4), sgd, seeds=3, learning_rate=[1e-3, 1e-2], **settings)
    assert programs() == before + 1
    record = run(Runge(features=4), sgd, seeds=2, learning_rate=[1e-3] * 5, **settings)
    assert (programs(), set(record.engine.flat)) == (before + 1, {"compiled"})


def test_one_program_serves_every_block_of_draws(run):
    """The first step's draws lie inside of a block, and those after a thousand steps at its beginning."""
    before = counters["stats"]["unique_graphs"]
    run(Quartic(), sgd, seeds=3, learning_rate=[1e-3, 1e-2], engine="compiled", targets=(), budget=2_100)
    assert counters["stats"]["unique_graphs"] == before + 1


def test_a_plugin_that_raises_late_says_so_as_ever(run, formula):
    """The program cannot be made, so the loop shows what is wrong, and where."""

    class Count(NamedTuple):
        steps: Tensor

    def late(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            if (state.steps >= 5).any():
                raise ArithmeticError("out of luck")
            return theta - learning_rate * oracle.gradient, Count(state.steps + 1)

        return Optimizer(init=lambda theta: Count(torch.zeros_like(theta[..., 0])), update=update)

    half_square = formula(lambda theta: 0.5 * theta.square().sum(-1))
    record = run(half_square, late, engine="compiled", targets=(), budget=20, learning_rate=[0.1])
    assert (record.status[0, 0], record.calls[0, 0], record.engine[0, 0]) == ("failed", 5, "eager")
    assert "out of luck" in record.error
    assert "made one by one, as it could not be compiled: " in record.engine_reason[0, 0]


class Counted(NamedTuple):
    """A state with a number that is no tensor."""

    momentum: Tensor
    steps: int


def counting(learning_rate: float = 1e-2):
    """Keep the step count as a Python number: a program would take it for a constant."""

    def update(oracle, state, theta):
        steps = state.steps + 1
        return theta - learning_rate / steps * oracle.gradient, Counted(state.momentum, steps)

    return Optimizer(init=lambda theta: Counted(torch.zeros_like(theta), 0), update=update)


def test_a_number_in_a_state_is_not_taken_for_a_constant(both):
    """Such a rule runs step by step, and says why."""
    loop, compiled = both(Quadratic(), counting)
    np.testing.assert_array_equal(loop.final_theta, compiled.final_theta)
    assert set(compiled.engine.flat) == {"eager"}
    assert "the state holds 1, which is no tensor" in compiled.engine_reason[0, 0]


@dataclass(frozen=True)
class Power(Problem):
    """Minimize Σ |θ|^(2k) for one trial at a time."""

    k: int = 1
    per_trial = True
    layout = Layout({"theta": (2,)})

    def make_start(self, generator):
        return torch.rand(2, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return (theta.square() ** self.k).sum()

    def optimum(self, data):
        return torch.tensor(0.0, dtype=torch.float64)


def test_what_a_process_compiled_before_changes_nothing(both):
    """A parameter that differed between two pairings is no variable of the second's program."""
    for k in (1, 2, 3):
        assert_same(*both(Power(k), sgd))


def test_every_tile_says_how_its_own_steps_were_made(run, monkeypatch):
    """One tile diverges in its first step, the other runs on: both as was asked for."""
    monkeypatch.setattr("benchbed.engine.run.CACHE_BYTES", 1)
    record = run(Quadratic(), sgd, engine="compiled", targets=(), budget=30, learning_rate=[1e200, 1e-3])
    assert record.steps.tolist() == [[1, 30]]
    assert record.engine.tolist() == [["compiled", "compiled"]]
