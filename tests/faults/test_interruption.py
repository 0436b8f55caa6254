"""Rows 12, 13 and 14, and two drivers at once: whatever ends a study, the same line completes it."""

import json

import pytest

from benchbed.store import StudyFolder, from_bytes

pytestmark = pytest.mark.slow

SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9}

after_each = pytest.mark.parametrize("name", SIGNALS)


@after_each
def test_the_exit_code_names_the_signal(name, disturbed):
    """130 after Ctrl-C, 143 after SIGTERM; nobody can answer SIGKILL."""
    _, seen = disturbed(name)
    assert seen["code"] == SIGNALS[name]


@after_each
def test_no_process_is_left(name, disturbed):
    """Children end with their driver, also while a plugin keeps them busy."""
    _, seen = disturbed(name)
    assert seen["left"] == []


@after_each
def test_there_is_no_traceback(name, disturbed):
    """Neither the driver, nor its children, nor the fork server complain."""
    _, seen = disturbed(name)
    assert "Traceback" not in seen["stderr"]
    assert "Traceback" not in seen["again_stderr"]


@after_each
def test_the_same_line_completes_the_study(name, disturbed):
    """Nobody has to know what was done already."""
    _, seen = disturbed(name)
    assert seen["again"] == 0


@after_each
def test_what_had_finished_stays_as_it_was(name, disturbed):
    """Parts from before are there, byte for byte, beside new ones."""
    _, seen = disturbed(name)
    assert len(seen["before"]) >= 3
    assert seen["before"].items() < seen["after"].items()


@after_each
def test_nothing_runs_twice(name, disturbed):
    """No trial is in two parts."""
    folder, _ = disturbed(name)
    parts = [from_bytes(path.read_bytes()) for path in (folder / "trials").glob("*.parquet")]
    keys = [key for part in parts for key in part["trial_key"].to_pylist()]
    assert len(keys) == len(set(keys))


@after_each
def test_the_results_are_those_of_an_undisturbed_study(name, disturbed, undisturbed, rows):
    """Every column of every trial, but for its time, is equal to the bit."""
    folder, _ = disturbed(name)
    assert json.dumps(rows(folder)) == json.dumps(rows(undisturbed / "study"))


@after_each
def test_the_summary_is_that_of_an_undisturbed_study(name, disturbed, undisturbed):
    """So is what people read."""
    folder, _ = disturbed(name)
    assert (folder / "summary.csv").read_bytes() == (undisturbed / "study" / "summary.csv").read_bytes()


@after_each
def test_no_temporary_file_is_left(name, disturbed):
    """Files exist whole or not at all."""
    folder, _ = disturbed(name)
    assert list(folder.rglob("*.partial")) == []
    assert StudyFolder(folder).read_trials().num_rows > 0


def test_another_driver_is_refused(disturbed):
    """While one works, a second ends with 3 and says why."""
    code, errors = disturbed("SIGINT")[1]["second"]
    assert code == 3
    assert "study is in use by another benchbed" in errors
