"""Denormal numbers are flushed to zero within a batch, in both engines, and as torch does elsewhere."""

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
"""The end of halving 1: a number whose half is flushed to 0, or the smallest denormal number."""


@pytest.fixture
def usual():
    """The conditions of every batch, if the processor supports flushing to zero."""
    if not torch.set_flush_denormal(True):
        pytest.skip("this processor cannot")
    torch.set_flush_denormal(False)
    with default_global_state():
        yield


def halve(run, engine, seeds=1):
    """Run θ ← θ − θ/2 from (1, 1), and return the final point."""
    problem = Quadratic(eigenvalues=(1.0, 1.0), start=(1.0, 1.0))
    return run(
        problem, gd, seeds=seeds, learning_rate=[0.5], budget=STEPS, targets=(), engine=engine
    ).final_theta


def test_conditions_are_restored():
    """Callers from Python find torch unchanged."""
    assert not flushes_denormals()
    with default_global_state():
        pass
    assert not flushes_denormals()


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_denormals_are_flushed_to_zero(run, usual, engine):
    """In both engines, which would differ otherwise."""
    assert (halve(run, engine) == SMALLEST).all()


@pytest.mark.parametrize("engine", ["eager", "compiled"])
def test_outside_denormals_are_kept(run, engine):
    """As IEEE 754 defines it, and as torch does by default."""
    assert (halve(run, engine) == BELOW).all()


@pytest.mark.usefixtures("usual")
def test_every_thread_uses_the_conditions_of_its_caller(run, monkeypatch):
    """Each thread has its own control register, and keeps it between batches."""
    monkeypatch.setattr(compiled_step, "OPERATIONS_PER_THREAD", 1)
    torch.set_num_threads(3)  # one again after the usual conditions
    for flush in (True, False, True):
        torch.set_flush_denormal(flush)
        ends = halve(run, "compiled", seeds=100)
        assert (ends == (SMALLEST if flush else BELOW)).all()
