"""A step is timed in as many steps as its time allows."""

import os

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.checking import children
from benchbed.checking.subjects import CheckSubject
from benchbed.interfaces import Engine

EAGER_SECONDS = 1e-6


@pytest.mark.parametrize(("compiled_seconds", "repetitions"), [(2e-9, 50), (2.5e-7, 4), (2e-6, 1), (0.0, 50)])
def test_a_compiled_step_is_timed_about_as_long_as_an_eager_one(monkeypatch, compiled_seconds, repetitions):
    """Steps that call torch take long, too: with many of them the check would reach its time limit."""
    batches = []

    def time_steps(batch):
        batches.append(batch)
        return (EAGER_SECONDS if batch.engine is Engine.EAGER else compiled_seconds), None

    monkeypatch.setattr(children, "_time_steps", time_steps)
    monkeypatch.setattr(children, "compilation_fault", lambda batch: None)
    subject = CheckSubject("optimizers", "sgd", "quadratic", "sgd")
    cost = children.measure_step(load_catalog([], os.environ), subject)
    eager, first, timed = (batch.budget for batch in batches)
    assert (first, timed) == (eager, repetitions * eager)
    assert cost.compiled_microseconds == 1e6 * compiled_seconds
