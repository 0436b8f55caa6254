"""Tests of `benchbed compare`."""

import json
import re
import shutil

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(run_once, run_in_process):
    """Return a folder with a small study and a copy of it."""

    def fill(path):
        options = ("-p", "quadratic", "-o", "gd", "--preset", "quick", "--steps", "30", "--seeds", "2")
        assert run_in_process(path, "run", *options, "-O", "a").returncode == 0
        shutil.copytree(path / "a", path / "b")

    return run_once("compare", fill)


def test_equal_studies_have_no_differences(folder, run_benchbed):
    """The exit code is 0, and each difference is 0."""
    process = run_benchbed(folder, "compare", "a", "b", "--fail-if-worse", "0")
    assert process.returncode == 0, process.stderr
    rows = [line for line in process.stdout.splitlines() if line.startswith("gd")]
    assert [line.split()[4:7] for line in rows] == [["+0.000", "[+0.000,", "+0.000]"]] * 2
    unknown = "which changes are noticed is unknown, because no difference varies between seeds"
    text = " ".join(process.stdout.split())
    assert text.endswith(f"* significant: Holm's adjusted p over 2 rows is below 0.05; {unknown}")


def test_the_table_has_headings(folder, run_in_process):
    """The problem above, and the columns."""
    title, *headings = run_in_process(folder, "compare", "a", "b").stdout.splitlines()[:3]
    assert title == "quadratic"
    assert " ".join(headings).split() == (
        ["adjusted", "optimizer", "track", "before", "after", "difference", "95%", "p"]
    )


def test_markdown_is_for_the_summary_of_a_workflow(folder, run_in_process):
    """A heading, a table, and the footnote, which must not become an item of a list."""
    lines = run_in_process(folder, "compare", "a", "b", "--format", "markdown").stdout.splitlines()
    assert lines[0] == "### quadratic"
    headings = [cell.strip() for cell in lines[2].strip("|").split("|")]
    assert headings == ["optimizer", "track", "before", "after", "difference", "95%", "adjusted p"]
    assert [line.count("|") for line in lines[2:6]] == [8] * 4
    assert lines[-1].startswith(r"\* significant: ")


def test_json_has_a_record_for_each_change(folder, run_in_process):
    """Its fields are the columns of CSV, with null for numbers that are not known."""
    result = json.loads(run_in_process(folder, "compare", "a", "b", "--format", "json").stdout)
    assert result["notes"] == []
    assert [(row["optimizer"], row["track"]) for row in result["changes"]] == [
        ("gd", "default"),
        ("gd", "tuned"),
    ]
    row = result["changes"][0]
    assert (row["difference"], row["low"], row["high"], row["noticeable"]) == (0, 0, 0, None)
    assert row["is_significant"] is row["is_exact"] is False


def test_a_rule_for_each_problem_needs_a_margin(folder, run_in_process):
    """Alone the option would do nothing."""
    process = run_in_process(folder, "compare", "a", "b", "--per-problem")
    assert process.returncode == 2
    assert process.stderr == "error: --per-problem has no rule to apply; add --fail-if-worse X\n"


def test_the_page_shows_changes_and_both_studies(revised, run_in_process, tmp_path):
    """The first study is grey, also where the optimizers have the same names."""
    page = tmp_path / "pages" / "changes.html"
    process = run_in_process(revised, "compare", "a", "optimizer", "--page", page)
    assert process.returncode == 0, process.stderr
    assert process.stderr.endswith(f"page: {page}\n")
    text = page.read_text()
    assert "<title>optimizer compared with a · benchbed</title>" in text
    assert "changed significantly since a." in text
    assert "Optimizer mine differs between the studies (in mine.py)." in text
    assert 'data-name="mine (a)"' in text
    assert "<caption>Differences of scores, optimizer minus a</caption>" in text
    assert "default-src &#39;none&#39;" in text
    assert not re.search("https?:", text)


def test_csv_has_all_columns(folder, run_in_process):
    """It is meant for programs."""
    process = run_in_process(folder, "compare", "a", "b", "--format", "csv")
    assert (
        process.stdout.splitlines()[0]
        == "problem,optimizer,track,before,after,difference,low,high,p_value,adjusted_p,noticeable,is_exact"
    )


def test_a_missing_folder_exits_with_3(folder, run_in_process):
    """The error names it."""
    process = run_in_process(folder, "compare", "a", "nowhere")
    assert process.returncode == 3
    assert "nowhere" in process.stderr


