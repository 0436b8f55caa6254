"""Rows 3 and 4: what never comes back is ended by its own clock."""

import pytest

import benchbed

pytestmark = pytest.mark.slow

HANGING = {"hangs": "loop_for_ever", "hangs-in-c": "backtrack_for_ever"}


@pytest.fixture(scope="module")
def study(bench, once, misdeeds):
    """Run two optimizers that hang, in Python and in C, beside one that does not."""

    def fill(folder):
        # Seconds enough for the healthy one on a machine that is busy with other things.
        optimizers = ["-o", "hangs", "-o", "hangs-in-c", "-o", "gd"]
        asked = ["-p", "quadratic", *optimizers, "--track", "default", "--timeout", "12", "-O", "study"]
        assert bench(folder, *misdeeds, *asked).returncode == 1

    return benchbed.load(once("time-limits", fill) / "study")


@pytest.mark.parametrize("name", HANGING)
def test_what_hangs_has_timed_out(name, study):
    """Holding the interpreter's lock in C delays nothing; and there is no second attempt."""
    trials = study.trials[study.trials["optimizer"] == name]
    assert list(trials["status"]) == ["timed_out", "timed_out"]
    assert list(trials["attempt"]) == [1, 1]


@pytest.mark.parametrize(("name", "function"), HANGING.items())
def test_the_stack_of_a_hang_is_in_its_log(name, function, study):
    """The log names the function that did not return."""
    assert function in (study.path / "logs" / f"quadratic-{name}-evaluation.log").read_text()


def test_healthy_optimizers_complete_beside_hangs(study):
    """The clock is the batch's own."""
    assert list(study.trials[study.trials["optimizer"] == "gd"]["status"]) == ["exhausted", "exhausted"]
