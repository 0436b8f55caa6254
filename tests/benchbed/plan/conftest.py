"""Fixtures with the installed catalog and plans."""

import os

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.plan import Request, make_plan


@pytest.fixture(scope="session")
def catalog():
    """Return the installed catalog."""
    return load_catalog([], dict(os.environ))


@pytest.fixture
def plan_of(catalog):
    """Return a function that resolves a request, by default a small one."""

    def build(problems=("quadratic",), optimizers=("adam",), preset="quick", device="cpu", **fields):
        request = Request(problems=problems, optimizers=optimizers, preset=preset, device=device, **fields)
        return make_plan(catalog, request)

    return build
