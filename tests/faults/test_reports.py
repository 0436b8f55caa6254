"""A report that fails costs its own files: tables, other plots and findings are written, and its place has a note."""

import json
from pathlib import Path

import pytest

import benchbed

pytestmark = pytest.mark.slow

PLUGIN = Path(__file__).parent / "plugins" / "reports.py"
REASONS = {
    "raises of one": "failed: ValueError: no picture",
    "raises-for-pieces": "failed: ValueError: no picture",
    "second-raises of two": "failed: ValueError: no picture",
    "exits of one": "crashed",
    "returns-none of one": "TypeError",
    "returns-text of one": "must return the bytes of each file",
    "returns-number of one": "must return the bytes of each file",
    "leaves-folder of one": "must not write the file",
    "paths of plane": "crashed",
}
PLACES = {
    "raises of one": "raises-of-one.md",
    "raises-for-pieces": "raises-for-pieces.md",
    "second-raises of two": "second-raises-of-two.md",
    "exits of one": "exits-of-one.md",
    "paths of plane": "paths-of-plane.md",
}


@pytest.fixture(scope="module")
def ran(run_benchbed, run_once):
    """Run two optimizers on the problem whose surface exits, with all reports."""

    def fill(folder):
        result = run_benchbed(
            folder, "run", "--plugin", PLUGIN, "-p", "plane", "-o", "gd", "-o", "adam", "--preset", "quick",
            *("--steps", "20", "--track", "default", "-j", "1", "-O", "study", "--format", "json"), plots=True,
        )  # fmt: skip
        (folder / "result.json").write_text(json.dumps([result.returncode, result.stdout, result.stderr]))

    return run_once("reports", fill)


@pytest.fixture(scope="module")
def warnings(ran):
    """Return the warnings of a command that succeeded and printed JSON."""
    code, stdout, stderr = json.loads((ran / "result.json").read_text())
    assert code == 0, stderr
    assert len(json.loads(stdout)["summary"]) == 2
    assert "Traceback" not in stderr
    return [line for line in stderr.splitlines() if line.startswith("warning: could not draw")]


def test_there_is_one_short_line_for_each(warnings):
    """It names the report and its piece."""
    assert len(warnings) == len(REASONS)
    for description, reason in REASONS.items():
        (line,) = (line for line in warnings if line.startswith(f"warning: could not draw {description}: "))
        assert reason in line
        assert len(line) < 500


@pytest.mark.parametrize("description", PLACES)
def test_the_place_of_a_piece_says_why_it_is_empty(description, ran):
    """A file beside the other plots."""
    text = (ran / "study" / "plots" / PLACES[description]).read_text()
    assert "could not be drawn" in text
    assert REASONS[description] in text
    assert len(text) < 1_000


def test_everything_else_is_written(ran, warnings):
    """Tables, findings, other plots and other pieces of the same report; one that patches matplotlib harms no other."""
    study = ran / "study"
    names = {path.relative_to(study).as_posix() for path in study.rglob("*") if path.is_file()}
    assert names >= {
        "summary.csv", "tables/summary.md", "tables/findings.md", "tables/measures.csv", "tables/comparisons.csv",
        "plots/good-one.txt", "plots/good-second-one.txt", "plots/good-second-three.txt", "plots/patches.txt",
        "plots/loss-plane.png", "plots/ecdf-plane.png", "plots/wins.png",
    }  # fmt: skip
    assert not (ran / "outside.txt").exists()


def test_the_trials_have_their_scores(ran):
    """The minimizer and the basin that raise cost their own metrics."""
    trials = benchbed.load(ran / "study").trials
    assert set(trials["status"]) == {"exhausted"}
    for row in trials.to_dict("records"):
        assert set(dict(row["metric_errors"])) == {"distance-to-solution", "start_in_basin"}
        assert row["gap"] == pytest.approx((row["final_theta"] ** 2).sum() / row["scale"], rel=1e-12)
