"""The commands as a whole: help, version, and how light they are."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchbed import __version__

LOOK = "import sys; sys.argv[0] = 'benchbed'; from benchbed.cli import main; main()\n"


def test_the_version_is_that_of_the_package(bench, tmp_path):
    """It is one line on stdout."""
    assert bench(tmp_path, "--version").stdout == f"benchbed {__version__}\n"


@pytest.mark.parametrize("command", ["run", "list", "plugins", "plan", "report", "compare", "verify"])
def test_every_command_shows_examples(command, bench, tmp_path):
    """Help begins with what to type."""
    result = bench(tmp_path, command, "--help")
    assert result.returncode == 0
    assert f"  benchbed {command}" in result.stdout


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_light_commands_import_nothing_heavy(argument):
    """Neither torch nor pandas nor matplotlib is imported for a line of text."""
    heavy = "print([name for name in ('torch', 'pandas', 'matplotlib') if name in sys.modules])"
    shown = subprocess.run(
        [sys.executable, "-P", "-c", LOOK + heavy, argument],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert shown.stdout.splitlines()[-1] == "[]"


def test_list_names_what_there_is(bench, tmp_path):
    """Every kind has its heading, and every optimizer its parameters."""
    shown = bench(tmp_path, "list").stdout
    assert "optimizers:" in shown
    assert "learning_rate=0.001, beta1=0.9, beta2=0.999" in shown
    assert "executors:" in shown
    assert "optimum exact; scale: median of f₀ − f* over 1000 instances" in shown
    assert "optimum a lower bound; scale: median of f₀ − f* over 20 instances" in shown


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device here is always full")
def test_a_full_stdout_is_said_in_a_sentence(bench, tmp_path):
    """On stderr, which may lie elsewhere, with the code of a folder that cannot be used."""
    ended = bench(tmp_path, "list", shell='"$@" > /dev/full')
    assert (ended.returncode, ended.stderr.count("\n")) == (3, 1)
    assert ended.stderr.startswith("error: no space is left")
