"""Reports enter like any plugin, and cost nothing until they draw."""

import pickle
import subprocess
import sys

from benchbed.reports import REPORTS, register_reports


def test_the_built_in_reports_register_by_name():
    """Under the names that select them."""
    entered = {}
    register_reports(register=lambda report, name: entered.update({name: report}))
    assert list(entered) == [
        "wins",
        "loss",
        "paths",
        "ecdf",
        "learning-rate",
        "best-of-k",
        "heatmap",
        "critical-difference",
        "tables",
        "findings",
        "profile",
    ]
    assert all(report.name == name for name, report in entered.items())


def test_only_the_profile_must_be_asked_for():
    """It says who is ahead of whom, which one more entrant may turn around."""
    assert [report.name for report in REPORTS if report.optional] == ["profile"]


def test_reports_travel_to_other_processes():
    """They are names, not functions."""
    assert pickle.loads(pickle.dumps(REPORTS)) == REPORTS


def test_entering_imports_no_drawing_library():
    """Listing plugins must not wait for matplotlib."""
    program = "import sys, benchbed.reports; sys.exit(bool({'matplotlib', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
