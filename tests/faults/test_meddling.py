"""Row 11: a plugin that changes global state changes no other result."""

import json

import pytest

pytestmark = pytest.mark.slow

OTHERS = ["-p", "quadratic", "-p", "runge", "-o", "gd", "-o", "adam", "--track", "default"]


@pytest.fixture(scope="module")
def studies(bench, bench_here, once, misdeeds, rows):
    """Give the rows of two studies: one after an optimizer that changes everything, and one without it."""

    def fill(folder):
        # One job: the child that was meddled with goes on to the other pairings.
        asked = [*misdeeds, "-j", "1"]
        met = bench(folder, *asked, "-o", "meddles", *OTHERS, "-O", "with")
        unmet = bench_here(folder, *asked, *OTHERS, "-O", "without")
        assert (met.returncode, unmet.returncode) == (0, 0), met.stderr + unmet.stderr

    folder = once("meddling", fill)
    return {name: rows(folder / name) for name in ("with", "without")}


def test_the_meddler_comes_first(studies):
    """Otherwise the other tests here would say nothing."""
    assert {row["optimizer"] for row in studies["with"]} == {"gd", "adam", "meddles"}


def test_later_trials_are_equal_to_the_bit(studies):
    """Generators, threads, dtype, switches, warnings and the working directory are as they always are."""
    others = [row for row in studies["with"] if row["optimizer"] != "meddles"]
    assert json.dumps(others) == json.dumps(studies["without"])
