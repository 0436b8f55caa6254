"""A pairing with third-party plugins is checked; a trial whose check raises has failed."""

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.engine.sampling import make_start
from benchbed.plan import Request, make_plan
from benchbed.runner import pairing
from benchbed.runner.task import measure_batches
from benchbed.seeds import InstanceSeed
from benchbed.tuning.candidates import PairingState
from benchbed.tuning.scheduling import missing_batches

PLUGIN = """
import torch
from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Hyperparameter, Layout, Optimizer, Problem

def descent(raises):
    def optimizer(learning_rate: Hyperparameter = 0.1):
        calls = 0

        def update(oracle, state, theta):
            nonlocal calls
            calls += 1
            if raises(calls, theta):
                raise ArithmeticError("not now")
            return theta - learning_rate * oracle.gradient, state

        return Optimizer(init=lambda theta: (), update=update)
    return optimizer

optimizers = {
    "second-step": descent(lambda calls, theta: calls > 1),
    "copies-alone": descent(lambda calls, theta: theta.shape[:2] == (1, 1)),
    "pairs": descent(lambda calls, theta: theta.shape[:1] == (2,)),
    "below": descent(lambda calls, theta: (theta[..., 1] < -0.5).nonzero().numel()),
}

@hookimpl
def register_optimizers(register):
    for name, optimizer in optimizers.items():
        optimizer.__name__ = name.replace("-", "_")
        register(optimizer)
"""


@pytest.fixture(scope="module")
def catalog(tmp_path_factory):
    """Return a catalog with optimizers that raise in different circumstances."""
    path = tmp_path_factory.mktemp("plugin") / "raising.py"
    path.write_text(PLUGIN)
    return load_catalog([path], environ={})


@pytest.fixture
def plan_batch(catalog):
    """Return a function that plans the batch of an optimizer on some seeds of a quadratic."""

    def build(optimizer, steps, seeds=3):
        request = Request(
            problems=("quadratic",), optimizers=(optimizer,), preset="quick", steps=steps, seeds=seeds, device="cpu",
            tracks=("default",),
        )  # fmt: skip
        plan = make_plan(catalog, request)
        return plan, missing_batches(PairingState(plan, plan.pairings()[0]))[0]

    return build


@pytest.fixture
def measure(catalog, plan_batch):
    """Return a function that runs such a batch; it returns the errors and the record, if any, of each seed."""

    def run(optimizer, steps, seeds=3):
        plan, batch = plan_batch(optimizer, steps, seeds)
        results = {}
        for part, result in measure_batches(plan, batch, catalog, threads=1, planned_trials=batch.trials):
            record = None if isinstance(result, str) else result.record
            error = result if record is None else record.error
            results |= dict.fromkeys(part.seeds, (error, record))
        assert len(results) == seeds
        return results

    return run


def test_a_step_that_no_trial_runs_is_not_checked(measure):
    """One step does not raise; of two, the first one is measured."""
    assert all(error is None for error, _ in measure("second-step", 1).values())
    for error, record in measure("second-step", 2).values():
        assert "ArithmeticError: not now" in error
        assert record.curve_calls.shape[-1] > 0


def test_trials_that_raise_alone_have_failed(measure):
    """The check raises, and the batch of three does not: no number of it is kept."""
    for error, record in measure("copies-alone", 5).values():
        assert "ArithmeticError: not now" in error
        assert record.status[0, 0] == "failed"


def test_trials_that_raise_only_together_are_rejected(measure):
    """Those of a batch of two, here."""
    for error, record in measure("pairs", 5).values():
        assert "raises ArithmeticError: not now for a batch of trials, but not for each alone" in error
        assert record is None


def test_trials_whose_check_raises_have_failed(measure, monkeypatch):
    """Their numbers are unchecked; the traceback names the line."""

    def broken(batch):
        raise KeyError("a fault of the check")

    monkeypatch.setattr(pairing, "check_contract", broken)
    for error, record in measure("second-step", 1).values():
        assert "KeyError: 'a fault of the check'" in error
        assert record is None


def test_a_trial_that_raises_in_the_check_costs_no_other(catalog, plan_batch, measure):
    """Descent towards 0 raises for the starts below −0.5 alone; a single seed is checked beside another healthy one."""
    plan, batch = plan_batch("below[learning_rate=0.001]", 5, seeds=8)
    problem = catalog.problem("quadratic", {})
    seeds = [InstanceSeed(plan.study_seed, "quadratic", batch.role, seed) for seed in batch.seeds]
    is_below = {seed.number: bool(make_start(problem, seed)[1] < -0.5) for seed in seeds}
    assert 0 < sum(is_below.values()) < 8
    for seed, (error, record) in measure("below[learning_rate=0.001]", 5, seeds=8).items():
        assert (error is not None) == is_below[seed]
        assert record is not None
