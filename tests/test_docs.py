"""The Python, the commands and the output in the documentation, run and compared."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from benchbed import hookspecs

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "docs/plugins.md",
    "docs/modules.md",
    "docs/torch-optimizers.md",
    "examples/benchbed-softsign/README.md",
]

RUN_EACH = "import runpy, sys\nfor program in sys.argv[1:]: runpy.run_path(program, run_name='__main__')\n"
"""Runs programs one after the other in one process, each in its own namespace: a start takes seconds."""


def blocks(page, language):
    """List the code blocks of a page in one language."""
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)


def arguments_of(command):
    """Return the arguments of a documented command."""
    name, *arguments = shlex.split(command, comments=True)
    assert name == "benchbed"
    return arguments


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Folder with the files that the README creates."""
    path = tmp_path_factory.mktemp("readme")
    (path / "softsign.py").write_text(blocks("README.md", "python")[0], encoding="utf-8")
    return path


@pytest.mark.parametrize("page", PAGES)
def test_python_in_the_documentation_runs(page, folder, make_environment):
    """Each block is a complete program; the page about modules needs the extra `data`."""
    if page == "docs/modules.md":
        pytest.importorskip("sklearn")
    programs = []
    for number, block in enumerate(blocks(page, "python")):
        programs.append(folder / f"block{number}.py")
        programs[-1].write_text(block, encoding="utf-8")
    process = subprocess.run(
        [sys.executable, "-P", "-c", RUN_EACH, *programs],
        cwd=folder,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stderr


def test_commands_in_the_readme_run(folder, run_in_process):
    """The lines of the shell blocks exit with code 0, in the order of the page."""
    lines = [
        line
        for block in blocks("README.md", "sh")
        for line in block.splitlines()
        if line.startswith("benchbed ")
    ]
    assert lines
    for line in lines:
        result = run_in_process(folder, *arguments_of(line))
        assert result.returncode == 0, (line, result.stderr)


def test_the_sample_session_matches_the_output(tmp_path, run_in_process):
    """The sample session equals the output of its command, letter for letter."""
    (session,) = blocks("README.md", "console")
    command, _, output = session.partition("\n")
    # The width of output that is not a terminal; COLUMNS of the caller may differ.
    result = run_in_process(tmp_path, *arguments_of(command.removeprefix("$ ")), COLUMNS=120)
    assert result.returncode == 0, result.stderr
    assert result.stdout == output


def test_every_hook_is_documented():
    """docs/plugins.md names every hook."""
    page = (ROOT / "docs" / "plugins.md").read_text(encoding="utf-8")
    hooks = [name for name in dir(hookspecs) if name.startswith("register_")]
    assert [name for name in hooks if f"`{name}`" not in page] == []
