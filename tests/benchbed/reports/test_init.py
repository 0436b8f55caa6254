"""Built-in reports are registered like those of any plugin, without importing drawing libraries."""

import pickle
import subprocess
import sys

from benchbed.reports import REPORTS, register_reports


def test_the_built_in_reports_are_registered_by_name():
    """The name selects a report with `--only`."""
    registered = {}
    register_reports(register=lambda report, name: registered.update({name: report}))
    assert list(registered) == [
        "page",
        "wins",
        "loss",
        "paths",
        "metrics",
        "ecdf",
        "learning-rate",
        "best-of-k",
        "problem-sweep",
        "heatmap",
        "tables",
        "findings",
        "profile",
        "critical-difference",
    ]
    assert all(report.name == name for name, report in registered.items())


def test_reports_that_depend_on_the_entrants_are_optional():
    """One more optimizer can reverse the order of two others there."""
    assert [report.name for report in REPORTS if report.optional] == ["profile", "critical-difference"]


def test_reports_can_be_sent_to_other_processes():
    """They contain names, not functions."""
    assert pickle.loads(pickle.dumps(REPORTS)) == REPORTS


def test_registering_imports_no_drawing_library():
    """Listing plugins must not wait for matplotlib."""
    program = "import sys, benchbed.reports; sys.exit(bool({'matplotlib', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
