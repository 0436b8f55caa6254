"""Tests of all commands: help, version, and their imports."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchbed import __version__
from benchbed.catalog.records import KINDS
from benchbed.cli import commands
from benchbed.interfaces import Engine
from benchbed.plan.model import TRACKS
from benchbed.plan.presets import PRESETS
from benchbed.reports.console import FORMATS

pytestmark = pytest.mark.slow

RUN_MAIN = "import sys; sys.argv[0] = 'benchbed'; from benchbed.cli import main; main()\n"


def test_the_version_is_that_of_the_package(run_benchbed, tmp_path):
    """It is printed as one line on stdout."""
    assert run_benchbed(tmp_path, "--version").stdout == f"benchbed {__version__}\n"


@pytest.mark.parametrize(
    "command", ["run", "list", "plugins", "plan", "report", "compare", "verify", "check", "new"]
)
def test_every_command_shows_examples(command, run_benchbed, tmp_path):
    """The help has at least one command line to copy."""
    result = run_benchbed(tmp_path, command, "--help")
    assert result.returncode == 0
    assert f"  benchbed {command}" in result.stdout


def test_the_choices_in_the_help_match_their_definitions():
    """The help repeats them, because it must not import the modules that define them."""
    options = {option.name: option for option in commands.commands["run"].params}
    for name, choices in (("engine", Engine), ("tracks", TRACKS), ("preset", PRESETS)):
        assert options[name].metavar == "|".join(choices)
    assert tuple(options["format_"].type.choices) == FORMATS
    assert all(kind in commands.commands["list"].help for kind in KINDS)


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_light_commands_import_nothing_heavy(argument):
    """They start without torch, pandas and matplotlib."""
    heavy = "print([name for name in ('torch', 'pandas', 'matplotlib') if name in sys.modules])"
    process = subprocess.run(
        [sys.executable, "-P", "-c", RUN_MAIN + heavy, argument],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert process.stdout.splitlines()[-1] == "[]"


def test_list_prints_all_kinds(run_benchbed, tmp_path):
    """Each kind has a heading, and each optimizer its parameters."""
    stdout = run_benchbed(tmp_path, "list").stdout
    assert "optimizers:" in stdout
    assert "learning_rate=0.001 in 1e-6…100, beta1=0.9 in 0…0.999, beta2=0.999 in 0.9…0.9999" in stdout
    assert "executors:" in stdout
    assert "group geometry; dimension 2, float64, budget 5000 calls" in stdout
    assert "optimum exact; scale: median of f₀ − f* over 1000 instances" in stdout
    assert "optimum a lower bound; scale: median of f₀ − f* over 20 instances" in stdout


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_device_is_reported_in_a_sentence(run_benchbed, tmp_path):
    """On stderr, with the exit code of a folder that cannot be used."""
    process = run_benchbed(tmp_path, "list", shell='"$@" > /dev/full')
    assert (process.returncode, process.stderr.count("\n")) == (3, 1)
    assert process.stderr.startswith("error: no space is left")
    process = run_benchbed(tmp_path, "list", shell='"$@" > /dev/full 2> /dev/full')
    assert process.returncode == 3
