"""A scan makes the same steps as the loop, where no program of their own serves: what is not written there."""

import inspect
import os
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from benchbed.catalog import load_catalog
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.engine import scan
from benchbed.engine.backends import EagerBackend
from benchbed.interfaces import Optimizer
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge

CATALOG = load_catalog([], os.environ)


@pytest.fixture
def not_written(monkeypatch):
    """Let no program be written."""

    def refuse(program, lanes):
        raise UnsupportedOperationError("the operation of these tests")

    monkeypatch.setattr("benchbed.engine.compiled_backend.generated_backend", refuse)


def mixed(learning_rate: float = 1e-2):
    """Ask again where the loss is high, keep whole numbers and a schedule, all written for one trial."""

    def update(oracle, state, theta):
        high = oracle.loss > 0.1
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, high)
        rate = learning_rate * 0.5 * (1 + torch.cos(torch.pi * oracle.progress)) / (1 + 0.01 * state)
        return theta - rate * torch.where(high, ahead, oracle.gradient), state + 1

    return Optimizer(
        init=lambda theta: torch.zeros_like(theta[:1], dtype=torch.int64), update=update, per_trial=True
    )


def defaults_of(factory):
    """Give three settings about a factory's defaults, one number each by name."""
    values = {name: parameter.default for name, parameter in inspect.signature(factory).parameters.items()}
    return {name: [value * (1, 0.8, 1.2)[k] if name == "learning_rate" else value for k in range(3)]
            for name, value in values.items()}  # fmt: skip


@pytest.fixture
def both(run):
    """Give a function that runs a batch by the loop and by a compiled program."""

    def twice(problem, factory, **more):
        fields = {"seeds": 2, "budget": 100, "targets": (), **defaults_of(factory), **more}
        return tuple(run(problem, factory, engine=engine, **fields) for engine in ("eager", "compiled"))

    return twice


def assert_same(loop, compiled):
    """The programs were what they should be, and did the same to 1e-10."""
    assert [set(each.engine.flat) for each in (loop, compiled)] == [{"eager"}, {"compiled"}], (
        compiled.engine_reason
    )
    for name in ("status", "calls", "steps", "calls_to_target", "curve_calls"):
        np.testing.assert_array_equal(getattr(loop, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective", "gradient_norm"):
        one, other = getattr(loop, name), getattr(compiled, name)
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-10, err_msg=name)


def programs():
    """Count what the compiler was given in this process."""
    return counters["stats"]["unique_graphs"]


def test_mini_batches_of_a_network_are_the_same_compiled(both, not_written):
    """Rows are gathered within the loop."""
    before = programs()
    assert_same(*both(PolynomialNetwork(samples=256, batch_size=32), adam))
    assert programs() == before + 1


def test_full_gradients_of_a_network_are_the_same_compiled(both, not_written):
    """The samples come from outside of the loop, and are transposed within."""
    assert_same(*both(PolynomialNetwork(samples=64, batch_size=32), CATALOG.optimizer("gd").implementation))


def test_one_program_serves_every_block_of_draws_and_every_number_of_lanes(both, not_written):
    """The first step's draws lie inside of a block, and those after a thousand steps at its beginning."""
    before = programs()
    problem = Quartic(start=0.5)
    assert_same(*both(problem, sgd, seeds=3, budget=2_100, learning_rate=[1e-3, 1e-2]))
    assert_same(*both(problem, sgd, seeds=2, budget=2_100, learning_rate=[1e-3] * 5))
    assert programs() == before + 1


def test_a_hard_rule_is_the_same_compiled(both, not_written):
    """Calls of some lanes only, a schedule and whole numbers, written for one trial and under vmap."""
    assert_same(*both(Runge(features=4), mixed))


def test_lanes_that_end_early_are_the_same_compiled(both, valleys, not_written):
    """Some diverge, some reach their targets, some are dropped on the way."""
    rates = [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]
    loop, compiled = both(valleys, sgd, seeds=4, targets=(10.0, 1.0), budget=60, learning_rate=rates)
    assert set(np.unique(loop.status.astype(str))) == {"diverged", "exhausted", "solved"}
    assert_same(loop, compiled)


def test_a_process_keeps_so_many_programs(run, not_written, monkeypatch):
    """Then it forgets them all, and torch with it."""
    kept = {f"a pairing {number}": None for number in range(scan.MAXIMUM_SCANS)}
    monkeypatch.setattr(scan, "_compiled", kept)
    resets = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: resets.append(len(kept)))
    monkeypatch.setattr(scan.ScanBackend, "__init__", lambda self, program, lanes: None)
    monkeypatch.setattr(scan.ScanBackend, "advance", stepped)
    for features in (2, 3):
        run(Runge(features=features), sgd, engine="compiled", targets=(), budget=20, learning_rate=[1e-3])
    assert resets == [0]
    assert len(kept) == 2


def stepped(self, program, lanes, start, stops):
    """Make the steps one by one."""
    return EagerBackend("").advance(program, lanes, start, stops)


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
    assert record.fallback_reason[0, 0].startswith("its step could not be compiled: ")


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
    assert "the state holds 1, which is not a tensor" in compiled.engine_reason[0, 0]
