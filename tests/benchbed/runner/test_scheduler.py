"""Threads of the batches at the start of a plan."""

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.plan import Request, make_plan
from benchbed.runner.scheduler import threads_of


@pytest.fixture(scope="module")
def plan_of():
    """Return a function that plans some optimizers on one problem."""
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
def test_jobs_times_threads_is_at_most_the_number_of_cores(plan_of, optimizers, jobs, threads):
    """Every pairing of the default track starts with one batch."""
    assert threads_of(plan_of(optimizers), jobs) == threads


def test_a_tuned_pairing_starts_with_two_batches(plan_of):
    """They are its tuning and the evaluation of the default."""
    assert threads_of(plan_of(("gd",), ("default", "tuned")), 8) == 4
