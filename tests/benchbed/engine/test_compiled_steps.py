"""A program of lanes makes the same steps as the loop, whatever the rule and the problem."""

import inspect
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.catalog import load_catalog
from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic

pytestmark = pytest.mark.usefixtures("no_scan")
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


def in_place(learning_rate: float = 1e-2):
    """Count whole steps, and change a copy of the state in place."""

    def update(oracle, state, theta):
        mean, count = state
        mean = mean.clone().mul_(0.9).add_(oracle.gradient, alpha=0.1)
        mean[..., 0] += 1e-3
        return theta - learning_rate * mean / (1 - 0.9 ** (count + 1)), Averages(mean, count + 1)

    return Optimizer(
        init=lambda theta: Averages(
            torch.zeros_like(theta), torch.zeros_like(theta[..., :1], dtype=torch.int64)
        ),
        update=update,
    )


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


def assert_same(loop, compiled, tolerance=1e-10):
    """The programs were what they should be, and did the same but for rounding."""
    assert [set(each.engine.flat) for each in (loop, compiled)] == [{"eager"}, {"compiled"}], (
        compiled.engine_reason
    )
    assert set(compiled.engine_reason.flat) == {"requested"}
    for name in ("status", "calls", "steps", "calls_to_target", "curve_calls"):
        np.testing.assert_array_equal(getattr(loop, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective", "gradient_norm"):
        one, other = getattr(loop, name), getattr(compiled, name)
        np.testing.assert_allclose(other, one, rtol=tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("optimizer", ["gd", "sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"])
def test_every_optimizer_is_the_same_compiled(both, optimizer):
    """On a deterministic problem; lanes differ in their learning rate."""
    assert_same(*both(Quadratic(), CATALOG.optimizer(optimizer).implementation))


PROBLEMS = {
    "noise": Quartic(gradient_noise=0.1), "weights": WeightedQuartic(), "polynomial": Runge(),
    "regression": LinearRegression(),
    "rotated": Quadratic(eigenvalues=(1.0, 3.0, 10.0), rotated=True, gradient_noise=0.1), "power": Power(2),
}  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_every_small_problem_is_the_same_compiled(both, problem):
    """With noise, with data of each instance's own, for one trial at a time."""
    assert_same(*both(problem, adam))


@pytest.mark.parametrize(
    "factory", [averaged, sharpness_aware, careful, cosine_alone, in_place], ids=lambda rule: rule.__name__
)
def test_harder_rules_are_the_same_compiled(both, factory):
    """An answer of its own, several calls, calls of some lanes, a schedule for one trial under vmap, a whole number."""
    assert_same(*both(Runge(), factory))


def test_lanes_that_end_early_are_the_same_compiled(both, valleys):
    """Some diverge, some reach their targets, some are dropped on the way."""
    rates = [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]
    loop, compiled = both(valleys, sgd, seeds=4, targets=(10.0, 1.0), budget=60, learning_rate=rates)
    assert set(np.unique(loop.status.astype(str))) == {"diverged", "exhausted", "solved"}
    assert_same(loop, compiled)


def test_lanes_that_converge_are_the_same_compiled(both):
    """Each stops where its own gradient is small."""
    loop, compiled = both(
        Quadratic(), sgd, seeds=1, tolerance=1e-3, budget=3_000, learning_rate=[1e-5, 1e-3, 1e-2]
    )
    assert set(np.unique(loop.status.astype(str))) == {"converged", "exhausted"}
    assert_same(loop, compiled)


def test_single_precision_is_the_same_compiled(both):
    """Twice as many lanes a register; single numbers part sooner."""
    settings = {"seeds": 3, "budget": 20, "dtype": "float32"}
    assert_same(*both(Quartic(gradient_noise=0.1), adam, **settings), tolerance=1e-5)
    assert_same(*both(LinearRegression(), in_place, **settings), tolerance=1e-5)


def test_draws_come_in_blocks(both):
    """Of a thousand steps each; one program serves all of them, and the steps in between."""
    assert_same(
        *both(Quartic(start=0.5, gradient_noise=0.1), sgd, seeds=3, budget=2_100, learning_rate=[1e-3, 1e-2])
    )


def test_what_a_process_compiled_before_changes_nothing(both):
    """A parameter that differed between two pairings is no variable of the second's program."""
    for k in (1, 2, 3):
        assert_same(*both(Power(k), sgd))


def test_every_tile_says_how_its_own_steps_were_made(run, monkeypatch):
    """One tile diverges in its first step, the other runs on: both as was asked for."""
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    record = run(Quadratic(), sgd, engine="compiled", targets=(), budget=30, learning_rate=[1e200, 1e-3])
    assert record.steps.tolist() == [[1, 30]]
    assert record.engine.tolist() == [["compiled", "compiled"]]