def test_a_difference_without_an_interval_has_the_reason(tmp_path, run_in_process):
    """One problem is deterministic, and the other has a single seed, so that no fall is significant."""
    options = (
        "-p",
        "quadratic[start=2]",
        "-p",
        "quadratic",
        "-o",
        "gd",
        "--track",
        "default",
        "--steps",
        "30",
    )
    assert (
        run_in_process(tmp_path, "run", *options, "--preset", "quick", "--seeds", "1", "-O", "a").returncode
        == 0
    )
    process = run_in_process(tmp_path, "compare", "a", "a", "--fail-if-worse", "0")
    assert process.returncode == 0
    rows = [" ".join(line.split()[4:]) for line in process.stdout.splitlines() if line.startswith("gd")]
    assert rows == ["+0.000 one seed –", "+0.000 exact –", "+0.000 one seed –"]
    assert "with one seed there is no interval, so that no fall is significant" in process.stderr


PLUGIN = """
from dataclasses import dataclass
from typing import NamedTuple

import torch

from benchbed.hookspecs import hookimpl
from benchbed.interfaces import Layout, Optimizer, Problem

CURVATURE, RATE = {curvature}, {rate}


class Nothing(NamedTuple):
    pass


@dataclass(frozen=True)
class Bowl(Problem):
    layout = Layout({{"theta": (2,)}})

    def make_start(self, generator):
        return torch.randn(2, generator=generator, dtype=torch.float64)

    def objective(self, theta, data):
        return CURVATURE * theta.square().sum(dim=-1)

    def optimum(self, data):
        return torch.zeros((), dtype=torch.float64)


def mine():
    return Optimizer(init=lambda theta: Nothing(), update=lambda o, s, t: (t - RATE * o.gradient, s))


@hookimpl
def register_KIND(register):
    register(OBJECT)
"""
PROBLEM = PLUGIN.replace("KIND", "problems").replace("OBJECT", "Bowl")
RULE = PLUGIN.replace("KIND", "optimizers").replace("OBJECT", "mine")


@pytest.fixture(scope="module")
def revised(run_once, run_in_process):
    """Return a folder with a study, one with another version of its problem, and one with one of its optimizer."""

    def fill(path):
        options = ("-p", "bowl", "-p", "quadratic", "-o", "mine", "-o", "gd", "--track", "default")
        plugins = ("--plugin", "bowl.py", "--plugin", "mine.py", "--preset", "quick", "--steps", "30")
        for name, curvature, rate in (("a", 1.0, 0.1), ("problem", 2.0, 0.1), ("optimizer", 1.0, 0.001)):
            (path / "bowl.py").write_text(PROBLEM.format(curvature=curvature, rate=0.1))
            (path / "mine.py").write_text(RULE.format(curvature=1.0, rate=rate))
            process = run_in_process(path, "run", *options, *plugins, "-O", name)
            assert process.returncode == 0, process.stderr

    return run_once("compare-revised", fill)


def test_a_problem_that_differs_is_not_compared(revised, run_in_process):
    """Its difference would be one of two problems; the other problem is compared."""
    process = run_in_process(revised, "compare", "a", "problem")
    assert process.returncode == 0, process.stderr
    note = (
        "note: problem bowl differs between the studies (in bowl.py), so that its scores are not compared\n"
    )
    assert process.stderr == note
    assert [line.split()[0] for line in process.stdout.splitlines() if " default " in line] == ["mine", "gd"]
    assert "quadratic\n" in process.stdout
    assert "bowl" not in process.stdout


def test_there_is_no_verdict_on_a_problem_that_differs(revised, run_in_process):
    """Neither success nor a fall."""
    process = run_in_process(revised, "compare", "a", "problem", "--fail-if-worse", "0.01")
    assert process.returncode == 2
    assert "--fail-if-worse has no verdict on bowl" in process.stderr


def test_each_problem_may_have_a_verdict_of_its_own(revised, run_in_process):
    """The means over problems have none then."""
    rule = ("--fail-if-worse", "0.01", "--per-problem")
    process = run_in_process(revised, "compare", "a", "optimizer", *rule)
    assert process.returncode == 1
    errors = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert errors
    assert all(line.startswith(("error: bowl, mine on", "error: quadratic, mine on")) for line in errors)


def test_an_optimizer_that_differs_is_compared(revised, run_in_process):
    """That is what the command is for."""
    process = run_in_process(revised, "compare", "a", "optimizer", "--fail-if-worse", "0.01")
    assert process.returncode == 1
    assert "note: optimizer mine differs between the studies (in mine.py)\n" in process.stderr
    # The rows of gd, which do not change, are left out of the smallest noticeable change.
    assert "80 % of such comparisons notice changes of at least 0." in " ".join(process.stdout.split())
    assert "at least 0.000" not in process.stdout
    assert "error: (mean over problems), mine on the default track fell by" in process.stderr
