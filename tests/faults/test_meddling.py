"""Row 11: a plugin that changes global state does not change other results."""

import json

import pytest

pytestmark = pytest.mark.slow

OTHERS = ["-p", "quadratic", "-p", "runge", "-o", "gd", "-o", "adam", "--track", "default"]


@pytest.fixture(scope="module")
def studies(run_benchbed, run_in_process, run_once, faulty_run, rows):
    """Return the rows of two studies: with an optimizer that changes all global state, and without it."""

    def fill(folder):
        # With one job, the same process runs the other pairings afterwards.
        arguments = [*faulty_run, "-j", "1"]
        with_meddler = run_benchbed(folder, *arguments, "-o", "meddles", *OTHERS, "-O", "with")
        without = run_in_process(folder, *arguments, *OTHERS, "-O", "without")
        assert (with_meddler.returncode, without.returncode) == (0, 0), with_meddler.stderr + without.stderr

    folder = run_once("meddling", fill)
    return {name: rows(folder / name) for name in ("with", "without")}


def test_the_study_contains_the_meddling_optimizer(studies):
    """The other test depends on it."""
    assert {row["optimizer"] for row in studies["with"]} == {"gd", "adam", "meddles"}


def test_later_trials_are_equal_to_the_bit(studies):
    """Generators, threads, dtype, settings, warnings and the working directory have their defaults."""
    others = [row for row in studies["with"] if row["optimizer"] != "meddles"]
    assert json.dumps(others) == json.dumps(studies["without"])
