"""The Python, the commands and the output in the documentation, run and compared."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest

from benchbed.cli import commands as program

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").glob("*.md")),
    "examples/benchbed-softsign/README.md",
]
NEEDED_PACKAGES = {"docs/modules.md": "sklearn", "docs/torch-optimizers.md": "pytorch_optimizer"}
"""Packages of the extras that the code and the commands of a page import."""
TESTED_ELSEWHERE = {
    "docs/cluster.md": "tests/faults/test_executors.py and tests/benchbed/cli/test_merge.py run its recipes",
    "docs/notebook.md": "its cells share their names; a test of this file runs them in a kernel",
}
"""Reason for each page whose blocks need several machines, or each other."""
NOT_RUN = {
    "benchbed course": "tests/benchbed_course/figures draw every figure",
    "benchbed course -O results/course": "likewise",
    "benchbed course C7 C8 -O results/course": "likewise",
    "benchbed course C10 --preset full": "likewise; the command takes an hour",
    "benchbed course --open": "tests/benchbed_course/test_command.py opens a page",
    "benchbed course C7 C9 --plugin softsign.py -o softsign": "likewise, with an optimizer of a plugin",
    "benchbed findings": "tests/benchbed_findings compute its quick parts",
    "benchbed reference value digits-logistic --plugin ./digits.py": "tests/benchbed/cli/test_reference.py",
    "benchbed run --plugin ./mine.py -p my-network -o adamw -o sgd -o muon --steps 2000 -O results/mine": "a model of "
    "the reader's own",
    "benchbed run --plugin softsign.py -o softsign -o sgd -o momentum -o adam -o lion -O results/softsign": "the "
    "standard benchmark, which takes a minute",
    "benchbed check softsign": "tox -e example runs it with the package",
    "benchbed run -p quadratic -o softsign -o adam --preset quick": "likewise",
    "benchbed run -p quadratic -o softsign -o adam --preset quick -O softsign-study": "likewise",
}
"""Reason for each command in a block that the tests of this file do not run."""
OTHER_PROGRAMS = ("cd ", "pip install ", "python -m pip install ", "python3.11 -m venv ", "pytest", "tox")
"""Beginnings of documented lines that need a network, a new environment, or minutes."""

NOTEBOOK = "docs/notebook.md"
"""The page whose blocks are the cells of one notebook, which share their names."""
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LANGUAGES = {"", "bash", "console", "python", "sh", "text", "toml", "yaml"}
DIRECTIVE = re.compile(r"\{[a-z-]+\}")
SAVED_FILE = re.compile(
    r"Save this as `([\w./-]+)`[^\n]*:\n\n```[a-z]+\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
LINK = re.compile(r"\]\((?!https?:|#|_generated/)([^)#\s]+)[^)\s]*\)")
INLINE_COMMAND = re.compile(r"`(benchbed [^`]*)`")

RUN_NOTEBOOK = """
import sys, nbclient, nbformat
notebook = nbformat.read(sys.argv[1], 4)
nbclient.NotebookClient(notebook, timeout=240).execute()
nbformat.write(notebook, sys.argv[1])
"""
"""Runs the cells of a notebook in a kernel, and stores it with their outputs."""


def text_of(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page, *languages):
    """List the code blocks of a page in some languages."""
    return [code for language, code in FENCE.findall(text_of(page)) if language in languages]


def commands_of(page):
    """Yield the commands of a page that are run, each with its output, or with None if the page shows none."""
    for language, code in FENCE.findall(text_of(page)):
        if language == "console":
            for session in re.split(r"^\$ ", code, flags=re.MULTILINE)[1:]:
                command, _, output = session.partition("\n")
                yield command, output
        elif language in ("sh", "bash"):
            for line in code.replace("\\\n", " ").splitlines():
                command = line.split("  #")[0].rstrip()
                if command and command not in NOT_RUN and not command.startswith(OTHER_PROGRAMS):
                    yield command, None


def arguments_of(command):
    """Return the arguments of a documented command."""
    name, *arguments = shlex.split(command, comments=True)
    assert name == "benchbed"
    return arguments


def pages_with(*languages):
    return [page for page in PAGES if blocks(page, *languages) and page not in TESTED_ELSEWHERE]


@pytest.fixture(scope="module")
def folder_of(tmp_path_factory):
    """Return a function from a page to its folder, with the files that the page says to save."""
    folders = {}

    def folder(page):
        if page not in folders:
            folders[page] = tmp_path_factory.mktemp("page")
            for name, content in SAVED_FILE.findall(text_of(page)):
                (folders[page] / name).write_text(content, encoding="utf-8")
        if page in NEEDED_PACKAGES:
            pytest.importorskip(NEEDED_PACKAGES[page])
        return folders[page]

    return folder


@pytest.mark.parametrize("page", pages_with("python"))
def test_python_in_the_documentation_runs(page, folder_of, run_programs):
    """Each block is a complete program."""
    folder, programs = folder_of(page), []
    for number, program_text in enumerate(blocks(page, "python")):
        programs.append(folder / f"block{number}.py")
        programs[-1].write_text(program_text, encoding="utf-8")
    process = run_programs(folder, *programs)
    assert process.returncode == 0, process.stderr


def test_the_notebook_runs_in_a_kernel(tmp_path, make_environment):
    """It shows a progress bar, the conclusion with the scores, and a picture for each plot."""
    for module in ("ipykernel", "ipywidgets", "nbclient"):
        pytest.importorskip(module)
    import nbformat

    cells = [nbformat.v4.new_code_cell(block) for block in blocks(NOTEBOOK, "python")]
    file = tmp_path / "notebook.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=cells), file)
    environment = make_environment(IPYTHONDIR=tmp_path / "ipython", JUPYTER_RUNTIME_DIR=tmp_path / "runtime")
    process = subprocess.run(
        [sys.executable, "-P", "-c", RUN_NOTEBOOK, file],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    outputs = [
        [data for output in cell.outputs for data in output.get("data", {}).items()]
        for cell in nbformat.read(file, 4).cells
    ]
    first = dict(outputs[0])
    assert "application/vnd.jupyter.widget-view+json" in first
    assert "Tuned track, mean over 2 problems: " in first["text/html"]
    pictures = [sum(kind == "image/png" for kind, _ in of_cell) for of_cell in outputs]
    assert pictures == [0, 0, cells[2].source.count("study.plot("), 1, 1, 1, 1]


@pytest.mark.parametrize("page", pages_with("sh", "bash", "console"))
def test_commands_in_the_documentation_run(page, folder_of, run_in_process, monkeypatch):
    """In the order of the page, shell lines exit with code 0, and sessions equal the lines that are printed."""
    folder = folder_of(page)
    # Drawing takes seconds; without the plugin of reports, messages would name it.
    monkeypatch.setattr("benchbed.study.reporting.drawn_reports", lambda catalog: [])
    for command, output in commands_of(page):
        # The width of output that is not a terminal; COLUMNS of the caller may differ.
        result = run_in_process(
            folder, *arguments_of(command), plots=True, COLUMNS=120, XDG_DATA_HOME=folder / "data"
        )
        if output is None:
            assert result.returncode == 0, (command, result.stderr)
        else:
            assert result.stderr + result.stdout == output
            assert (result.returncode == 0) == ("error: " not in output), command


def test_blocks_are_marked_by_their_language():
    """A block of another language would not be tested, nor a command in a block that is text."""
    languages = {language for page in PAGES for language, _ in FENCE.findall(text_of(page))}
    assert {name for name in languages - LANGUAGES if not DIRECTIVE.match(name)} == set()
    lines = [line for page in PAGES for block in blocks(page, "", "text") for line in block.splitlines()]
    untested = [line for line in lines if line.startswith("benchbed ") and line not in NOT_RUN]
    assert untested == []


def test_every_reason_is_needed():
    """A reason for a command that no page contains any more fails here."""
    texts = "\n".join(map(text_of, PAGES))
    assert [command for command in NOT_RUN if command not in texts] == []


def test_links_between_files_lead_somewhere():
    """Each relative link names a file or folder of the repository; the site checks the sections."""
    missing = [
        (page, link)
        for page in PAGES
        for link in LINK.findall(text_of(page))
        if not ((ROOT / page).parent / link).exists()
    ]
    assert missing == []


@pytest.mark.parametrize("page", pages_with("toml"))
def test_toml_in_the_documentation_is_valid(page):
    """Each block can be parsed."""
    for block in blocks(page, "toml"):
        tomllib.loads(block)


def test_commands_in_sentences_exist():
    """Every command and option that a sentence mentions is one of `benchbed`."""
    context = click.Context(program)
    for page in PAGES:
        for line in INLINE_COMMAND.findall(text_of(page)):
            name, *arguments = arguments_of(" ".join(line.split()).replace("…", ""))
            command = program.get_command(context, name)
            if name.startswith("-") or name.isupper():  # an option of the program, or any command
                continue
            assert command is not None, (page, line)
            command.make_parser(click.Context(command, resilient_parsing=True)).parse_args(arguments)


def test_workflows_in_the_documentation_run_commands_that_exist():
    """Every command of a workflow and its options exist."""
    context = click.Context(program)
    lines = [line for page in PAGES for block in blocks(page, "yaml") for line in block.splitlines()]
    commands = [line.partition("benchbed ")[2] for line in lines if "run: benchbed " in line]
    assert commands
    for line in commands:
        name, *arguments = shlex.split(line.partition(">>")[0])
        command = program.get_command(context, name)
        command.make_parser(click.Context(command, resilient_parsing=True)).parse_args(arguments)
