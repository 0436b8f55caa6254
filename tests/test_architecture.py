"""Hold the house to its own measures: light imports, small files, whole words, exceptions with reasons."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = [ROOT / name for name in ("benchbed", "plugins/benchbed_optimizers", "problems/benchbed_problems")]
SOURCES = sorted(source for package in PACKAGES for source in package.rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))
NAMES = [str(source.relative_to(ROOT)) for source in SOURCES]

HEAVY = {"matplotlib", "numpy", "pandas", "pyarrow", "scipy", "torch"}
ABBREVIATIONS = {"eps", "hyperparams", "hparams", "lr", "wd"}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
EXCEPTION = re.compile(r"# (noqa: ([A-Z]+[0-9]+[, ]*)+|type: ignore\[[^]]+\])(?P<reason>.*\w.*)?$")


def imported_by(*arguments, depth=1):
    """Run Python with `arguments` and give the modules that it imported, by the first `depth` parts of their names."""
    command = [sys.executable, "-P", "-X", "importtime", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, [line for line in done.stderr.splitlines() if "import time:" not in line]
    lines = (line for line in done.stderr.splitlines() if line.startswith("import time:"))
    return {".".join(line.rsplit("|", 1)[1].strip().split(".")[:depth]) for line in lines}


def lines_without_docstring(function):
    docstring = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def names_given_by(tree):
    """List the names that the code itself chooses: of parameters, variables and fields."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


@pytest.mark.parametrize(
    "arguments",
    [
        ["-c", "import benchbed; benchbed.__version__"],
        ["-m", "benchbed", "--version"],
        ["-m", "benchbed", "--help"],
        ["-m", "benchbed", "run", "--help"],
    ],
    ids=["import", "--version", "--help", "run --help"],
)
def test_what_only_informs_imports_nothing_heavy(arguments):
    """Whoever asks for the version or for help does not wait for torch."""
    assert not imported_by(*arguments) & HEAVY


def test_running_a_study_imports_nothing_that_it_rarely_needs():
    """Neither what draws, which is the workers' task, nor SciPy's statistics: each takes as long as all of pandas."""
    code = "import benchbed.study.running, benchbed.reports.console"
    assert not imported_by("-c", code, depth=2) & {"matplotlib", "scipy.stats", "torch._dynamo"}


@pytest.mark.parametrize("source", [*SOURCES, *BENCHMARKS], ids=lambda source: str(source.relative_to(ROOT)))
def test_files_and_functions_are_small(source):
    """No file over 250 lines and no function over 50 without its docstring: split it."""
    text = source.read_text(encoding="utf-8")
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTION)]
    assert text.count("\n") <= 250
    assert not [node.name for node in functions if lines_without_docstring(node) > 50]


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_names_are_whole_words(source):
    """The field's words are written out: learning_rate, weight_decay, epsilon."""
    given = set(names_given_by(ast.parse(source.read_text(encoding="utf-8"))))
    assert not given & ABBREVIATIONS


@pytest.mark.parametrize("source", SOURCES, ids=NAMES)
def test_exceptions_from_the_checks_carry_their_reason(source):
    """What is switched off for a line is followed by words that say why."""
    lines = source.read_text(encoding="utf-8").splitlines()
    excused = ((number, EXCEPTION.search(line)) for number, line in enumerate(lines, start=1))
    assert not [number for number, found in excused if found and not found["reason"]]


def test_every_package_folder_is_a_package():
    """A folder without `__init__.py` would be left out of checks that follow packages."""
    folders = {source.parent for source in SOURCES}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]
