"""The engine detects that an optimizer knows the budget: its oracle records that `progress` was read."""

import math

import numpy as np
import pytest
import torch

from benchbed.engine.oracle import CountingOracle
from benchbed.interfaces import Optimizer
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.quadratic import Quadratic

KINDS = ({}, {"per_trial": True}, {"stateful": True})
RATES = [1e-4, 1e-3]


@pytest.fixture(params=KINDS, ids=["batched", "per trial", "stateful"])
def kind(request):
    """Each form of an optimizer."""
    return request.param


def plain(oracle):
    return 1.0


def cosine(oracle):
    return 0.5 * (1 + torch.cos(math.pi * oracle.progress))


def schedule(factor, change=None, **kind):
    """Return a factory of gradient descent whose rate has a factor that reads the oracle, perhaps through wrappers."""

    def factory(learning_rate: float = 1e-3):
        def update(oracle, state, theta):
            wrapped = oracle if change is None else oracle.map(change).map(change)
            return theta - learning_rate * factor(wrapped) * wrapped.gradient, state

        return Optimizer(init=lambda theta: (), update=update, **kind)

    return factory


def clip(gradient):
    """Clip a gradient to length 1."""
    return gradient / gradient.norm(dim=-1, keepdim=True).clamp(min=1)


@pytest.mark.parametrize("change", [None, clip], ids=["itself", "through wrappers"])
@pytest.mark.parametrize("factor", [plain, cosine], ids=lambda factor: factor.__name__)
def test_reading_progress_is_recorded(run, kind, factor, change):
    """A cosine schedule is recorded in every trial, also through two wrappers; building a wrapper reads nothing."""
    record = run(Quadratic(), schedule(factor, change, **kind), seeds=2, budget=20, learning_rate=RATES)
    assert set(record.status.flat) == {"exhausted"}
    np.testing.assert_array_equal(record.reads_progress, np.full((2, 2), factor is cosine))


def test_other_uses_of_the_oracle_are_not_recorded(run, kind):
    """Loss, gradient and `at`, with and without `where`, also through a wrapper."""

    def curious(learning_rate: float = 1e-3):
        def update(oracle, state, theta):
            wrapped = oracle.map(clip)
            wrapped.at(theta)
            wrapped.at(theta, wrapped.loss > 0)
            return theta - learning_rate * wrapped.gradient * oracle.loss.sign()[..., None], state

        return Optimizer(init=lambda theta: (), update=update, **kind)

    record = run(Quadratic(), curious, budget=30, learning_rate=RATES)
    assert set(record.status.flat) == {"exhausted"}
    assert not record.reads_progress.any()


@pytest.mark.parametrize("factory", [sgd, adam], ids=lambda factory: factory.__name__)
def test_the_courses_optimizers_do_not_know_the_budget(run, factory):
    """They have no schedule."""
    assert not run(Quadratic(), factory, budget=20, learning_rate=RATES).reads_progress.any()


def test_a_single_reading_is_recorded_for_all_trials(run, formula):
    """Also if it happens only in the first step, and lanes are dropped later."""
    looks, widths = [], []

    def once(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            widths.append(theta.shape[1])
            if not looks:
                looks.append(oracle.progress)
            return theta - learning_rate * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)

    problem = formula(lambda theta: theta.square().sum(-1))
    rates = [0.4, 0.4, 0.4, 1e-6]
    record = run(problem, once, targets=(1e-3,), budget=400, learning_rate=rates)
    assert record.status.tolist() == [["solved"] * 3 + ["exhausted"]]
    assert (widths[0], widths[-1], len(looks)) == (4, 1, 1)
    assert record.reads_progress.all()


def test_stateful_trials_are_recorded_separately(run):
    """A stateful optimizer with a schedule at one of its rates: only that setting knows the budget."""

    def half(learning_rate: float = 1e-3):
        factor = cosine if learning_rate > 5e-4 else plain
        return schedule(factor, stateful=True)(learning_rate)

    record = run(Quadratic(), half, seeds=3, budget=20, learning_rate=RATES)
    assert record.reads_progress.tolist() == [[False, True]] * 3


def test_an_optimizer_that_fails_later_is_recorded(run):
    """With its readings until then."""

    def doomed(learning_rate: float = 1e-3):
        steps = []

        def update(oracle, state, theta):
            steps.append(oracle.progress)
            if len(steps) == 5:
                raise ArithmeticError("enough")
            return theta, state

        return Optimizer(init=lambda theta: (), update=update)

    record = run(Quadratic(), doomed, budget=20, learning_rate=[1e-3])
    assert record.status.tolist() == [["failed"]]
    assert record.reads_progress.tolist() == [[True]]


def test_the_engine_does_not_count_its_own_readings():
    """Only `progress` counts, at the oracle beneath all wrappers."""
    share = torch.full((1,), 0.25)
    oracle = CountingOracle(
        lambda point: (point.sum(-1), point), torch.zeros(()), torch.ones(2), lambda: share, share.clone
    )
    wrapped = oracle.map(clip)
    assert oracle.compute_progress() is share
    assert not oracle.progress_was_read
    assert wrapped.progress is share
    assert oracle.progress_was_read
