"""Studies: the Python interface of benchbed to run, load and report them."""

from benchbed.study.model import Study, load
from benchbed.study.reporting import report, write_reports
from benchbed.study.resources import Resources, default_jobs
from benchbed.study.running import folder_of, run, run_plan

__all__ = [
    "Resources",
    "Study",
    "default_jobs",
    "folder_of",
    "load",
    "report",
    "run",
    "run_plan",
    "write_reports",
]
