"""A scan takes the same steps as the eager loop; it serves steps for which no code can be generated."""

import inspect
import os
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._dynamo.utils import counters

from benchbed.catalog.loading import load_catalog
from benchbed.codegen.errors import UnsupportedOperationError
from benchbed.engine import scan
from benchbed.engine.backends import EagerBackend, EngineChoice
from benchbed.interfaces import Optimizer
from benchbed_optimizers.adam import adam
from benchbed_optimizers.sgd import sgd
from benchbed_problems.polynomial_network import PolynomialNetwork
from benchbed_problems.quadratic import Quadratic
from benchbed_problems.quartic import Quartic
from benchbed_problems.runge import Runge

pytestmark = pytest.mark.slow

CATALOG = load_catalog([], os.environ)


@pytest.fixture
def no_generated_step(monkeypatch):
    """Make the generator reject every step."""

    def refuse(tile, lanes):
        raise UnsupportedOperationError("the operation of these tests")

    monkeypatch.setattr("benchbed.engine.compiled_backend.generated_backend", refuse)


def mixed(learning_rate: float = 1e-2):
    """Call the oracle again where the loss is high, keep integers and a schedule, written for one trial."""

    def update(oracle, state, theta):
        high = oracle.loss > 0.1
        _, ahead = oracle.at(theta - learning_rate * oracle.gradient, high)
        rate = learning_rate * 0.5 * (1 + torch.cos(torch.pi * oracle.progress)) / (1 + 0.01 * state)
        return theta - rate * torch.where(high, ahead, oracle.gradient), state + 1

    return Optimizer(
        init=lambda theta: torch.zeros_like(theta[:1], dtype=torch.int64), update=update, per_trial=True
    )


def defaults_of(factory):
    """Return three settings near a factory's defaults, one number each by name."""
    values = {name: parameter.default for name, parameter in inspect.signature(factory).parameters.items()}
    return {name: [value * (1, 0.8, 1.2)[k] if name == "learning_rate" else value for k in range(3)]
            for name, value in values.items()}  # fmt: skip


@pytest.fixture
def run_both(run):
    """Return a function that runs a batch eagerly and with a scan."""

    def twice(problem, factory, **more):
        fields = {"seeds": 2, "budget": 100, "targets": (), **defaults_of(factory), **more}
        return tuple(run(problem, factory, engine=engine, **fields) for engine in ("eager", "compiled"))

    return twice


def assert_same(eager, compiled):
    """Check that the second record was compiled and equals the first to 1e-10."""
    assert [set(each.engine.flat) for each in (eager, compiled)] == [{"eager"}, {"compiled"}], (
        compiled.engine_reason
    )
    for name in ("status", "calls", "steps", "calls_to_target", "curve_calls"):
        np.testing.assert_array_equal(getattr(eager, name), getattr(compiled, name), err_msg=name)
    for name in ("final_theta", "curve_objective", "gradient_norm"):
        first, second = getattr(eager, name), getattr(compiled, name)
        np.testing.assert_allclose(second, first, rtol=1e-10, atol=1e-10, err_msg=name)


def compiled_graphs():
    """Count the graphs that this process has compiled."""
    return counters["stats"]["unique_graphs"]


def test_mini_batches_of_a_network_equal_eager_steps(run_both, no_generated_step):
    """Samples are gathered within the scan."""
    before = compiled_graphs()
    assert_same(*run_both(PolynomialNetwork(samples=256, batch_size=32), adam))
    assert compiled_graphs() == before + 1


def test_full_gradients_of_a_network_equal_eager_steps(run_both, no_generated_step):
    """The samples come from outside of the scan and are transposed within."""
    assert_same(
        *run_both(PolynomialNetwork(samples=64, batch_size=32), CATALOG.optimizer("gd").implementation)
    )


