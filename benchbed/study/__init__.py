"""Studies: the Python interface of benchbed to run, load and report them."""

from benchbed.study.merging import merge
from benchbed.study.model import Study, load
from benchbed.study.resources import Resources
from benchbed.study.running import folder_of, report, run, run_plan

__all__ = ["Resources", "Study", "folder_of", "load", "merge", "report", "run", "run_plan"]
