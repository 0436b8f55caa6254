"""The command `findings`: cheap findings hold, and a finding that does not hold is an error."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

import benchbed
from benchbed_findings import command
from benchbed_findings.page import check_folder, table_row
from benchbed_findings.record import Finding, Panel, Series

DOCS = Path(__file__).parents[2] / "docs"
QUICK = ("rates", "signs", "bounds", "matrices", "peaks")
"""Parts that take few seconds; `benchbed findings` computes all, before each release."""
PANEL = Panel("title", "step", "loss", [Series("rule", range(3), [1.0, 0.1, 0.01])])


@pytest.fixture(scope="module")
def quick_results():
    """Return the findings of the quick parts, by part."""
    results = {}
    for part, finding in command.compute(QUICK):
        results.setdefault(part, []).append(finding)
    return results


@pytest.mark.slow
def test_quick_findings_hold_and_are_documented(quick_results):
    """The table of the page contains each sentence with its source and its expected value."""
    findings = [finding for of_part in quick_results.values() for finding in of_part]
    assert [finding for finding in findings if not finding.holds] == []
    page = DOCS.joinpath("findings.md").read_text(encoding="utf-8")
    rows = [table_row(finding._replace(measured="")) for finding in findings]
    assert [row for row in rows if row.removesuffix(" | yes |") not in page] == []


@pytest.mark.slow
def test_quick_parts_have_figures(quick_results):
    """At least one finding of each has a panel."""
    assert all(any(finding.panel for finding in of_part) for of_part in quick_results.values())


def test_the_documentation_shows_every_part():
    """With its statement, its command and its figure; no file is left of a figure that is not shown."""
    page = DOCS.joinpath("findings.md").read_text(encoding="utf-8")
    for part, sentence in command.PARTS.items():
        assert f"### {part.capitalize()}\n\n{sentence} `benchbed findings {part}` computes" in page
        assert f"](figures/findings/{part}.svg)" in page
    files = {path.name for path in DOCS.joinpath("figures", "findings").iterdir()}
    assert files == {f"{part}.svg" for part in command.PARTS}
    assert "| NO |" not in page


def test_a_bar_in_a_sentence_does_not_end_its_cell():
    """Absolute values and norms contain bars."""
    finding = Finding("|θ| is small", "below 1", "0.5", True, "Euler (1768)")
    assert table_row(finding) == r"| \|θ\| is small | Euler (1768) | below 1 | 0.5 | yes |"


def test_every_part_has_a_function():
    """In one order, which is that of the documentation."""
    assert list(command.functions_by_part()) == list(command.PARTS)
    assert all(part in (command.findings.help or "") for part in command.PARTS)


@pytest.fixture
def run_findings(monkeypatch):
    """Return a function that runs the command on one finding a part."""
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)

    def run(*arguments, holds=True):
        finding = Finding("one", "1", "1.2", holds, "Euler (1768)", PANEL)
        parts = {part: lambda: iter([finding]) for part in command.PARTS}
        monkeypatch.setattr(command, "functions_by_part", lambda: parts)
        return CliRunner().invoke(command.findings, arguments, standalone_mode=False)

    return run


@pytest.mark.parametrize("format_", ["text", "markdown"])
@pytest.mark.parametrize(("holds", "status"), [(True, 0), (False, 1)])
def test_a_finding_that_does_not_hold_is_an_error(run_findings, format_, holds, status):
    """Exit status 1, with a word in capitals."""
    result = run_findings("rates", "--format", format_, holds=holds)
    assert result.return_value == status
    word = "FAILS" if format_ == "text" else "| NO |"
    assert (word in result.output) == bool(status)
    assert result.output.count("one") == 1
    assert "Euler (1768)" in result.output


def test_the_output_contains_a_page_and_a_figure_of_each_part(run_findings, tmp_path):
    """The page links the figures by paths relative to itself; without the option, nothing is written."""
    run_findings("peaks", "rates")
    assert list(tmp_path.iterdir()) == []
    run_findings("peaks", "rates", "--output", str(tmp_path / "new" / "folder"))
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in folder.iterdir()} == {
        "findings.md", "peaks.png", "peaks.svg", "rates.png", "rates.svg"
    }  # fmt: skip
    page = folder.joinpath("findings.md").read_text(encoding="utf-8")
    assert page.index("](rates.svg)") < page.index("](peaks.svg)")
    assert page.count("| one | Euler (1768) | 1 | 1.2 | yes |") == 2


def test_an_older_page_stays_while_findings_are_computed(tmp_path):
    """An interruption does not cost the results of an earlier run, and leaves no file."""
    page = tmp_path / "findings.md"
    page.write_text("older", encoding="utf-8")
    check_folder(tmp_path)
    assert page.read_text(encoding="utf-8") == "older"
    assert list(tmp_path.iterdir()) == [page]


def test_a_folder_that_cannot_be_written_is_an_error_before_the_computation(run_findings, tmp_path):
    """One sentence with the path and a way out."""
    (tmp_path / "file").touch()
    result = run_findings("rates", "--output", str(tmp_path / "file"))
    assert isinstance(result.exception, benchbed.StudyFolderError)
    assert str(result.exception).endswith("choose another folder with --output")
    assert "one" not in result.output


@pytest.mark.slow
def test_a_terminated_command_promises_nothing(tmp_path, make_environment):
    """It stores no trials with which the same command could continue."""
    command_line = [Path(sys.executable).with_name("benchbed"), "findings", "rates", "networks"]
    with subprocess.Popen(
        command_line,
        cwd=tmp_path,
        env=make_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline().startswith("holds")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.strip()) == (143, "terminated")
