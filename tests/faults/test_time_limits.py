"""Batches that hang end at the time limit, even if they cancel it, block signals or stop themselves."""

import json
from pathlib import Path

import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "outwitting.py"
OUTWITTING = ["cancels-timer", "sets-timer-again", "stops-itself"]
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


@pytest.fixture(scope="module")
def outwitted(run_benchbed, run_once, remaining_processes):
    """Run optimizers that outwit the time limit of their own process; return the folder."""

    def fill(folder):
        optimizers = [argument for name in (*OUTWITTING, "claims-a-timeout") for argument in ("-o", name)]
        arguments = [
            "--plugin",
            PLUGIN,
            "-p",
            "quadratic",
            *optimizers,
            "--track",
            "default",
            "--timeout",
            "8",
        ]
        options = ["--preset", "quick", "--steps", "30", "--seeds", "1", "-j", "2", "-O", "study"]
        result = run_benchbed(folder, "run", *arguments, *options, BENCHBED_TEST_GATE=folder)
        assert result.returncode == 1, result.stderr
        (folder / "remaining.json").write_text(json.dumps(remaining_processes(folder)))

    return run_once("outwitted", fill)


@pytest.mark.parametrize("name", OUTWITTING)
def test_an_optimizer_that_outwits_the_time_limit_has_timed_out(name, outwitted):
    """The process that started it keeps the time, and its log says that there is no stack."""
    trials = benchbed.load(outwitted / "study").trials
    assert list(trials[trials["optimizer"] == name]["status"]) == ["timed_out"]
    log = (outwitted / "study" / "logs" / f"quadratic-{name}-evaluation.log").read_text()
    assert "did not end itself at its time limit" in log


def test_a_process_that_claims_a_timeout_has_crashed(outwitted):
    """Its file does not decide."""
    trials = benchbed.load(outwitted / "study").trials
    assert list(trials[trials["optimizer"] == "claims-a-timeout"]["status"]) == ["crashed"]


def test_nothing_that_the_optimizers_started_remains(outwitted):
    """Not even the child of a process that was stopped."""
    assert json.loads((outwitted / "remaining.json").read_text()) == []
