"""Rows 3 and 4: batches that hang end at the time limit."""

import pytest

import benchbed

pytestmark = pytest.mark.slow

HANGING = {"hangs": "loop_for_ever", "hangs-in-c": "backtrack_for_ever"}


@pytest.fixture(scope="module")
def study(run_benchbed, run_once, faulty_run):
    """Run two optimizers that hang, in Python and in C, and one that does not."""

    def fill(folder):
        # Enough seconds for the healthy optimizer on a busy machine.
        optimizers = ["-o", "hangs", "-o", "hangs-in-c", "-o", "gd"]
        options = ["-p", "quadratic", *optimizers, "--track", "default", "--timeout", "12", "-O", "study"]
        assert run_benchbed(folder, *faulty_run, *options).returncode == 1

    return benchbed.load(run_once("time-limits", fill) / "study")


@pytest.mark.parametrize("name", HANGING)
def test_an_optimizer_that_hangs_has_timed_out(name, study):
    """A plugin that holds the GIL in C ends as well, and there is no second attempt."""
    trials = study.trials[study.trials["optimizer"] == name]
    assert list(trials["status"]) == ["timed_out", "timed_out"]
    assert list(trials["attempt"]) == [1, 1]


@pytest.mark.parametrize(("name", "function"), HANGING.items())
def test_the_log_has_the_stack(name, function, study):
    """It contains the function that did not return."""
    assert function in (study.path / "logs" / f"quadratic-{name}-evaluation.log").read_text()


def test_a_healthy_optimizer_completes(study):
    """Each batch has its own time limit."""
    assert list(study.trials[study.trials["optimizer"] == "gd"]["status"]) == ["exhausted", "exhausted"]
