"""findings.py: cheap findings hold, and a finding that does not hold is an error."""

import math
from importlib import import_module
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def script():
    """Import the script, which the path contains only during tests."""
    return import_module("findings")


@pytest.mark.slow
def test_all_findings_but_the_networks_hold_and_are_documented(script):
    """The table of the page contains each sentence with its expected value."""
    findings = list(script.findings(with_networks=False))
    assert len(findings) == 26
    assert [finding for finding in findings if not finding.holds] == []
    page = DOCS.joinpath("findings.md").read_text(encoding="utf-8")
    rows = [f"| {finding.sentence} | {finding.expected} | " for finding in findings]
    assert [row for row in rows if row not in page] == []


def test_an_excess_loss_is_nan_if_the_goal_is_not_reached(script):
    """So that its finding does not hold, after too few steps."""
    problems = import_module("findings_problems")
    assert math.isnan(problems.rare_excess("gd[learning_rate=0.1]", seed=0, steps=2))


@pytest.mark.parametrize(("holds", "status"), [(True, 0), (False, 1)])
def test_a_finding_that_does_not_hold_is_an_error(script, monkeypatch, capsys, holds, status):
    """Exit status 1, with NO in the table."""
    monkeypatch.setattr(
        script, "findings", lambda with_networks: iter([script.Finding("one", "1", "1.2", holds)])
    )
    assert script.main() == status
    assert ("| NO |" in capsys.readouterr().out) == bool(status)
