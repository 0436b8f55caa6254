"""findings.py: cheap findings hold, and a finding that does not hold is an error."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "findings.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("findings", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
        yield module


def test_identities_of_adam_hold(script):
    """Its first step, its relation to AdamW and to sign descent, and the bound of the weights."""
    findings = list(script.signs_and_decay())
    assert len(findings) == 4
    assert [finding for finding in findings if not finding.holds] == []


@pytest.mark.parametrize(("measured", "status"), [(1.0, 0), (1.2, 1)])
def test_a_finding_that_does_not_hold_is_an_error(script, monkeypatch, capsys, measured, status):
    """Exit status 1, with NO in the table."""
    monkeypatch.setattr(script, "findings", lambda: iter([script.near("one", 1.0, measured, 0.1)]))
    assert script.main() == status
    assert ("| NO |" in capsys.readouterr().out) == bool(status)
