"""Fixtures with one complete study, plots included, for the tests of all commands."""

import shutil

import pytest

ARGUMENTS = [
    "run", "-p", "quadratic", "-p", "runge", "-o", "gd", "-o", "adam",
    "--preset", "quick", "--steps", "30", "--seeds", "2", "-O", "study",
]  # fmt: skip


@pytest.fixture(scope="session")
def arguments():
    """Return the arguments of the study."""
    return ARGUMENTS


@pytest.fixture(scope="session")
def full_study(run_benchbed, run_once):
    """Return a folder with a study, and with the output of its run in the files stdout and stderr."""

    def fill(folder):
        result = run_benchbed(folder, *ARGUMENTS, plots=True)
        assert result.returncode == 0, result.stderr
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    return run_once("full_study", fill)


@pytest.fixture
def copy(full_study, tmp_path):
    """Return a folder with a copy of the study, which a test may change."""
    shutil.copytree(full_study / "study", tmp_path / "study")
    return tmp_path


@pytest.fixture(scope="session")
def files():
    """Return a function that returns the files below a folder with their times, without the lock."""

    def listed(folder):
        paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
        return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in paths}

    return listed
