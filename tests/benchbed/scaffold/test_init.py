"""New plugins run and keep the contract at once, for every name, and are never written over other files."""

import os
import subprocess
import sys
import zipfile

import pytest

from benchbed.catalog.loading import load_catalog
from benchbed.errors import BenchbedError, UsageError
from benchbed.scaffold import plugin_file, plugin_package, write_files
from benchbed.testing import check_optimizer, check_problem

NAMES = ["my-rule", "x-2", "l2-ball", "a--b", "a-", "z" * 64]
CONTENTS = {"optimizer": "optimizers", "problem": "problems"}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_registers_its_name(name, content, tmp_path):
    """Also a name that Python's spelling loses."""
    (path,) = write_files(tmp_path, plugin_file(name, content))
    entry = load_catalog([path], environ={}).entry(CONTENTS[content], name)
    assert entry.distribution == str(path)
    assert (
        all(len(line) <= 88 for line in path.read_text().splitlines() if name not in line) or len(name) > 60
    )


def test_the_templates_keep_the_contract(tmp_path):
    """Every claim of an optimizer and of a problem."""
    paths = write_files(tmp_path, plugin_file("my-rule", "optimizer") | plugin_file("my-bowl", "problem"))
    catalog = load_catalog(paths, environ={})
    check_optimizer(catalog.optimizer("my-rule").implementation)
    check_problem(catalog.problem("my-bowl", {}))


@pytest.mark.slow
def test_packages_pass_their_own_tests(tmp_path):
    """Both are built, and their tests run against the built distributions."""
    site, folders = tmp_path / "site", []
    for content in CONTENTS:
        folder = tmp_path / content
        write_files(folder, plugin_package(f"my-{content}", content))
        command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=120)
        (wheel,) = (folder / "dist").glob("*.whl")
        zipfile.ZipFile(wheel).extractall(site)
        folders.append(str(folder / "tests"))
    process = subprocess.run(
        [
            sys.executable,
            "-P",
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--import-mode=importlib",
            *folders,
        ],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    assert "18 passed" in process.stdout


def test_a_workflow_names_the_python_of_its_matrix():
    """Its expressions are those of GitHub, which look like those of a template."""
    workflow = plugin_package("my-rule", "optimizer")[".github/workflows/tests.yml"]
    assert "          python-version: ${{ matrix.python }}\n          cache: pip\n" in workflow
    assert workflow.endswith("      - run: benchbed check my-rule\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("My_Rule", "optimizer", "name 'My_Rule' is not allowed"),
        ("lambda", "optimizer", "'lambda' cannot name a plugin: it is a keyword of Python"),
        ("torch", "optimizer", "the file uses torch for something else"),
        ("layout", "problem", "the file uses Layout for something else"),
        ("register-optimizers", "optimizer", "the file uses register_optimizers for something else"),
        ("random", "problem", "it would hide the installed module random"),
    ],
)
def test_a_name_that_python_needs_is_rejected(name, content, message):
    """Before anything is written."""
    with pytest.raises(UsageError, match=message):
        plugin_file(name, content)


def test_a_package_may_not_hide_an_installed_one():
    """The package of the course is installed."""
    with pytest.raises(UsageError, match="it would hide the installed module benchbed_course"):
        plugin_package("course", "optimizer")


def test_no_file_is_overwritten(tmp_path):
    """If one file exists, none is written."""
    files = plugin_package("my-rule", "optimizer")
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(UsageError, match=r"README\.md exists and is not overwritten"):
        write_files(tmp_path, files)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert (tmp_path / "README.md").read_text() == "mine"


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path):
    """A file in place of the folder."""
    (tmp_path / "file").touch()
    with pytest.raises(BenchbedError, match=r"cannot write .*my_rule\.py: File exists"):
        write_files(tmp_path / "file", plugin_file("my-rule", "optimizer"))
