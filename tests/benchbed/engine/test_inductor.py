"""Inductor takes the same steps as the eager loop; it serves steps for which no code can be generated."""

import contextlib
import inspect
import os
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

from benchbed.catalog.loading import load_catalog
from benchbed.codegen import compiler
from benchbed.codegen.errors import TooLittleWorkError, UnsupportedOperationError
from benchbed.engine import inductor
from benchbed.interfaces import Layout, Optimizer, Problem
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
    """Return a function that runs a batch eagerly and compiled."""

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


@pytest.mark.parametrize(
    ("problem", "optimizer", "fields"),
    [
        (PolynomialNetwork(samples=256, batch_size=32), "adam", {}),
        (Quartic(start=0.5), "sgd", {"seeds": 3, "budget": 1_050}),
        (Quadratic(rotated=True), "sgd", {}),
    ],
    ids=["mini-batches", "draws of two blocks", "data of each seed"],
)
def test_steps_equal_eager_steps(run_both, no_generated_step, problem, optimizer, fields):
    """For every kind of input of a step."""
    eager, compiled = run_both(problem, CATALOG.optimizer(optimizer).implementation, **fields)
    assert_same(eager, compiled)
    assert "compiled by torch's inductor" in compiled.engine_reason[0, 0]


def test_an_unusual_rule_equals_eager_steps(run_both, no_generated_step):
    """Calls of some lanes, a schedule and integers, written for one trial and mapped by vmap."""
    assert_same(*run_both(Runge(features=4), mixed))


def test_lanes_that_end_early_equal_eager_steps(run_both, valleys, no_generated_step):
    """Some diverge, some reach their targets, some are dropped."""
    rates = [1e-6, 1e-4, 1e-3, 0.1, 0.3, 10.0]
    eager, compiled = run_both(valleys, sgd, seeds=4, targets=(10.0, 1.0), budget=60, learning_rate=rates)
    assert set(np.unique(eager.status.astype(str))) == {"diverged", "exhausted", "solved"}
    assert_same(eager, compiled)


def test_a_step_of_all_lanes_equals_eager_steps(run_both, no_generated_step, monkeypatch):
    """It is compiled for GPUs; here on the CPU."""
    monkeypatch.setattr(inductor, "block_shape", lambda lanes: tuple(lanes.running.shape))
    monkeypatch.setattr(inductor, "_cache", {})
    assert_same(*run_both(Quartic(start=0.5), sgd))
    assert_same(*run_both(Quadratic(rotated=True), sgd))


def test_one_step_serves_all_numbers_of_lanes(run, no_generated_step, monkeypatch):
    """Also when the cache is full, and then emptied."""
    monkeypatch.setattr(inductor, "_cache", dict.fromkeys(range(inductor.MAXIMUM_STEPS)))
    built = []

    class Backend(inductor.InductorBackend):
        def __init__(self, tile, lanes):
            built.append(tuple(lanes.running.shape))
            super().__init__(tile, lanes)

    monkeypatch.setattr(inductor, "InductorBackend", Backend)
    for seeds in (3, 1):
        record = run(Quadratic(), sgd, seeds=seeds, engine="compiled", budget=20, learning_rate=[1e-3])
        assert set(record.engine.flat) == {"compiled"}
    assert built == [(3, 1)]
    assert len(inductor._cache) == 1


