"""The installed catalog, and requests of it."""

import os

import pytest

from benchbed.catalog import load_catalog
from benchbed.plan import Request, make_plan


@pytest.fixture(scope="session")
def catalog():
    """What is installed."""
    return load_catalog([], dict(os.environ))


@pytest.fixture
def plan_of(catalog):
    """Give a function that resolves a request; what is not named is small."""

    def make(problems=("quadratic",), optimizers=("adam",), preset="quick", device="cpu", **fields):
        request = Request(problems=problems, optimizers=optimizers, preset=preset, device=device, **fields)
        return make_plan(catalog, request)

    return make
