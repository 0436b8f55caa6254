"""The page of suites has the numbers of the studies, and a run that fails leaves no time behind."""

import importlib
import re

import pytest

import benchbed

pytestmark = pytest.mark.slow


@pytest.fixture
def suite_results():
    return importlib.import_module("suite_results")


@pytest.fixture(scope="module")
def study(run_in_process, run_once):
    """A study of two optimizers on two problems of different groups."""
    selection = ["-p", "quadratic", "-p", "quartic", "-o", "sgd", "-o", "adam"]
    options = ["--preset", "quick", "--steps", "200", "--seeds", "2", "-O", "study"]
    folder = run_once("suite-results", lambda folder: run_in_process(folder, "run", *selection, *options))
    return benchbed.load(folder / "study")


def test_the_block_has_the_numbers_of_the_study(suite_results, study):
    """Means, shares of trials that reached all targets, findings and the wall time."""
    block = suite_results.describe("mine", study, 123.0)
    assert block.startswith("`benchbed run mine`: 2 problems, 2 optimizers, 2 min 5 s on ")
    overall = study.results.overall.query("optimizer == 'adam' and track == 'tuned' and group == 'geometry'")
    assert f"{overall['score'].item():.3f} [" in block
    tuned = study.summary.query("track == 'tuned' and optimizer == 'sgd'")
    (row,) = re.findall(r"^\| sgd +\|((?: +\d+% *\|)+)$", block, re.MULTILINE)
    shares = [int(share) for share in re.findall(r"\d+", row)]
    assert shares == (100 * tuned["solved"] / tuned["trials"]).round().astype(int).tolist()
    assert block.count("- tuned track, group ") == 2


def test_a_share_is_a_mean_over_problems(suite_results, tmp_path):
    """The single trial of a deterministic problem counts as much as the seeds of another; exact oracles have none."""
    study = benchbed.run(
        problems=["quadratic[start=1.0]", "quadratic[condition_number=4]", "quartic"],
        optimizers=["gd[learning_rate=0.05]"], tracks=["tuned"], preset="quick", steps=200, seeds=3, jobs=1,
        output=tmp_path / "study",
    )  # fmt: skip
    assert study.summary["trials"].tolist() == [1, 3, 3]
    assert study.summary["solved"].tolist()[:2] == [0, 3]
    assert re.findall(r"(?<=\| )[\d–]+%?", suite_results.solved_table(study)) == ["50%", "–"]


def test_a_page_is_written_between_its_marks(suite_results, study, tmp_path, capsys, monkeypatch):
    """The text around them stays; a page without the marks is rejected."""
    monkeypatch.setattr(suite_results, "run", lambda name, folder: (study, 8.0))
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- mine -->\nold\n<!-- end -->\nafter\n", "utf-8")
    with pytest.raises(SystemExit) as exit_:
        suite_results.main(["mine", "--write", str(page)])
    assert exit_.value.code == 0
    text = page.read_text("utf-8")
    assert text.startswith("before\n<!-- mine -->\n\n`benchbed run mine`")
    assert text.endswith("\n<!-- end -->\nafter\n")
    assert "old" not in text
    with pytest.raises(SystemExit):
        suite_results.main(["other", "--write", str(page)])
    assert "has no block <!-- other -->" in capsys.readouterr().err


def test_a_run_that_fails_leaves_no_time(suite_results, tmp_path):
    """The next run must not take its folder for a finished study."""
    with pytest.raises(SystemExit) as exit_:
        suite_results.run("no-such-suite", tmp_path)
    assert exit_.value.code == 2
    assert list(tmp_path.glob("*.seconds")) == []