def test_one_scan_serves_all_blocks_of_draws_and_numbers_of_lanes(run_both, no_generated_step):
    """The first scan starts within a block of draws, later ones at the beginning of a block."""
    before = compiled_graphs()
    problem = Quartic(start=0.5)
    assert_same(*run_both(problem, sgd, seeds=3, budget=2_100, learning_rate=[1e-3, 1e-2]))
    assert_same(*run_both(problem, sgd, seeds=2, budget=2_100, learning_rate=[1e-3] * 5))
    assert compiled_graphs() == before + 1


def test_an_unusual_rule_equals_eager_steps(run_both, no_generated_step):
    """Calls of some lanes, a schedule and integers, written for one trial and mapped by vmap."""
    assert_same(*run_both(Runge(features=4), mixed))


def test_lanes_that_end_early_equal_eager_steps(run_both, valleys, no_generated_step):
    """Some diverge, some reach their targets, some are dropped."""
    rates = [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]
    eager, compiled = run_both(valleys, sgd, seeds=4, targets=(10.0, 1.0), budget=60, learning_rate=rates)
    assert set(np.unique(eager.status.astype(str))) == {"diverged", "exhausted", "solved"}
    assert_same(eager, compiled)


def test_the_number_of_cached_scans_is_limited(run, no_generated_step, monkeypatch):
    """Beyond it the cache and torch's compiler are reset."""
    cache = {f"a pairing {number}": None for number in range(scan.MAXIMUM_SCANS)}
    monkeypatch.setattr(scan, "_compiled", cache)
    resets = []
    monkeypatch.setattr(torch.compiler, "reset", lambda: resets.append(len(cache)))
    monkeypatch.setattr(scan.ScanBackend, "__init__", lambda self, tile, lanes: None)
    monkeypatch.setattr(scan.ScanBackend, "advance", run_eagerly)
    for features in (2, 3):
        run(Runge(features=features), sgd, engine="compiled", targets=(), budget=20, learning_rate=[1e-3])
    assert resets == [0]
    assert len(cache) == 2


def run_eagerly(self, tile, lanes, start, stops):
    """Run the steps eagerly."""
    return EagerBackend(EngineChoice("eager", "")).advance(tile, lanes, start, stops)


def test_a_plugin_that_raises_late_fails_with_its_traceback(run, formula):
    """The step cannot be compiled, and the eager step shows the error."""

    class LateState(NamedTuple):
        steps: Tensor

    def late(learning_rate: float = 0.1):
        def update(oracle, state, theta):
            if (state.steps >= 5).any():
                raise ArithmeticError("out of luck")
            return theta - learning_rate * oracle.gradient, LateState(state.steps + 1)

        return Optimizer(init=lambda theta: LateState(torch.zeros_like(theta[..., 0])), update=update)

    half_square = formula(lambda theta: 0.5 * theta.square().sum(-1))
    record = run(half_square, late, engine="compiled", targets=(), budget=20, learning_rate=[0.1])
    assert (record.status[0, 0], record.calls[0, 0], record.engine[0, 0]) == ("failed", 5, "eager")
    assert "out of luck" in record.error
    assert record.fallback_reason[0, 0].startswith("its step could not be compiled, as no step is generated ")


class Counted(NamedTuple):
    """A state with a number that is not a tensor."""

    momentum: Tensor
    steps: int


def counting(learning_rate: float = 1e-2):
    """Keep the step count as a Python number, which a trace would turn into a constant."""

    def update(oracle, state, theta):
        steps = state.steps + 1
        return theta - learning_rate / steps * oracle.gradient, Counted(state.momentum, steps)

    return Optimizer(init=lambda theta: Counted(torch.zeros_like(theta), 0), update=update)


def test_a_python_number_in_a_state_is_not_compiled_as_a_constant(run_both):
    """Such an optimizer runs eagerly, for that reason."""
    eager, compiled = run_both(Quadratic(), counting)
    np.testing.assert_array_equal(eager.final_theta, compiled.final_theta)
    assert set(compiled.engine.flat) == {"eager"}
    assert "the state holds 1, which is not a tensor" in compiled.engine_reason[0, 0]
