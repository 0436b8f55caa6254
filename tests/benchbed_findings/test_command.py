"""The command `findings`: cheap findings hold, and a finding that does not hold is an error."""

import math
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner

from benchbed_findings import command
from benchbed_findings.problems import rare_excess
from benchbed_findings.record import Finding

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.slow
def test_all_findings_but_the_networks_hold_and_are_documented():
    """The table of the page contains each sentence with its expected value."""
    findings = list(command.compute(command.PARTS[:-1]))
    assert len(findings) == 27
    assert [finding for finding in findings if not finding.holds] == []
    page = DOCS.joinpath("findings.md").read_text(encoding="utf-8")
    rows = [f"| {finding.sentence} | {finding.expected} | " for finding in findings]
    assert [row for row in rows if row not in page] == []


def test_every_part_has_a_function():
    """In one order, which is that of the documentation."""
    assert tuple(command.functions_by_part()) == command.PARTS
    assert all(part in (command.findings.help or "") for part in command.PARTS)


def test_an_excess_loss_is_nan_if_the_goal_is_not_reached():
    """So that its finding does not hold, after too few steps."""
    assert math.isnan(rare_excess("gd[learning_rate=0.1]", seed=0, steps=2))


@pytest.mark.parametrize("format_", ["text", "markdown"])
@pytest.mark.parametrize(("holds", "status"), [(True, 0), (False, 1)])
def test_a_finding_that_does_not_hold_is_an_error(monkeypatch, format_, holds, status):
    """Exit status 1, with a word in capitals."""
    parts = {part: lambda: iter([Finding("one", "1", "1.2", holds)]) for part in command.PARTS}
    monkeypatch.setattr(command, "functions_by_part", lambda: parts)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: None)
    result = CliRunner().invoke(command.findings, ["rates", "--format", format_], standalone_mode=False)
    assert result.return_value == status
    word = "FAILS" if format_ == "text" else "| NO |"
    assert (word in result.output) == bool(status)
    assert result.output.count("one") == 1
