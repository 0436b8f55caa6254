"""Run what the documentation shows: its Python, its commands and the output it claims."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchbed import hookspecs

ROOT = Path(__file__).parents[1]
PAGES = ["README.md", "docs/plugins.md", "examples/benchbed-signum/README.md"]

EACH = "import runpy, sys\nfor program in sys.argv[1:]: runpy.run_path(program, run_name='__main__')\n"
"""Runs programs one after the other, each in a namespace of its own: a start costs seconds."""


def blocks(page, language):
    """List the code blocks of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def words(command):
    """Give the arguments of a documented command."""
    name, *arguments = shlex.split(command, comments=True)
    assert name == "benchbed"
    return arguments


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder in which the README's files lie."""
    place = tmp_path_factory.mktemp("newcomer")
    (place / "signum.py").write_text(blocks("README.md", "python")[0], encoding="utf-8")
    return place


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_documentation_runs(page, folder, surroundings):
    """Each block is a complete program."""
    programs = []
    for number, block in enumerate(blocks(page, "python")):
        programs.append(folder / f"block{number}.py")
        programs[-1].write_text(block, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-P", "-c", EACH, *programs],
        cwd=folder,
        env=surroundings(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_commands_in_the_readme_run(folder, bench_here):
    """Each line of a shell block ends well, in the order of the page."""
    lines = [
        line
        for block in blocks("README.md", "sh")
        for line in block.splitlines()
        if line.startswith("benchbed ")
    ]
    assert lines
    for line in lines:
        done = bench_here(folder, *words(line))
        assert done.returncode == 0, (line, done.stderr)


def test_the_readme_shows_what_is_printed(tmp_path, bench_here):
    """The sample session is, letter for letter, what the command prints."""
    (session,) = blocks("README.md", "console")
    command, _, output = session.partition("\n")
    # As wide as output that goes to no terminal; whoever runs the tests may have told theirs.
    done = bench_here(tmp_path, *words(command.removeprefix("$ ")), COLUMNS=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == output


def test_every_hook_is_documented():
    """A hook that docs/plugins.md does not name cannot be found by those it is for."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    hooks = [name for name in dir(hookspecs) if name.startswith("register_")]
    assert [name for name in hooks if f"`{name}`" not in page] == []
