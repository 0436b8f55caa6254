"""Plans of the built-in plugins, and trials as the engine would have left them."""

import os

import pytest

from benchbed.catalog import load_catalog
from benchbed.plan import Request, make_plan
from benchbed.tuning.outcomes import Outcome


@pytest.fixture(scope="session")
def catalog():
    """What is installed."""
    return load_catalog([], dict(os.environ))


@pytest.fixture
def plan_of(catalog):
    """Give a function that resolves a request; what is not named is small."""

    def make(problems=("quadratic",), optimizers=("adam",), preset="quick", **fields):
        return make_plan(
            catalog, Request(problems=problems, optimizers=optimizers, preset=preset, device="cpu", **fields)
        )

    return make


@pytest.fixture
def finish():
    """Give a function that pretends to run batches: every key with the outcome that `judge` gives its setting."""

    def run(plan, batches, judge):
        known = {}
        for batch in batches:
            for keys in plan.keys(batch):
                for setting, key in zip(batch.settings, keys, strict=True):
                    score, gap = judge(setting)
                    known[key] = Outcome("exhausted", score, gap)
        return known

    return run