@dataclass(frozen=True)
class Spectrum(Problem):
    """Fit the spectrum of a filtered signal: complex numbers, which the generator does not support."""

    per_trial = True

    @property
    def layout(self):
        return Layout({"filter": (8,)})

    def make_start(self, generator):
        return torch.randn(8, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        signal = torch.linspace(-1, 1, 8, dtype=theta.dtype).exp()
        spectrum = torch.fft.rfft(signal * theta)
        return (spectrum.abs().square() - 1).square().mean()

    def optimum(self, data):
        return None


def test_an_operation_on_complex_numbers_equals_eager_steps(run_both, capfd):
    """The reason names the operation and its line; torch's warning of complex numbers is not printed."""
    with torch._inductor.config.patch(fx_graph_cache=False), warnings.catch_warnings():
        warnings.simplefilter("error")
        eager, compiled = run_both(Spectrum(), adam)
    assert capfd.readouterr() == ("", "")
    assert_same(eager, compiled)
    line = inspect.getsourcelines(Spectrum.objective)[1] + 2
    assert compiled.engine_reason[0, 0] == (
        "requested; compiled by torch's inductor, as no step is generated (UnsupportedOperationError: the operation "
        f"aten::_fft_r2c with a result of torch.complex128 ({__file__}:{line}))"
    )


def test_auto_stays_eager_if_inductor_does_not_pay(run, no_generated_step, monkeypatch):
    """The reason says so."""
    monkeypatch.setattr("benchbed.engine.backends.WORTH_COMPILING", 0.0)
    monkeypatch.setattr(inductor, "_cache", {})
    record = run(Spectrum(), adam, budget=10, **defaults_of(adam))
    assert set(record.engine.flat) == {"eager"}
    assert record.engine_reason[0, 0].endswith(" takes longer to compile it than it saves")


def test_the_choice_does_not_depend_on_steps_that_are_compiled_already(run, no_generated_step, monkeypatch):
    """By another study of the process, which requested it."""
    monkeypatch.setattr("benchbed.engine.backends.WORTH_COMPILING", 0.0)
    engines = [
        run(Spectrum(), adam, budget=10, engine=engine, **defaults_of(adam)).engine
        for engine in ("compiled", "auto")
    ]
    assert [set(each.flat) for each in engines] == [{"compiled"}, {"eager"}]


@pytest.mark.parametrize(
    ("fields", "operations", "on_cpu", "pays"),
    [
        ({"budget": 10**4}, 100, True, False),
        ({"budget": 10**6}, 100, True, True),
        ({"budget": 10**6}, 10**5, True, False),
        ({"budget": 10**6, "seeds": 100}, 100, True, False),
        ({"budget": 10**6, "seeds": 100}, 100, False, True),
        ({"budget": 10**4, "engine": "compiled"}, 100, True, True),
    ],
    ids=["few steps", "many steps", "long to compile", "many calls", "one call for all lanes", "requested"],
)
def test_inductor_pays_for_long_runs_of_few_lanes(make_batch, fields, operations, on_cpu, pays):
    """Eagerly, all lanes share the 300 µs of a step; on a CPU, each pays the 20 µs of a call."""
    batch = make_batch(Quadratic(), **fields)
    with contextlib.nullcontext() if pays else pytest.raises(TooLittleWorkError):
        inductor.require_work(batch, operations, on_cpu)


def test_a_hanging_compiler_is_ended(run, no_generated_step, monkeypatch, tmp_path):
    """The steps then run eagerly, for that reason."""
    script = tmp_path / "c++"
    script.write_text('#!/bin/sh\ncase "$*" in *" -o "*) exec sleep 100;; esac\nexec c++ "$@"\n')
    script.chmod(0o700)
    monkeypatch.setattr(inductor, "compiler_path", lambda: str(script))
    monkeypatch.setattr(compiler, "compiler_path", lambda: str(script))
    monkeypatch.setattr(compiler, "_timeouts", [])
    monkeypatch.setattr(
        compiler.run_compiler, "__kwdefaults__", {**compiler.run_compiler.__kwdefaults__, "seconds": 1}
    )
    monkeypatch.setattr(inductor, "_cache", {})
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path))
    record = run(Runge(features=3), sgd, engine="compiled", budget=20, learning_rate=[1e-3])
    assert set(record.engine.flat) == {"eager"}
    assert record.fallback_reason[0, 0].endswith(f"CompilationError: {script} took longer than 1 s")


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
    reason = record.fallback_reason[0, 0]
    assert reason.startswith("its step could not be compiled: ")
    assert reason.endswith(f" ({__file__}:{inspect.getsourcelines(late)[1] + 2})")


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
