"""Unusual folders, terminals, locales, pipes and home folders."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

import benchbed

pytestmark = pytest.mark.slow

COMMAND = str(Path(sys.executable).with_name("benchbed"))
OPTIONS = [
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
def study(uninterrupted):
    """Return a study folder with results of four optimizers on three problems."""
    return uninterrupted / "study"


def check_output(result):
    """Check for exit code 0 without traceback or escape code."""
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def test_closing_stdout_early_is_not_an_error(run_benchbed, study, tmp_path):
    """The reader of the pipe ends before the first line; the command exits with 0 and prints no error."""
    result = run_benchbed(tmp_path, "report", study, shell='set -o pipefail; "$@" | true')
    check_output(result)
    assert result.stderr == ""


def test_starting_without_stdout_is_not_an_error(run_benchbed, study, tmp_path):
    """After `>&-`, no file belongs to the descriptor."""
    check_output(run_benchbed(tmp_path, "report", study, shell='"$@" <&- >&-'))


def test_an_ascii_locale_gets_all_rows(run_benchbed, study, tmp_path):
    """Symbols outside the encoding are replaced; no cell is lost."""
    ascii_only = {"LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    result = run_benchbed(tmp_path, "report", study, **ascii_only)
    check_output(result)
    assert result.stdout.isascii()
    assert all(name in result.stdout for name in ("gd", "momentum", "adam", "quartic", "runge"))


def test_twenty_columns_show_every_row(run_in_process, study, tmp_path):
    """A narrow terminal loses no data."""
    result = run_in_process(tmp_path, "report", study, COLUMNS=20)
    check_output(result)
    assert all(name in result.stdout for name in ("gd", "momentum", "adam", "quartic", "runge"))


def test_a_missing_home_folder_prints_no_warning(run_benchbed, tmp_path):
    """A run with plots prints nothing on stderr and leaves no font cache in the temporary folder."""
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    nowhere = {"HOME": "/nonexistent", "XDG_CACHE_HOME": None, "XDG_CONFIG_HOME": None, "MPLCONFIGDIR": None}
    result = run_benchbed(
        tmp_path, "run", *OPTIONS, "--track", "default", plots=True, TMPDIR=temporary, **nowhere
    )
    check_output(result)
    assert result.stderr == ""
    assert len(list((tmp_path / "study" / "plots").glob("*.png"))) >= 1
    assert list(temporary.iterdir()) == []


def test_a_long_temporary_folder_is_enough(run_benchbed, tmp_path):
    """A cluster may set a TMPDIR whose path is too long for a Unix socket."""
    temporary = tmp_path / ("x" * 100)
    temporary.mkdir()
    result = run_benchbed(tmp_path, "run", *OPTIONS, "--track", "default", TMPDIR=temporary)
    check_output(result)
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(("variable", "colored"), [("NO_COLOR", False), ("COLORTERM", True)])
def test_a_terminal_gets_colour_unless_it_is_switched_off(
    variable, colored, study, make_environment, tmp_path
):
    """The variable NO_COLOR switches it off."""
    driver, terminal = pty.openpty()
    environment = make_environment(TERM="xterm-256color", NO_COLOR=None) | {variable: "1"}
    process = subprocess.Popen(
        [COMMAND, "report", str(study)],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=terminal,
        stderr=subprocess.DEVNULL,
    )
    os.close(terminal)
    output = read_all(driver)
    assert process.wait(timeout=60) == 0
    assert (b"\x1b[" in output) is colored
    assert b"momentum" in output


def read_all(descriptor):
    output = b""
    try:
        while chunk := os.read(descriptor, 65536):
            output += chunk
    except OSError:  # Linux raises it once the terminal is closed
        pass
    finally:
        os.close(descriptor)
    return output


def test_a_hostile_working_directory_is_not_imported(run_benchbed, tmp_path):
    """Neither the command nor its processes import torch.py, benchbed.py or a forged entry point from there."""
    for name in ("torch", "benchbed", "benchbed_optimizers", "numpy", "forged", "multiprocessing", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the working directory was imported')")
    information = tmp_path / "forged.egg-info"
    information.mkdir()
    (information / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: forged\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[benchbed]\nforged = forged\n")
    result = run_benchbed(tmp_path, "run", *OPTIONS, "--track", "default", PYTHONSAFEPATH=None)
    check_output(result)
    assert result.stderr == ""
    assert set(benchbed.load(tmp_path / "study").trials["status"]) == {"exhausted"}
