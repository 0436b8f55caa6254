"""Run one whole study, plots included, for all tests of the commands."""

import shutil

import pytest

ASKED = [
    "run", "-p", "quadratic", "-p", "runge", "-o", "gd", "-o", "adam",
    "--preset", "quick", "--steps", "30", "--seeds", "2", "-O", "study",
]  # fmt: skip


@pytest.fixture(scope="session")
def asked():
    """Give the arguments of the whole study."""
    return ASKED


@pytest.fixture(scope="session")
def whole(bench, once):
    """Give the folder in which a whole study ran, with its stdout and stderr beside it."""

    def fill(folder):
        result = bench(folder, *ASKED, plots=True)
        assert result.returncode == 0, result.stderr
        (folder / "stdout").write_text(result.stdout)
        (folder / "stderr").write_text(result.stderr)

    return once("whole", fill)


@pytest.fixture
def copy(whole, tmp_path):
    """Give a folder with a copy of the whole study, to change."""
    shutil.copytree(whole / "study", tmp_path / "study")
    return tmp_path


@pytest.fixture(scope="session")
def files():
    """Give a function that lists the files below a folder with their times, but for the lock."""

    def listed(folder):
        found = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
        return {path.relative_to(folder).as_posix(): path.stat().st_mtime_ns for path in found}

    return listed
