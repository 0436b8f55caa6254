"""What is too small for a full mantissa is 0 under the usual conditions, and what torch makes of it elsewhere."""

import math

import pytest
import torch

from benchbed.codegen import compiled_step
from benchbed.codegen.denormals import flushes_denormals
from benchbed.runner.global_state import default_global_state
from benchbed_optimizers.gd import gd
from benchbed_problems.quadratic import Quadratic

STEPS = 1_030
SMALLEST, BELOW = math.ldexp(1.0, -1_022), math.ldexp(1.0, -STEPS)
"""Where halving 1 ends: its half is 0 and no longer taken away, or it goes on beneath the normal numbers."""


@pytest.fixture
def usual():
    """The conditions of every batch, where the processor can take what underflows for 0."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot")
    torch.set_flush_denormal(False)
    with default_global_state():
        yield


def halve(run, engine, seeds=1):
    """Run θ ← θ − θ/2 from (1, 1), and give where it ends."""
    problem = Quadratic(eigenvalues=(1.0, 1.0), start=(1.0, 1.0))
    return run(
        problem, gd, seeds=seeds, learning_rate=[0.5], budget=STEPS, targets=(), engine=engine
    ).final_theta


def test_conditions_are_put_back():
    """Whoever calls from Python finds torch as it was."""
    assert not flushes_denormals()
    with default_global_state():
        pass
    assert not flushes_denormals()


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_what_underflows_is_zero(run, usual, engine):
    """In both engines, which would differ otherwise."""
    assert (halve(run, engine) == SMALLEST).all()


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_elsewhere_underflow_is_gradual(run, engine):
    """As IEEE 754 has it, and torch unless it is told otherwise."""
    assert (halve(run, engine) == BELOW).all()


@pytest.mark.usefixtures("usual")
def test_every_thread_does_as_its_caller(run, monkeypatch):
    """Each has a register of its own for it, and keeps it from one batch to the next."""
    monkeypatch.setattr(compiled_step, "OPERATIONS_PER_THREAD", 1)
    torch.set_num_threads(3)  # one again after the usual conditions
    for flush in (True, False, True):
        torch.set_flush_denormal(flush)
        ends = halve(run, "compiled", seeds=100)
        assert (ends == (SMALLEST if flush else BELOW)).all()
