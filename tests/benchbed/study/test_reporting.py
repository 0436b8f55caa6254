"""Workers draw the reports, and a failing report does not affect others."""

import pytest

pytestmark = pytest.mark.slow

PLUGIN = """
import os

from benchbed.hookspecs import hookimpl


class Report:
    def __init__(self, name, pieces):
        self.name, self.pieces = name, pieces

    def draw(self, results, piece):
        return {f"plots/{self.name}-{piece}.txt": f"{len(results.problems)} problem\\n".encode()}


def raises(results):
    raise ValueError("no such results")


def dies(results):
    os._exit(3)


@hookimpl
def register_reports(register):
    register(Report("good", lambda results: ["one", "two"]))
    register(Report("raising", raises))
    if os.environ.get("DEADLY"):
        register(Report("dying", dies))
"""

OPTIONS = (
    "-p",
    "quadratic",
    "-o",
    "gd",
    "--preset",
    "quick",
    "--seeds",
    "2",
    "-O",
    "study",
    "--plugin",
    "mine.py",
)


@pytest.fixture
def folder(tmp_path):
    """Return a folder with the plugin file."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def test_a_report_that_raises_is_a_warning(folder, run_in_process):
    """The study is complete, and all other reports are written."""
    result = run_in_process(folder, "run", *OPTIONS, plots=True)
    assert result.returncode == 0, result.stderr
    assert "warning: could not draw raising: failed: ValueError: no such results" in result.stderr
    assert (folder / "study" / "summary.csv").exists()
    assert (folder / "study" / "tables" / "summary.md").exists()
    assert (folder / "study" / "plots" / "good-one.txt").read_text() == "1 problem\n"
    assert (folder / "study" / "plots" / "good-two.txt").exists()


def test_a_report_that_kills_its_process_is_a_warning(folder, run_benchbed):
    """A new worker process draws the other reports."""
    result = run_benchbed(folder, "run", *OPTIONS, "-j", "1", plots=True, DEADLY="1")
    assert result.returncode == 0, result.stderr
    assert "warning: could not draw dying: crashed" in result.stderr
    assert "warning: could not draw raising: failed" in result.stderr
    assert (folder / "study" / "tables" / "summary.md").exists()
    assert (folder / "study" / "plots" / "good-two.txt").exists()
