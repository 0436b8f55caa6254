"""Rows 23 and 24: hostile surroundings: folders, terminals, locales, pipes and homes."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import benchbed

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("benchbed"))
ASKED = [
    "-p",
    "quadratic",
    "-o",
    "gd",
    "--preset",
    "quick",
    "--steps",
    "30",
    "--seeds",
    "2",
    "-j",
    "1",
    "-O",
    "study",
]


@pytest.fixture(scope="module")
def study(undisturbed):
    """Give a study folder with results of four optimizers on three problems."""
    return undisturbed / "study"


def check(result):
    """Check for a good end without a traceback or an escape code."""
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def test_a_reader_that_closes_stdout_early_is_no_error(bench, study, tmp_path):
    """A reader that has gone before the first line came: it ends quietly, and with 0."""
    result = bench(tmp_path, "report", study, shell='set -o pipefail; "$@" | true')
    check(result)
    assert result.stderr == ""


def test_a_stdout_that_is_closed_from_the_start_is_no_error(bench, study, tmp_path):
    """`>&-` leaves no file at all behind stdout."""
    check(bench(tmp_path, "report", study, shell='"$@" <&- >&-'))


def test_an_ascii_locale_gets_the_whole_table(bench, study, tmp_path):
    """Signs that the encoding lacks are written in other ways; no cell is lost."""
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = bench(tmp_path, "report", study, **ascii_only)
    check(result)
    assert result.stdout.isascii()
    assert all(name in result.stdout for name in ("gd", "momentum", "adam", "quartic", "runge"))


def test_twenty_columns_show_every_row(bench_here, study, tmp_path):
    """A narrow window costs beauty, not data."""
    result = bench_here(tmp_path, "report", study, COLUMNS=20)
    check(result)
    assert all(name in result.stdout for name in ("gd", "momentum", "adam", "quartic", "runge"))


def test_no_home_is_no_noise(bench, tmp_path):
    """A run with plots says nothing on stderr, and leaves no folder of fonts in /tmp."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None, "MPLCONFIGDIR": None}
    result = bench(tmp_path, "run", *ASKED, "--track", "default", plots=True, TMPDIR=temporary, **nowhere)
    check(result)
    assert result.stderr == ""
    assert len(list((tmp_path / "study" / "plots").glob("*.png"))) >= 1
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("variable", "colored"), [("NO_COLOR", False), ("COLORTERM", True)])
def test_a_terminal_gets_colour_unless_it_is_refused(variable, colored, study, surroundings, tmp_path):
    """NO_COLOR is honoured on a terminal."""
    driver, terminal = pty.openpty()
    environment = surroundings(TERM="xterm-256color", NO_COLOR=None) | {variable: "1"}
    process = subprocess.Popen(
        [COMMAND, "report", str(study)],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    )
    os.close(terminal)
    shown = read_all(driver)
    assert process.wait(timeout=60) == 0
    assert (b"\x1b[" in shown) is colored
    assert b"momentum" in shown


def read_all(descriptor):
    shown = b""
    try:
        while chunk := os.read(descriptor, 65536):
            shown += chunk
    except OSError:  # how Linux says that nobody has the terminal open any more
        pass
    finally:
        os.close(descriptor)
    return shown


def test_a_hostile_working_directory_is_not_imported(bench, tmp_path):
    """Neither the command nor its children read torch.py, benchbed.py or a forged entry point that lie there."""
    for name in ("torch", "benchbed", "benchbed_optimizers", "numpy", "forged"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the working directory was imported')")
    information = tmp_path / "forged.egg-info"
    information.mkdir()
    (information / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: forged\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[benchbed]\nforged = forged\n")
    result = bench(tmp_path, "run", *ASKED, "--track", "default", PYTHONSAFEPATH=None)
    check(result)
    assert result.stderr == ""
    assert set(benchbed.load(tmp_path / "study").trials["status"]) == {"exhausted"}
