"""findings.py: cheap findings hold, and a finding that does not hold is an error."""

from importlib import import_module

import pytest


@pytest.fixture
def script():
    """Import the script, which the path contains only during tests."""
    return import_module("findings")


def test_identities_of_adam_hold(script):
    """Its first step, its relation to AdamW and to sign descent, and the bound of the weights."""
    findings = list(script.signs_and_decay())
    assert len(findings) == 4
    assert [finding for finding in findings if not finding.holds] == []


@pytest.mark.parametrize(("holds", "status"), [(True, 0), (False, 1)])
def test_a_finding_that_does_not_hold_is_an_error(script, monkeypatch, capsys, holds, status):
    """Exit status 1, with NO in the table."""
    monkeypatch.setattr(
        script, "findings", lambda with_networks: iter([script.Finding("one", "1", "1.2", holds)])
    )
    assert script.main() == status
    assert ("| NO |" in capsys.readouterr().out) == bool(status)
