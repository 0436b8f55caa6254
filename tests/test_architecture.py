"""Rules for the whole source tree: light imports, small files, full words, exceptions with reasons, mirrored tests."""

import ast
import importlib.util
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = (
    "benchbed",
    "plugins/benchbed_optimizers",
    "plugins/benchbed_course",
    "plugins/benchbed_findings",
    "problems/benchbed_problems",
)
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
BENCHMARKS = sorted((ROOT / "benchmarks").rglob("*.py"))

HEAVY = {"matplotlib", "numpy", "pandas", "pyarrow", "scipy", "seaborn", "torch"}
ABBREVIATIONS = {"eps", "hyperparams", "hparams", "lr", "wd"}
FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
EXCEPTION = re.compile(r"# (noqa: ([A-Z]+[0-9]+[, ]*)+|type: ignore\[[^]]+\])(?P<reason>.*\w.*)?$")


def imported_modules(*arguments, depth=1):
    """Run Python with `arguments` and return the modules that it imports, cut to the first `depth` parts."""
    command = [sys.executable, "-P", "-X", "importtime", *arguments]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert process.returncode == 0, [
        line for line in process.stderr.splitlines() if "import time:" not in line
    ]
    lines = (line for line in process.stderr.splitlines() if line.startswith("import time:"))
    return {".".join(line.rsplit("|", 1)[1].strip().split(".")[:depth]) for line in lines}


def lines_without_docstring(function):
    docstring = ast.get_docstring(function, clean=False)
    return function.end_lineno - function.lineno + 1 - (docstring.count("\n") + 1 if docstring else 0)


def bound_names(tree):
    """Yield the parameters, variables and fields that the code names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id


def relative(path):
    return path.relative_to(ROOT).as_posix()


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
def test_version_and_help_import_nothing_heavy(arguments):
    """Version and help appear without waiting for torch."""
    assert not imported_modules(*arguments) & HEAVY


def test_running_a_study_defers_plotting_and_statistics():
    """Plots are drawn by workers and SciPy's statistics are rarely needed: each takes as long to import as pandas."""
    code = "import benchbed.study.running, benchbed.reports.console"
    imported = imported_modules("-c", code, depth=2)
    assert not imported & {"matplotlib", "seaborn", "scipy.stats", "torch._dynamo"}


def test_files_and_functions_are_small():
    """No file has more than 250 lines and no function more than 50 without its docstring."""
    offenders = []
    for source in [*SOURCES, *BENCHMARKS]:
        text = source.read_text(encoding="utf-8")
        if text.count("\n") > 250:
            offenders.append(f"{relative(source)}: {text.count(chr(10))} lines")
        offenders += [
            f"{relative(source)}:{node.lineno}: {node.name} has {lines_without_docstring(node)} lines"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, FUNCTION) and lines_without_docstring(node) > 50
        ]
    assert offenders == []


def test_names_are_full_words():
    """The field's words are written out: learning_rate, weight_decay, epsilon."""
    offenders = {
        f"{relative(source)}: {name}"
        for source in SOURCES
        for name in bound_names(ast.parse(source.read_text(encoding="utf-8")))
        if name in ABBREVIATIONS
    }
    assert offenders == set()


def test_choices_are_defined_once():
    """Two lists of the same name, such as the tracks, would drift apart."""
    names = [
        target.id
        for source in SOURCES
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Subscript)
        and ast.unparse(node.value.value) == "Literal"
        for target in node.targets
    ]
    assert "Track" in names
    assert [name for name, count in Counter(names).items() if count > 1] == []


def test_exceptions_from_the_checks_state_their_reason():
    """A `noqa` or `type: ignore` is followed by its reason."""
    offenders = [
        f"{relative(source)}:{number}"
        for source in SOURCES
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), start=1)
        if (match := EXCEPTION.search(line)) and not match["reason"]
    ]
    assert offenders == []


def test_scripts_import_names_that_exist():
    """No test runs the benchmarks that take minutes; a moved name would break them unnoticed."""
    missing = []
    for script in BENCHMARKS:
        for node in ast.walk(ast.parse(script.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("benchbed"):
                module = importlib.import_module(node.module)
                missing += [
                    f"{relative(script)}:{node.lineno}: {node.module}.{name.name}"
                    for name in node.names
                    if not hasattr(module, name.name)
                    and not (
                        hasattr(module, "__path__") and importlib.util.find_spec(f"{node.module}.{name.name}")
                    )
                ]
    assert missing == []


def test_every_package_folder_is_a_package():
    """Checks that follow packages would miss a folder without `__init__.py`."""
    folders = {source.parent for source in SOURCES}
    assert not [folder for folder in folders if not (folder / "__init__.py").exists()]
