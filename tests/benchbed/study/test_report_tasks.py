"""Reports are drawn by the workers, and one that fails harms no other."""

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
    raise ValueError("these results are not to my taste")


def dies(results):
    os._exit(3)


@hookimpl
def register_reports(register):
    register(Report("good", lambda results: ["one", "two"]))
    register(Report("raising", raises))
    if os.environ.get("DEADLY"):
        register(Report("dying", dies))
"""

ASKED = (
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
    """A folder with the plugin file."""
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def test_a_report_that_cannot_name_its_pieces_is_a_warning(folder, run_in_process):
    """The study is complete, and every other report is made."""
    result = run_in_process(folder, "run", *ASKED, plots=True)
    assert result.returncode == 0, result.stderr
    assert (
        "warning: could not draw raising: failed: ValueError: these results are not to my taste"
        in result.stderr
    )
    assert (folder / "study" / "summary.csv").exists()
    assert (folder / "study" / "tables" / "summary.md").exists()
    assert (folder / "study" / "plots" / "good-one.txt").read_text() == "1 problem\n"
    assert (folder / "study" / "plots" / "good-two.txt").exists()


def test_a_report_that_kills_its_process_is_a_warning(folder, run_benchbed):
    """A worker that dies over naming pieces is replaced."""
    result = run_benchbed(folder, "run", *ASKED, "-j", "1", plots=True, DEADLY="1")
    assert result.returncode == 0, result.stderr
    assert "warning: could not draw dying: crashed" in result.stderr
    assert "warning: could not draw raising: failed" in result.stderr
    assert (folder / "study" / "tables" / "summary.md").exists()
    assert (folder / "study" / "plots" / "good-two.txt").exists()
