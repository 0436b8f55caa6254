"""Compiled steps match eager steps, for many optimizers and problems."""

import functools
import inspect
import os
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.catalog.parameters import factory_arguments, hyperparameters_of
from benchbed.interfaces import Layout, Optimizer, Problem
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.beale import Beale
from benchbed_problems.linear_regression import LinearRegression
from benchbed_problems.noisy_quadratic import NoisyQuadratic
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.rosenbrock import Rosenbrock
from benchbed_problems.runge import Runge
from benchbed_problems.weighted_quartic import WeightedQuartic
from benchbed_problems.zipf_bigram import ZipfBigram

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_inductor")]
CATALOG = load_catalog([], os.environ)
STEPS = 100
"""Later, lanes that do not converge diverge from one another: rounding errors grow along their paths."""


class AverageState(NamedTuple):
    """The mean of the iterates so far, and their number."""

    mean: Tensor
    steps: Tensor


def averaged_sgd(learning_rate: float = 1e-2):
    """SGD that is measured at the mean of its iterates."""

    def update(oracle, state, theta):
        moved = theta - learning_rate * oracle.gradient
        steps = state.steps + 1
        return moved, AverageState(state.mean + (moved - state.mean) / steps, steps)

    return Optimizer(
        init=lambda theta: AverageState(theta.clone(), torch.ones_like(theta[..., :1])),
        update=update,
        answer=lambda state, theta: state.mean,
    )


def sharpness_aware(learning_rate: float = 1e-2):
    """Sharpness-aware descent on clipped gradients: two oracle calls a step."""

    def update(oracle, state, theta):
        clipped = oracle.map(lambda gradient: gradient.clamp(-1, 1))
        _, gradient = clipped.at(theta + 0.05 * clipped.gradient)
        return theta - learning_rate * gradient, state

    return Optimizer(init=lambda theta: (), update=update)


def lookahead_where_high(learning_rate: float = 1e-2):
    """Call the oracle a second time where the loss is high, so that lanes differ in their calls."""

    def update(oracle, state, theta):
        high = oracle.loss > 0.1
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, high)
        return theta - learning_rate * torch.where(high.unsqueeze(-1), ahead, oracle.gradient), state

    return Optimizer(init=lambda theta: (), update=update)


def per_trial_cosine(learning_rate: float = 1e-2):
    """Descent with a cosine schedule, written for one trial."""

    def update(oracle, state, theta):
        rate = learning_rate * 0.5 * (1 + torch.cos(torch.pi * oracle.progress))
        return theta - rate * oracle.gradient, state

    return Optimizer(init=lambda theta: (), update=update, per_trial=True)


