"""The driver shares the cores among the batches that a plan begins with."""

import pytest

from benchbed.catalog import load_catalog
from benchbed.plan import Request, make_plan
from benchbed.runner.scheduler import threads_of


@pytest.fixture(scope="module")
def plan_of():
    """Give a function that plans some optimizers on one problem, on the default track or more."""
    catalog = load_catalog(environ={})

    def make(optimizers, tracks=("default",)):
        request = Request(
            problems=("quadratic",), optimizers=optimizers, tracks=tracks, preset="quick", device="cpu"
        )
        return make_plan(catalog, request)

    return make


@pytest.mark.parametrize(
    ("optimizers", "jobs", "threads"),
    [
        (("gd",), 1, 1),
        (("gd",), 2, 2),
        (("gd",), 64, 64),
        (("gd", "adam"), 2, 1),
        (("gd", "adam"), 64, 32),
        (("gd", "adam", "momentum"), 2, 1),
        (("gd", "adam", "momentum"), 64, 21),
    ],
)
def test_no_core_is_left_idle_and_none_is_used_twice(plan_of, optimizers, jobs, threads):
    """Every pairing of the default track begins with one batch; jobs × threads is at most the jobs asked for."""
    assert threads_of(plan_of(optimizers), jobs) == threads


def test_a_tuned_pairing_begins_with_two_batches(plan_of):
    """Its tuning, and the evaluation of the default."""
    assert threads_of(plan_of(("gd",), ("default", "tuned")), 8) == 4
