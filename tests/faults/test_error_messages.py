"""Errors of plugins are seen on stderr, once each, and are bounded there and in the rows."""

from pathlib import Path

import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "messages.py"
NUMBERS = range(14)


@pytest.fixture(scope="module")
def ran(run_in_process, run_once):
    """Run optimizers with unusual messages on two problems; return the folder."""

    def fill(folder):
        numbers = ",".join(f"{number}.0" for number in NUMBERS)
        names = ["endless", "coloured", "several-lines", "unprintable", f"numbered[number=[{numbers}]]"]
        optimizers = [argument for name in names for argument in ("-o", name)]
        result = run_in_process(
            folder, "run", "--plugin", PLUGIN, "-p", "quadratic", "-p", "quartic", *optimizers, "-o", "gd",
            *("--preset", "quick", "--seeds", "2", "--steps", "20", "--track", "default"),
            *("-O", "study", "--format", "csv"),
        )  # fmt: skip
        assert result.returncode == 1
        (folder / "stderr").write_text(result.stderr)

    return run_once("messages", fill)


@pytest.fixture(scope="module")
def errors(ran):
    """Return the lines of stderr on errors."""
    lines = (ran / "stderr").read_text().splitlines()
    assert not [line for line in lines if line.startswith("Traceback")]
    return [line for line in lines if line.startswith("error: ")]


def test_each_error_is_printed_once_with_its_pairings(errors):
    """The number counts the trials of both problems, with two seeds each."""
    line = "error: 4 trials failed: quadratic × several-lines and 1 further pairing: ValueError: first line"
    assert errors.count(line) == 1


def test_many_errors_are_counted(errors):
    """There are 14 numbers and 4 other messages; the last line counts all trials."""
    assert len(errors) == 10 + 1 + 1
    assert errors[-2] == "error: and 8 further errors"
    assert errors[-1].startswith("error: 72 trials have no result")


def test_lines_are_short_and_harmless(errors):
    """Five megabytes, colours and controls are cut and escaped."""
    assert all(len(line) <= 310 and line.isprintable() for line in errors)
    (line,) = (line for line in errors if "× coloured" in line)
    assert r"\x1b[31mred\x1b[0m \u202e<b>=1+1\x00" in line
    (line,) = (line for line in errors if "× endless" in line)
    assert line.endswith("xxx…")


def test_rows_keep_head_and_tail(ran):
    """Both are useful: where the error was raised, and the end of its message."""
    trials = benchbed.load(ran / "study").trials
    long = trials[trials["optimizer"] == "endless"]["error"]
    assert long.str.len().max() < 20_100
    assert long.str.startswith("Traceback").all()
    assert long.str.contains("ValueError: begin xxx").all()
    assert long.str.contains("xxx end").all()
    assert (trials["status"] == "failed").sum() == 72


def test_healthy_trials_complete(ran):
    """Beside all these errors."""
    trials = benchbed.load(ran / "study").trials
    assert not (trials[trials["optimizer"] == "gd"]["status"] == "failed").any()