def in_place_momentum(learning_rate: float = 1e-2):
    """Momentum with an integer step count, which changes a copy of its state in place."""

    def update(oracle, state, theta):
        mean, count = state
        mean = mean.clone().mul_(0.9).add_(oracle.gradient, alpha=0.1)
        mean[..., 0] += 1e-3
        return theta - learning_rate * mean / (1 - 0.9 ** (count + 1)), AverageState(mean, count + 1)

    return Optimizer(
        init=lambda theta: AverageState(
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


def three_settings(factory):
    """Return the defaults of a factory at three learning rates, without the arguments of a `functools.partial`."""
    bound = getattr(factory, "keywords", {})
    values = {
        name: parameter.default
        for name, parameter in inspect.signature(factory).parameters.items()
        if name not in bound
    }
    return {name: [value * (1, 0.8, 1.2)[k] if name == "learning_rate" else value for k in range(3)]
            for name, value in values.items()}  # fmt: skip


@pytest.fixture
def run_both(run):
    """Return a function that runs a batch eagerly and compiled."""

    def run_engines(problem, factory, **more):
        fields = {"seeds": 2, "budget": STEPS, "targets": (), **three_settings(factory), **more}
        return tuple(run(problem, factory, engine=engine, **fields) for engine in ("eager", "compiled"))

    return run_engines


def assert_same(eager, compiled, tolerance=1e-10):
    """Check that the records have their engines and are equal up to rounding."""
    assert [set(each.engine.flat) for each in (eager, compiled)] == [{"eager"}, {"compiled"}], (
        compiled.engine_reason
    )
    assert set(compiled.engine_reason.flat) == {"requested; lanewise code"}
    for name in ("status", "calls", "steps", "calls_to_target", "curve_calls"):
        np.testing.assert_array_equal(getattr(eager, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective", "gradient_norm"):
        np.testing.assert_allclose(
            getattr(compiled, name), getattr(eager, name), rtol=tolerance, atol=tolerance, err_msg=name
        )


@pytest.mark.parametrize("optimizer", CATALOG.names("optimizers"))
def test_every_optimizer_matches_eager_steps(run_both, optimizer):
    """On a deterministic problem, at several learning rates; rules of matrices have further tests of their own."""
    problem, factory = Quadratic(), CATALOG.optimizer(optimizer).implementation
    statics = {
        name: parameter.default for name, parameter in hyperparameters_of(factory).items() if parameter.static
    }
    assert_same(
        *run_both(problem, functools.partial(factory, **factory_arguments(factory, statics, problem.layout)))
    )


PROBLEMS = {
    "noise": Quartic(gradient_noise=0.1), "weights": WeightedQuartic(), "polynomial": Runge(),
    "regression": LinearRegression(),
    "rotated": Quadratic(eigenvalues=(1.0, 3.0, 10.0), rotated=True, gradient_noise=0.1), "power": Power(2),
    "noisy-quadratic": NoisyQuadratic(dimension=5), "rosenbrock": Rosenbrock(dimension=3, gradient_noise=0.1),
    "beale": Beale(), "zipf-bigram": ZipfBigram(vocabulary=4),
}  # fmt: skip


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS)
def test_every_small_problem_matches_eager_steps(run_both, problem):
    """With noise, with data of each instance, and for one trial at a time."""
    assert_same(*run_both(problem, adam))


@pytest.mark.parametrize(
    "factory",
    [averaged_sgd, sharpness_aware, lookahead_where_high, per_trial_cosine, in_place_momentum],
    ids=lambda factory: factory.__name__,
)
def test_unusual_optimizers_match_eager_steps(run_both, factory):
    """An averaged answer, several calls, calls of some lanes, a schedule under vmap, an integer state."""
    assert_same(*run_both(Runge(), factory))


def test_lanes_that_stop_early_match_eager_steps(run_both, valleys):
    """Some diverge, some reach their targets, and finished ones are dropped."""
    rates = [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]
    eager, compiled = run_both(valleys, sgd, seeds=4, targets=(10.0, 1.0), budget=60, learning_rate=rates)
    assert set(np.unique(eager.status.astype(str))) == {"diverged", "exhausted", "solved"}
    assert_same(eager, compiled)


def test_lanes_that_converge_match_eager_steps(run_both):
    """Each stops at a small gradient."""
    eager, compiled = run_both(
        Quadratic(), sgd, seeds=1, tolerance=1e-3, budget=3_000, learning_rate=[1e-5, 1e-3, 1e-2]
    )
    assert set(np.unique(eager.status.astype(str))) == {"converged", "exhausted"}
    assert_same(eager, compiled)


def test_single_precision_matches_eager_steps(run_both):
    """With twice as many lanes in a vector; rounding errors grow sooner."""
    fields = {"seeds": 3, "budget": 20, "dtype": "float32"}
    assert_same(*run_both(Quartic(gradient_noise=0.1), adam, **fields), tolerance=1e-5)
    assert_same(*run_both(LinearRegression(), in_place_momentum, **fields), tolerance=1e-5)


def test_several_blocks_of_draws_match_eager_steps(run_both):
    """Of a thousand steps each."""
    assert_same(
        *run_both(
            Quartic(start=0.5, gradient_noise=0.1), sgd, seeds=3, budget=2_100, learning_rate=[1e-3, 1e-2]
        )
    )


def test_problems_with_other_parameters_are_compiled_separately(run_both):
    """A parameter of a problem is a constant of its compiled step."""
    for k in (1, 2, 3):
        assert_same(*run_both(Power(k), sgd))


def test_engine_is_recorded_for_each_tile(run, monkeypatch):
    """One tile diverges in its first step, the other continues; both were compiled as requested."""
    monkeypatch.setattr("benchbed.engine.run.WORKSPACE_BYTES", 1)
    record = run(Quadratic(), sgd, engine="compiled", targets=(), budget=30, learning_rate=[1e200, 1e-3])
    assert record.steps.tolist() == [[1, 30]]
    assert record.engine.tolist() == [["compiled", "compiled"]]
