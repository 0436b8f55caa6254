"""The same command completes an interrupted study, and two drivers do not share a folder."""

import json
import subprocess
import sys

import pytest

from benchbed.store import StudyFolder, from_bytes

pytestmark = pytest.mark.slow

SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "SIGKILL": -9}

after_each_signal = pytest.mark.parametrize("signal_name", SIGNALS)


@after_each_signal
def test_the_exit_code_depends_on_the_signal(signal_name, interrupted):
    """It is 130 after Ctrl-C and 143 after SIGTERM; SIGKILL cannot be handled."""
    _, observations = interrupted(signal_name)
    assert observations["code"] == SIGNALS[signal_name]


@after_each_signal
def test_no_process_remains(signal_name, interrupted):
    """Worker processes end with their driver, even while a plugin keeps them busy."""
    _, observations = interrupted(signal_name)
    assert observations["remaining"] == []


@after_each_signal
def test_no_process_prints_a_traceback(signal_name, interrupted):
    """Neither the driver nor its workers nor the fork server do."""
    _, observations = interrupted(signal_name)
    assert "Traceback" not in observations["stderr"]
    assert "Traceback" not in observations["again_stderr"]


@pytest.mark.parametrize(("signal_name", "word"), [("SIGINT", "interrupted"), ("SIGTERM", "terminated")])
def test_a_study_that_was_interrupted_says_how_it_continues(signal_name, word, interrupted):
    """Its trials are stored."""
    last = interrupted(signal_name)[1]["stderr"].splitlines()[-1]
    assert last == f"{word}; finished trials are stored, and the same command continues the study"


@after_each_signal
def test_the_same_command_completes_the_study(signal_name, interrupted):
    """No option is needed to resume."""
    _, observations = interrupted(signal_name)
    assert observations["again"] == 0


@after_each_signal
def test_finished_parts_do_not_change(signal_name, interrupted):
    """New parts are added to the earlier ones, which stay byte for byte."""
    _, observations = interrupted(signal_name)
    assert len(observations["before"]) >= 3
    assert observations["before"].items() < observations["after"].items()


@after_each_signal
def test_no_trial_runs_twice(signal_name, interrupted):
    """No trial is in two parts."""
    folder, _ = interrupted(signal_name)
    parts = [from_bytes(path.read_bytes()) for path in (folder / "trials").glob("*.parquet")]
    keys = [key for part in parts for key in part["trial_key"].to_pylist()]
    assert len(keys) == len(set(keys))


@after_each_signal
def test_the_results_equal_those_of_an_uninterrupted_study(signal_name, interrupted, uninterrupted, rows):
    """Every column of every trial, except for its time, is equal to the bit."""
    folder, _ = interrupted(signal_name)
    assert json.dumps(rows(folder)) == json.dumps(rows(uninterrupted / "study"))


@after_each_signal
def test_the_summary_equals_that_of_an_uninterrupted_study(signal_name, interrupted, uninterrupted):
    """The files are equal byte for byte."""
    folder, _ = interrupted(signal_name)
    expected = (uninterrupted / "study" / "summary.csv").read_bytes()
    assert (folder / "summary.csv").read_bytes() == expected


@after_each_signal
def test_no_temporary_file_remains(signal_name, interrupted):
    """A file exists completely or not at all."""
    folder, _ = interrupted(signal_name)
    assert list(folder.rglob("*.partial")) == []
    assert StudyFolder(folder).read_trials().num_rows > 0


def test_a_second_driver_is_rejected(interrupted):
    """While the first one runs, the second exits with 3 and a reason."""
    code, errors = interrupted("SIGINT")[1]["second"]
    assert code == 3
    assert "study is in use by another benchbed" in errors


@pytest.mark.parametrize(("signal_name", "word"), [("SIGINT", "interrupted"), ("SIGTERM", "terminated")])
def test_a_signal_during_an_import_ends_the_command(signal_name, word, tmp_path):
    """An exception inside the imports of torch would pass through its C++ code and abort the process."""
    (tmp_path / "stops.py").write_text(f"import signal; signal.raise_signal(signal.{signal_name})")
    setup = (
        f"import signal, sys; from benchbed import cli; signal.signal(signal.{signal_name}, cli._on_signal)"
    )
    result = subprocess.run(
        [sys.executable, "-c", f"{setup}; sys.path.insert(0, {str(tmp_path)!r}); import stops"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == SIGNALS[signal_name]
    assert result.stderr == f"{word}\n"
